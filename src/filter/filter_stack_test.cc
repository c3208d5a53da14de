// Goal: --filters LIST means the same in any order, its errors help, and a stack's push arrives, counted and in order.
#include "filter/filter_stack.h"

#include <gtest/gtest.h>

#include <map>

#include "filter/test_inputs.h"

namespace steelyard::filter {
namespace {

TEST(FilterList, AnyOrderIsTheSameList) {
  const auto list = ParseFilterList("snappy,fixed:2,zeros,key-cache,significant:0.5");
  ASSERT_TRUE(list.ok());
  EXPECT_EQ(list.value().ToString(), "significant:0.5,fixed:2,key-cache,zeros,snappy");
  const auto again = ParseFilterList(list.value().ToString());
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(again.value(), list.value());
  const auto all = ParseFilterList("kkt,feedback,skip:0.25,fixed:1,sparse,delta,lz4");
  ASSERT_TRUE(all.ok());
  EXPECT_EQ(all.value().ToString(), "kkt,feedback,skip:0.25,fixed:1,sparse,delta,lz4");
  EXPECT_EQ(ParseFilterList("none").value(), FilterList());
  EXPECT_EQ(FilterList().ToString(), "none");
}

TEST(FilterList, ErrorsSayWhatWasFoundAndWhatWouldDo) {
  const std::vector<std::pair<std::string, std::string>> cases{
      {"zero", "did you mean zeros?"},
      {"keycache", "did you mean key-cache?"},
      {"quantise", "known: kkt, significant"},
      {"", "say none"},
      {"zeros,", "there is no filter ''"},
      {"none,zeros", "there is no filter 'none'"},
      {"zeros,lz4,zeros", "zeros is named twice"},
      {"zeros:2", "takes no argument"},
      {"fixed", "needs 1, 2 or 3 bytes"},
      {"fixed:4", "'fixed:4': needs 1, 2 or 3 bytes"},
      {"skip:0", "needs a probability"},
      {"skip:1.5", "needs a probability"},
      {"skip:half", "needs a probability"},
      {"skip:nan", "needs a probability"},
      {"significant:-1", "needs a threshold"},
      {"significant:1x", "needs a threshold"},
      {"lz4,snappy", "name one of them"},
      {"feedback,zeros", "name skip or fixed"}};
  for (const auto& [text, message] : cases) {
    const auto list = ParseFilterList(text);
    ASSERT_FALSE(list.ok()) << text;
    EXPECT_EQ(list.status().code(), StatusCode::kInvalidArgument);
    EXPECT_NE(list.status().message().find(message), std::string::npos)
        << text << ": " << list.status().message();
  }
}

TEST(FilterList, PullsMayHaveAListOfTheirOwn) {
  const auto same = ParseFilterList("fixed:2,key-cache,zeros,snappy").value();
  EXPECT_EQ(same.of_pulls(),
            (PullFilters{.key_cache = true, .zeros = true, .bytes = CodecId::kSnappy}));
  for (const char* const text :
       {"fixed:2,zeros/key-cache,delta,lz4", "none/zeros", "key-cache/none", "none/none"}) {
    const auto list = ParseFilterList(text);
    ASSERT_TRUE(list.ok()) << text << ": " << list.status().ToString();
    EXPECT_EQ(list.value().ToString(), text);
  }
  EXPECT_EQ(ParseFilterList("fixed:2/lz4").value().of_pulls(), PullFilters{.bytes = CodecId::kLz4});
  for (const char* const text : {"zeros/fixed:2", "none/sparse", "zeros/delta,kkt"}) {
    EXPECT_NE(ParseFilterList(text).status().message().find("what is pulled is not changed"),
              std::string::npos)
        << text;
  }
  EXPECT_NE(ParseFilterList("zeros/").status().message().find("say none"), std::string::npos);
  EXPECT_NE(ParseFilterList("/zeros").status().message().find("say none"), std::string::npos);
  EXPECT_NE(
      ParseFilterList("zeros/lz4/delta").status().message().find("there is no filter 'lz4/delta'"),
      std::string::npos);
}

TEST(FilterStack, EachDirectionIsPackedAsItsListSays) {
  auto made = FilterStack::Create("delta,key-cache,fixed:2/zeros,lz4", {});
  ASSERT_TRUE(made.ok());
  FilterStack& stack = made.value();
  EXPECT_TRUE(stack.caches_keys(Direction::kPush));
  EXPECT_FALSE(stack.caches_keys(Direction::kPull));
  EXPECT_EQ(stack.answer_codecs(), (wire::AnswerCodecs{static_cast<std::uint8_t>(CodecId::kZeros),
                                                       static_cast<std::uint8_t>(CodecId::kLz4)}));
  const std::vector<Key> keys = SteppedKeys(1000, 3, 1);
  (void)stack.EncodeKeys(Direction::kPush, keys);
  (void)stack.EncodeKeys(Direction::kPush, keys);
  (void)stack.EncodeKeys(Direction::kPull, keys);
  std::map<std::string, std::uint64_t> before;
  const auto all = stack.counts();
  for (const FilterCounts& counts : all) before[counts.name] = counts.bytes_before;
  EXPECT_EQ(before.at("keys:delta"), 2 * 8000U);
  EXPECT_EQ(before.at("pull keys:lz4"), 8000U);
  EXPECT_FALSE(before.contains("pull keys:delta"));
  EXPECT_FALSE(FilterStack::Create("delta/none", {}).value().packs(Direction::kPull));
  EXPECT_FALSE(FilterStack::Create("none/delta", {}).value().packs(Direction::kPush));
}

TEST(FilterStack, AppliesFiltersInTheRightOrder) {
  const auto order = [](std::string_view list) {
    auto stack =
        FilterStack::Create(list, {.kkt = [](Key, std::span<const float>) { return true; }});
    return stack.ok() ? stack.value().ToString() : stack.status().ToString();
  };
  EXPECT_EQ(order("none"), "keys:raw | values:raw");
  EXPECT_EQ(order("lz4,zeros,delta"), "keys:delta | values:zeros+lz4");
  EXPECT_EQ(order("snappy,fixed:2"), "fixed:2 | keys:snappy | values:columns+fixed+snappy");
  EXPECT_EQ(order("sparse,fixed:1,skip:0.5,feedback,significant:1,kkt"),
            "kkt,significant:1,feedback,skip:0.5,fixed:1,sparse | keys:raw | values:columns+fixed");
}

TEST(FilterStack, KktNeedsARule) {
  const auto stack = FilterStack::Create("kkt", {});
  ASSERT_FALSE(stack.ok());
  EXPECT_NE(stack.status().message().find("no rule"), std::string::npos);
}

TEST(FilterStack, APushArrivesAndIsCounted) {
  auto made = FilterStack::Create("sparse,fixed:2,zeros,delta,lz4,key-cache", {.seed = 3});
  ASSERT_TRUE(made.ok());
  FilterStack& stack = made.value();
  EXPECT_TRUE(stack.caches_keys(Direction::kPush));
  PushRows rows{
      .width = 2, .keys = SteppedKeys(10'000, 20, 1), .floats = NormalFloats(20'000, 0.9, 1)};
  stack.Apply(rows);
  EXPECT_LT(rows.size(), 2'500U);
  const PushRows kept = rows;
  std::vector<std::byte> body;
  for (int transmission = 0; transmission < 2; ++transmission) {  // Sent again: the same bytes.
    const Bytes keys = stack.EncodeKeys(Direction::kPush, rows.keys);
    std::vector<std::byte> bytes(keys.begin(), keys.end());
    const Bytes floats = stack.EncodeFloats(rows.floats, rows.width);
    bytes.insert(bytes.end(), floats.begin(), floats.end());
    EXPECT_TRUE(body.empty() || body == bytes);
    body = bytes;
  }
  SectionDecoder key_decoder, float_decoder;
  Bytes rest = body;
  const auto keys = key_decoder.DecodeKeys(rest, kept.size());
  ASSERT_TRUE(keys.ok());
  const auto floats = float_decoder.DecodeFloats(rest, kept.floats.size());
  ASSERT_TRUE(floats.ok());
  EXPECT_TRUE(rest.empty());
  EXPECT_TRUE(std::ranges::equal(keys.value(), kept.keys));
  EXPECT_TRUE(std::ranges::equal(floats.value(), kept.floats));

  std::vector<std::string> names;
  for (const FilterCounts& counts : stack.counts()) {
    names.push_back(counts.name);
    EXPECT_EQ(counts.bytes_before > 0, !counts.name.starts_with("pull ")) << counts.name;
  }
  EXPECT_EQ(names, (std::vector<std::string>{"fixed:2", "sparse", "keys:delta", "values:columns",
                                             "values:zeros", "values:fixed", "values:lz4",
                                             "pull keys:delta"}));
  EXPECT_EQ(stack.counts()[1].bytes_before, 10'000U * 16);
  EXPECT_EQ(stack.counts()[1].bytes_after, kept.bytes());
  EXPECT_EQ(stack.counts()[2].bytes_before, 2 * kept.size() * sizeof(Key));
}

TEST(FilterStack, OneSeedOneOutcome) {
  const auto filtered = [](std::uint64_t seed) {
    auto stack = FilterStack::Create("skip:0.5,fixed:1", {.seed = seed});
    PushRows rows{.keys = SteppedKeys(1000, 3, 1), .floats = NormalFloats(1000, 0, 1)};
    stack.value().Apply(rows);
    return rows;
  };
  EXPECT_EQ(filtered(7).keys, filtered(7).keys);
  EXPECT_EQ(filtered(7).floats, filtered(7).floats);
  EXPECT_NE(filtered(7).keys, filtered(8).keys);
}

TEST(FilterStack, SkipScalesOnlyWithoutFeedback) {
  for (const auto& [list, value] :
       {std::pair("skip:0.25", 4.0F), std::pair("skip:0.25,feedback", 1.0F)}) {
    auto stack = FilterStack::Create(list, {});
    ASSERT_TRUE(stack.ok());
    PushRows rows{.keys = SteppedKeys(1000, 3, 1), .floats = std::vector<float>(1000, 1.0F)};
    stack.value().Apply(rows);
    ASSERT_GT(rows.size(), 100U);
    for (const float each : rows.floats) ASSERT_EQ(each, value) << list;
  }
}

TEST(FilterStack, FlushBringsAllThatIsHeldBack) {
  auto made = FilterStack::Create("significant:1,feedback,fixed:1", {});
  ASSERT_TRUE(made.ok());
  FilterStack& stack = made.value();
  PushRows rows{.keys = {1, 2, 3}, .floats = {0.25F, 100.3F, 1.7F}};
  stack.Apply(rows);
  EXPECT_EQ(rows.keys, (std::vector<Key>{2, 3}));
  EXPECT_GT(stack.state_bytes(), 0U);
  PushRows last;
  stack.Flush(last);
  EXPECT_EQ(stack.state_bytes(), 0U);
  MergeRows(rows, last);
  EXPECT_EQ(rows.keys, (std::vector<Key>{1, 2, 3}));
  EXPECT_EQ(rows.floats, (std::vector<float>{0.25F, 100.3F, 1.7F}));
}

// The example of docs/filters.md: limits every value.
class ClipFilter final : public ValueFilter {
 public:
  explicit ClipFilter(float limit) : limit_(limit) {}
  std::string name() const override { return "clip"; }
  void Apply(PushRows& rows, Random& /*random*/) override {
    for (float& value : rows.floats) value = std::clamp(value, -limit_, limit_);
  }

 private:
  float limit_;
};

TEST(FilterStack, OwnFiltersRunFirst) {
  auto made = FilterStack::Create("sparse", {});
  ASSERT_TRUE(made.ok());
  FilterStack& stack = made.value();
  stack.Add(std::make_unique<ClipFilter>(2.0F));
  EXPECT_EQ(stack.ToString(), "clip,sparse | keys:raw | values:raw");
  PushRows rows{.keys = {1, 2, 3}, .floats = {5, 0, -3}};
  stack.Apply(rows);
  EXPECT_EQ(rows.floats, (std::vector<float>{2, -2}));
}

}  // namespace
}  // namespace steelyard::filter
