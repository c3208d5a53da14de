// Goal: packed requests become the plain ones bit for bit, a list that is not here is asked for, and foreign bytes and
// foreign links get nothing.
// Method: requests packed by FilterStack as a client does, through frames; then the same with bytes changed.
#include "server/packed_requests.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <numeric>
#include <vector>

#include "filter/filter_stack.h"

namespace steelyard::server {
namespace {

using filter::FilterStack;
using wire::Form;

struct Request {
  std::vector<Key> keys;
  std::vector<float> floats;
  std::vector<wire::PushEntry> entries;

  explicit Request(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      keys.push_back(i * 1000 + i % 7);
      floats.push_back(i % 3 == 0 ? static_cast<float>(i) : 0.0F);
    }
    entries.push_back({.segment = 0, .count = static_cast<std::uint32_t>(count), .epoch = 1});
  }
  wire::Push Plain() const {
    return {.table = 3,
            .stream = 1,
            .session = 1,
            .ts = 1,
            .entries = entries,
            .keys = keys,
            .floats = floats};
  }
  /// The push's body as a client with `list` sends it.
  Buffer Packed(FilterStack& stack, Form form) const {
    wire::Push push = Plain();
    const filter::KeySignature signature = filter::SignatureOf(3, 0, keys);
    push.packed.form = form;
    push.packed.keys = form == Form::kSignature ? std::as_bytes(std::span(&signature.hash, 1))
                                                : stack.EncodeKeys(filter::Direction::kPush, keys);
    push.packed.floats = stack.EncodeFloats(floats, 1);
    push.keys = {};
    push.floats = {};
    return wire::MakeFrame(push, 1).body;
  }
};

FilterStack Stack(const char* list) {
  return std::move(FilterStack::Create(list, {}).value());
}

TEST(PackedRequests, KeysAndFloatsComeBackBitForBit) {
  for (const char* const list : {"none", "delta", "zeros", "lz4", "delta,zeros,snappy"}) {
    for (const std::size_t count : {0u, 1u, 2u, 1000u, 20'000u}) {
      const Request request(count);
      FilterStack stack = Stack(list);
      const Buffer body = request.Packed(stack, Form::kSections);
      auto push = wire::DecodePush(body.bytes());
      ASSERT_TRUE(push.ok()) << list << count;
      PackedRequests packed;
      const auto unpacked = packed.Unpack(1, push.value());
      ASSERT_TRUE(unpacked.ok() && unpacked.value()) << unpacked.status().ToString();
      EXPECT_EQ(std::vector(push.value().keys.begin(), push.value().keys.end()), request.keys);
      EXPECT_EQ(std::vector(push.value().floats.begin(), push.value().floats.end()),
                request.floats);
      EXPECT_EQ(packed.key_bytes(), 0u);  // Nobody asked to keep them.
    }
  }
}

TEST(PackedRequests, ASignatureFindsWhatItsOwnConnectionSent) {
  const Request request(5000);
  FilterStack stack = Stack("key-cache,delta");
  const Buffer kept = request.Packed(stack, Form::kKept);
  const Buffer named = request.Packed(stack, Form::kSignature);
  EXPECT_LT(named.size() + 4900 * sizeof(Key),
            request.Packed(stack, Form::kSections).size() + 5000 * sizeof(Key));
  PackedRequests packed;
  const auto unpack = [&](transport::LinkId link, const Buffer& body) {
    auto push = wire::DecodePush(body.bytes()).value();
    const auto unpacked = packed.Unpack(link, push);
    EXPECT_TRUE(unpacked.ok()) << unpacked.status().ToString();
    if (unpacked.ok() && unpacked.value()) {
      EXPECT_EQ(std::vector(push.keys.begin(), push.keys.end()), request.keys);
    }
    return unpacked.ok() && unpacked.value();
  };
  EXPECT_FALSE(unpack(1, named));
  EXPECT_TRUE(unpack(1, kept));
  EXPECT_TRUE(unpack(1, named));
  EXPECT_FALSE(unpack(2, named));  // Another client's.
  packed.ForgetLink(1);
  EXPECT_FALSE(unpack(1, named));
  EXPECT_EQ(packed.misses(), 3u);
  EXPECT_EQ(packed.key_bytes(), 0u);
}

// Keys 0 to 9 of segment 0 and 100 to 109 of segment 2 are fixed; segment 1 is frozen and empty, segment 3 is not here.
class RangesTest : public ::testing::Test {
 protected:
  struct Answer {
    Result<bool> unpacked;
    std::vector<Key> keys;
    std::vector<float> floats;
  };

  RangesTest() {
    std::iota(low_.begin(), low_.end(), Key{0});
    std::iota(high_.begin(), high_.end(), Key{100});
  }

  Answer Unpack(KeyRange range, std::vector<std::uint32_t> counts, std::size_t name_bytes = 16) {
    std::vector<wire::PushEntry> entries;
    std::vector<float> floats;
    for (SegmentId i = 0; i < counts.size(); ++i) {
      entries.push_back({.segment = i, .count = counts[i], .epoch = 1});
      for (std::uint32_t k = 0; k < counts[i]; ++k) floats.push_back(static_cast<float>(k));
    }
    FilterStack stack = Stack("none");
    wire::Push push{.table = 3,
                    .stream = 1,
                    .session = 1,
                    .ts = 1,
                    .entries = entries,
                    .keys = {},
                    .floats = {}};
    push.packed = {.form = Form::kRange,
                   .keys = std::as_bytes(std::span(&range, 1)).first(name_bytes),
                   .floats = stack.EncodeFloats(floats, 1)};
    const Buffer body = wire::MakeFrame(push, 1).body;
    wire::Push decoded = wire::DecodePush(body.bytes()).value();
    Result<bool> unpacked = packed_.Unpack(1, decoded);
    return {.unpacked = std::move(unpacked),
            .keys = {decoded.keys.begin(), decoded.keys.end()},
            .floats = {decoded.floats.begin(), decoded.floats.end()}};
  }

  std::array<Key, 10> low_{};
  std::array<Key, 10> high_{};
  PackedRequests packed_{filter::kKeyCacheBytes,
                         [this](TableId table, SegmentId segment,
                                KeyRange range) -> std::optional<std::span<const Key>> {
                           if (table != 3 || segment > 2) return {};
                           const std::span<const Key> all =
                               segment == 0   ? std::span<const Key>(low_)
                               : segment == 2 ? std::span<const Key>(high_)
                                              : std::span<const Key>();
                           const auto begin = std::ranges::lower_bound(all, range.first);
                           return std::span(begin, std::ranges::upper_bound(all, range.last));
                         }};
};

TEST_F(RangesTest, NamesTheKeysThatSegmentsHaveThere) {
  const auto whole = Unpack({0, kKeyMax}, {10, 0, 10});
  ASSERT_TRUE(whole.unpacked.ok() && whole.unpacked.value());
  std::vector<Key> all(low_.begin(), low_.end());
  all.insert(all.end(), high_.begin(), high_.end());
  EXPECT_EQ(whole.keys, all);
  EXPECT_EQ(whole.floats.size(), 20u);
  EXPECT_EQ(Unpack({8, 101}, {2, 0, 2}).keys, (std::vector<Key>{8, 9, 100, 101}));
  EXPECT_EQ(Unpack({3, 5}, {3}).keys, (std::vector<Key>{3, 4, 5}));
  EXPECT_EQ(Unpack({3, 5}, {3}).floats, (std::vector<float>{0, 1, 2}));
  const auto nothing = Unpack({20, 30}, {0, 0});
  EXPECT_TRUE(nothing.unpacked.ok() && nothing.unpacked.value() && nothing.keys.empty());
  EXPECT_EQ(packed_.misses(), 0u);
}

TEST_F(RangesTest, OtherCountsAndSegmentsThatAreNotHereAreMisses) {
  const std::vector<std::vector<std::uint32_t>> wrong{
      {9}, {11}, {10, 1}, {10, 0, 9}, {9, 0, 11}, {10, 0, 10, 0}, {10, 0, 0}};
  for (const auto& counts : wrong) {
    const auto answer = Unpack({0, kKeyMax}, counts);
    ASSERT_TRUE(answer.unpacked.ok()) << answer.unpacked.status().ToString();
    EXPECT_FALSE(answer.unpacked.value()) << counts.size();
    EXPECT_TRUE(answer.keys.empty());
  }
  EXPECT_EQ(packed_.misses(), wrong.size());
  for (const std::size_t bytes : {0u, 8u})
    EXPECT_EQ(Unpack({0, 9}, {10}, bytes).unpacked.status().code(), StatusCode::kCorruption);
  EXPECT_EQ(Unpack({9, 0}, {10}).unpacked.status().code(), StatusCode::kCorruption);
}

TEST(PackedRequests, AMissAsksForTheKeysOfEveryEntry) {
  const Request request(10);
  const wire::Push push = request.Plain();
  const wire::Frame frame = AskForKeys(push, 77);
  const auto ack = wire::DecodePushAck(frame.body.bytes());
  ASSERT_TRUE(ack.ok());
  ASSERT_EQ(ack.value().failed.size(), 1u);
  EXPECT_EQ(ack.value().failed[0].code, wire::EntryCode::kNoKeys);
  EXPECT_EQ(frame.header.request_id, 77u);
}

TEST(PackedRequests, KeepsNoMoreThanItsBound) {
  PackedRequests packed(100'000);
  FilterStack stack = Stack("key-cache");
  for (std::size_t count = 1000; count < 1100; ++count) {
    const Buffer body = Request(count).Packed(stack, Form::kKept);
    auto push = wire::DecodePush(body.bytes()).value();
    ASSERT_TRUE(packed.Unpack(1, push).ok());
    ASSERT_LE(packed.key_bytes(), 100'000u);
  }
  EXPECT_GT(packed.key_bytes(), 80'000u);
}

TEST(PackedRequests, ChangedBytesAreRefusedOrPlainNeverRead) {
  const Request request(300);
  FilterStack stack = Stack("key-cache,delta,zeros,lz4");
  const Buffer body = request.Packed(stack, Form::kKept);
  std::size_t refused = 0;
  for (std::size_t at = 88; at < body.size(); ++at) {
    Buffer changed = Buffer::Allocate(body.size());
    std::memcpy(changed.writable().data(), body.bytes().data(), body.size());
    changed.writable()[at] ^= std::byte{0x41};
    auto push = wire::DecodePush(changed.bytes());
    if (!push.ok()) {
      ++refused;
      continue;
    }
    PackedRequests packed;
    const auto unpacked = packed.Unpack(1, push.value());
    if (!unpacked.ok()) {
      EXPECT_EQ(unpacked.status().code(), StatusCode::kCorruption);
      ++refused;
    } else if (unpacked.value()) {
      EXPECT_EQ(push.value().keys.size(), request.keys.size());
    }
  }
  EXPECT_GT(refused, 50u);
}

TEST(PackedRequests, AnAnswerInForeignCodecsIsRefused) {
  const std::vector<wire::PullEntry> entries{{.segment = 0, .count = 2, .epoch = 1}};
  const std::vector<Key> keys{1, 2};
  PackedRequests packed;
  const auto code_of = [&](wire::AnswerCodecs codecs) {
    wire::Pull pull{.table = 3, .answer_codecs = codecs, .entries = entries, .keys = keys};
    const auto unpacked = packed.Unpack(1, pull);
    return unpacked.ok() ? StatusCode::kOk : unpacked.status().code();
  };
  EXPECT_EQ(code_of({0, 0}), StatusCode::kOk);
  EXPECT_EQ(code_of({3, 5}), StatusCode::kOk);
  EXPECT_EQ(code_of({1, 0}), StatusCode::kInvalidArgument);  // delta is for keys
  EXPECT_EQ(code_of({5, 3}), StatusCode::kInvalidArgument);
  EXPECT_EQ(code_of({0, 3}), StatusCode::kInvalidArgument);
  EXPECT_EQ(code_of({99, 0}), StatusCode::kInvalidArgument);
}

TEST(AnswerPacker, PacksWhatShrinksAndLeavesTheRest) {
  AnswerPacker packer;
  std::vector<float> floats(4000);
  for (const bool zeros : {true, false}) {
    for (std::size_t i = 0; i < floats.size(); ++i) {
      const auto mixed = static_cast<float>(i * 2654435761u % 1000003);
      floats[i] = zeros && i % 10 != 0 ? 0.0F : mixed;
    }
    const wire::PullResponse header{.table = 3, .floats_per_key = 1, .entries = {}, .floats = {}};
    auto [plain, into] = wire::MakePullResponse(header, floats.size(), 9);
    std::memcpy(into.data(), floats.data(), floats.size() * sizeof(float));
    const std::size_t plain_bytes = plain.body.size();
    const wire::Frame sent = packer.Pack(plain, header, into, {3, 0}, 9);
    EXPECT_EQ(sent.header.request_id, 9u);
    auto response = wire::DecodePullResponse(sent.body.bytes());
    ASSERT_TRUE(response.ok());
    if (!zeros) {
      EXPECT_EQ(response.value().packed.form, Form::kPlain);
      continue;
    }
    EXPECT_LT(sent.body.size() * 5, plain_bytes);
    filter::Bytes bytes = response.value().packed.floats;
    const auto decoded = filter::SectionDecoder(filter::kAnswerLimits).DecodeFloats(bytes, 4000);
    ASSERT_TRUE(decoded.ok());
  }
}

}  // namespace
}  // namespace steelyard::server
