// Goal: lists are named once they were sent, sent again when the server lacks them, and what filters changed once is
// what is sent every time.
// Method: a client with filters against one server that the test plays by hand.
#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <optional>
#include <string>
#include <vector>

#include "client/client.h"
#include "placement/test_view.h"
#include "rpc/test_identity.h"
#include "transport/recording_transport.h"

namespace steelyard::client {
namespace {

using namespace std::chrono_literals;
using transport::SentFrame;
using wire::EntryCode;
using wire::Form;
using wire::MessageType;

constexpr TableId kTable = 5;

class ClientFiltersTest : public ::testing::Test {
 protected:
  Status Attach(const char* list, const char* updater = "add") {
    wire::View view = placement::MakeTestView(kTable, 1, placement::TestServers(1));
    view.spec.options.updater.name = updater;
    client_.Attach(transport_, view, {.group = 0, .stream = 1, .session = 2}, [](const Status&) {});
    auto filters = filter::FilterStack::Create(list, {});
    if (!filters.ok()) return filters.status();
    const Status used = client_.UseFilters(kTable, std::move(filters.value()));
    link_ = transport_.last_link();
    Greet();
    return used;
  }
  void Greet() {
    client_.OnOpen(transport_, link_);
    client_.OnFrame(transport_, link_,
                    wire::MakeFrame(wire::HelloAck{.inflight_bytes_max = 1 << 20}));
    client_.OnFrame(
        transport_, link_,
        wire::MakeFrame(wire::OpenAck{.table = kTable, .stream = 1, .session = 2, .clocks = {}}));
  }
  void Push(std::size_t count, float value = 0.3F, std::optional<KeyRange> all_of = {}) {
    PushRequest request;
    request.all_of = all_of;
    request.keys.resize(count);
    std::iota(request.keys.begin(), request.keys.end(), Key{100});
    for (std::size_t i = 0; i < count; ++i)
      request.floats.push_back(value * static_cast<float>(i % 13));
    ASSERT_TRUE(client_
                    .Push(transport_, kTable, std::move(request),
                          [this](const Status& status) { pushed_.push_back(status); })
                    .ok());
  }
  SentFrame TakeOne(MessageType type) {
    auto frames = transport_.Take(type);
    EXPECT_EQ(frames.size(), 1u);
    return frames.empty() ? SentFrame{} : std::move(frames.front());
  }
  static wire::Push PushOf(const SentFrame& sent) {
    return wire::DecodePush(sent.frame.body.bytes()).value();
  }
  void Answer(const SentFrame& sent, EntryCode code = EntryCode::kOk) {
    const wire::Push push = PushOf(sent);
    std::vector<wire::EntryAnswer> failed;
    if (code != EntryCode::kOk) failed.push_back({.segment = 0, .code = code, .detail = 0});
    client_.OnFrame(
        transport_, link_,
        wire::MakeFrame(
            wire::PushAck{
                .table = kTable, .stream = 1, .session = 2, .ts = push.ts, .failed = failed},
            sent.frame.header.request_id));
  }

  const rpc::Identity self_ = rpc::MakeTestIdentity();
  transport::RecordingTransport transport_;
  Client client_{&self_, {}};
  transport::LinkId link_ = 0;
  std::vector<Status> pushed_;
};

TEST_F(ClientFiltersTest, AListIsNamedOnceItWasSent) {
  ASSERT_TRUE(Attach("key-cache").ok());
  Push(1000);
  const SentFrame first = TakeOne(MessageType::kPush);
  EXPECT_EQ(PushOf(first).packed.form, Form::kKept);
  Answer(first);
  Push(1000);
  const SentFrame second = TakeOne(MessageType::kPush);
  EXPECT_EQ(PushOf(second).packed.form, Form::kSignature);
  EXPECT_EQ(PushOf(second).packed.keys.size(), 16u);
  EXPECT_LT(second.frame.body.size() + 7900, first.frame.body.size());
  Push(999);  // Another list.
  EXPECT_EQ(PushOf(TakeOne(MessageType::kPush)).packed.form, Form::kKept);
  const auto counts = client_.FilterCountsOf(kTable);
  ASSERT_EQ(counts.size(), 2u);
  EXPECT_EQ(counts[1].name, "pull key-cache");
  EXPECT_EQ(counts[1].bytes_before, 0u);
  EXPECT_EQ(counts[0].name, "key-cache");
  EXPECT_EQ(counts[0].bytes_before, 2999 * sizeof(Key));
  EXPECT_EQ(counts[0].bytes_after, 1999 * sizeof(Key) + 16);
}

TEST_F(ClientFiltersTest, WhatTheServerLacksIsSentAgainInOrderWithoutWaiting) {
  ASSERT_TRUE(Attach("key-cache").ok());
  Push(100);
  Answer(TakeOne(MessageType::kPush));
  Push(100);
  Push(50);
  auto sent = transport_.Take(MessageType::kPush);
  ASSERT_EQ(sent.size(), 2u);
  Answer(sent[0], EntryCode::kNoKeys);
  Answer(sent[1], EntryCode::kGap);  // Of the earlier transmission: it says nothing now.
  const auto again = transport_.Take(MessageType::kPush);
  ASSERT_EQ(again.size(), 2u);
  EXPECT_EQ(PushOf(again[0]).ts, 2u);
  EXPECT_EQ(PushOf(again[0]).packed.form, Form::kKept);
  EXPECT_EQ(PushOf(again[1]).ts, 3u);
  EXPECT_EQ(client_.traffic().lists_missed, 1u);
  Answer(again[0]);
  Answer(again[1]);
  EXPECT_EQ(pushed_.size(), 3u);
  EXPECT_EQ(client_.acked_ts(kTable), 3u);
}

TEST_F(ClientFiltersTest, ARangeIsSentInPlaceOfItsKeysUntilTheServerAsksForThem) {
  for (const char* const list : {"none", "zeros,lz4", "key-cache,delta"}) {
    ASSERT_TRUE(Attach(list).ok());
    Push(1000, 0.3F, KeyRange{100, 1099});
    const SentFrame named = TakeOne(MessageType::kPush);
    const wire::Push push = PushOf(named);
    EXPECT_EQ(push.packed.form, Form::kRange) << list;
    EXPECT_EQ(push.packed.keys.size(), sizeof(KeyRange));
    EXPECT_EQ(push.entries.front().count, 1000u);
    EXPECT_LT(named.frame.body.size(), 1000 * sizeof(float) + 300);
    Answer(named, EntryCode::kNoKeys);
    const SentFrame whole = TakeOne(MessageType::kPush);
    const Form form = PushOf(whole).packed.form;
    EXPECT_EQ(form, list == std::string("none")        ? Form::kPlain
                    : list == std::string("zeros,lz4") ? Form::kSections
                                                       : Form::kKept);
    Answer(whole);

    std::vector<Key> keys(1000);
    std::iota(keys.begin(), keys.end(), Key{100});
    ASSERT_TRUE(client_
                    .Pull(transport_, kTable, {.keys = keys, .all_of = KeyRange{100, 1099}},
                          [](const Result<Pulled>& /*result*/) {})
                    .ok());
    const SentFrame pull = TakeOne(MessageType::kPull);
    EXPECT_EQ(wire::DecodePull(pull.frame.body.bytes()).value().packed.form, Form::kRange);
    EXPECT_LT(pull.frame.body.size(), 200u);
  }
  EXPECT_EQ(pushed_.size(), 3u);
  EXPECT_TRUE(std::ranges::all_of(pushed_, &Status::ok));
}

TEST_F(ClientFiltersTest, ARangeOfWhichFiltersDropRowsIsNotNamed) {
  ASSERT_TRUE(Attach("sparse").ok());
  Push(100, 1.0F, KeyRange{100, 199});  // Every 13th value is 0.
  const wire::Push push = PushOf(TakeOne(MessageType::kPush));
  EXPECT_EQ(push.packed.form, Form::kPlain);
  EXPECT_EQ(push.keys.size(), 92u);
  ASSERT_TRUE(Attach("fixed:2").ok());
  Push(100, 1.0F, KeyRange{100, 199});
  EXPECT_EQ(PushOf(TakeOne(MessageType::kPush)).packed.form, Form::kRange);
}

TEST_F(ClientFiltersTest, APullNamesItsListAndSendsItWhenAsked) {
  ASSERT_TRUE(Attach("key-cache,zeros").ok());
  Push(64);
  Answer(TakeOne(MessageType::kPush));
  std::vector<Key> keys(64);
  std::iota(keys.begin(), keys.end(), Key{100});
  std::optional<Result<Pulled>> pulled;
  ASSERT_TRUE(client_
                  .Pull(transport_, kTable, {.keys = keys},
                        [&](Result<Pulled> result) { pulled = std::move(result); })
                  .ok());
  const SentFrame named = TakeOne(MessageType::kPull);
  const wire::Pull pull = wire::DecodePull(named.frame.body.bytes()).value();
  EXPECT_EQ(pull.packed.form, Form::kSignature);
  EXPECT_EQ(pull.answer_codecs, (wire::AnswerCodecs{3, 0}));
  const std::vector<wire::PulledEntry> lacks{{.segment = 0, .code = EntryCode::kNoKeys}};
  client_.OnFrame(transport_, link_,
                  wire::MakePullResponse({.table = kTable, .entries = lacks, .floats = {}}, 0,
                                         named.frame.header.request_id)
                      .frame);
  const SentFrame whole = TakeOne(MessageType::kPull);
  EXPECT_EQ(wire::DecodePull(whole.frame.body.bytes()).value().packed.form, Form::kKept);
  EXPECT_FALSE(pulled);

  std::vector<float> floats(64);
  floats[7] = 2.5F;
  filter::SectionEncoder encoder({&filter::ZerosCodec()}, filter::kAnswerLimits);
  const std::vector<wire::PulledEntry> ok{{.segment = 0, .code = EntryCode::kOk, .clock = 1}};
  wire::PullResponse response{.table = kTable, .entries = ok, .floats = {}, .float_count = 64};
  response.packed = {.form = Form::kSections, .keys = {}, .floats = encoder.Encode(floats, 1)};
  client_.OnFrame(transport_, link_, wire::MakeFrame(response, whole.frame.header.request_id));
  ASSERT_TRUE(pulled && pulled->ok());
  EXPECT_EQ(pulled->value().floats, floats);
}

TEST_F(ClientFiltersTest, EachDirectionHasItsList) {
  ASSERT_TRUE(Attach("key-cache,zeros/none").ok());
  Push(64);
  const SentFrame push = TakeOne(MessageType::kPush);
  EXPECT_EQ(PushOf(push).packed.form, Form::kKept);
  Answer(push);
  std::vector<Key> keys(64);
  std::iota(keys.begin(), keys.end(), Key{100});
  ASSERT_TRUE(client_.Pull(transport_, kTable, {.keys = keys}, [](const Result<Pulled>&) {}).ok());
  const SentFrame asked = TakeOne(MessageType::kPull);
  const wire::Pull pull = wire::DecodePull(asked.frame.body.bytes()).value();
  EXPECT_EQ(pull.packed.form, Form::kPlain) << "not even a list that was pushed is named";
  EXPECT_EQ(pull.answer_codecs, wire::AnswerCodecs{});

  ASSERT_TRUE(Attach("none/key-cache").ok());
  Push(64);
  EXPECT_EQ(PushOf(TakeOne(MessageType::kPush)).packed.form, Form::kPlain);
}

TEST_F(ClientFiltersTest, AnAnswerOfAnotherSizeIsCorrupt) {
  ASSERT_TRUE(Attach("zeros").ok());
  std::optional<Result<Pulled>> pulled;
  ASSERT_TRUE(client_
                  .Pull(transport_, kTable, {.keys = {1, 2}},
                        [&](Result<Pulled> result) { pulled = std::move(result); })
                  .ok());
  const SentFrame asked = TakeOne(MessageType::kPull);
  const std::vector<float> floats(64);
  filter::SectionEncoder encoder({}, filter::kAnswerLimits);
  const std::vector<wire::PulledEntry> ok{{.segment = 0, .code = EntryCode::kOk}};
  wire::PullResponse response{
      .table = kTable, .entries = ok, .floats = {}, .float_count = std::uint64_t{1} << 62};
  response.packed = {.form = Form::kSections, .keys = {}, .floats = encoder.Encode(floats, 1)};
  client_.OnFrame(transport_, link_, wire::MakeFrame(response, asked.frame.header.request_id));
  ASSERT_TRUE(pulled);
  EXPECT_EQ(pulled->status().code(), StatusCode::kCorruption);
}

TEST_F(ClientFiltersTest, ANewConnectionKnowsNoLists) {
  ASSERT_TRUE(Attach("key-cache").ok());
  Push(100);
  Answer(TakeOne(MessageType::kPush));
  client_.OnClose(transport_, link_, Status(StatusCode::kUnavailable, "gone"));
  while (transport_.last_link() == link_) {
    transport_.Advance(1s);
    client_.OnWake(transport_);
  }
  link_ = transport_.last_link();
  Greet();
  Push(100);
  EXPECT_EQ(PushOf(TakeOne(MessageType::kPush)).packed.form, Form::kKept);
}

TEST_F(ClientFiltersTest, WhatIsSentAgainHasTheSameBytes) {
  ASSERT_TRUE(Attach("skip:0.5,fixed:1").ok());
  Push(500);
  const SentFrame first = TakeOne(MessageType::kPush);
  EXPECT_LT(PushOf(first).entries[0].count, 400u);  // The dice were rolled.
  EXPECT_GT(PushOf(first).entries[0].count, 100u);
  for (int time = 0; time < 3; ++time) {
    transport_.Advance(3s);
    client_.OnWake(transport_);
    const SentFrame again = TakeOne(MessageType::kPush);
    ASSERT_EQ(again.frame.body.size(), first.frame.body.size());
    EXPECT_TRUE(std::ranges::equal(again.frame.body.bytes(), first.frame.body.bytes()));
  }
}

TEST_F(ClientFiltersTest, WhatIsHeldBackComesWhenItIsTaken) {
  ASSERT_TRUE(Attach("significant:1000").ok());
  Push(500, 0.01F);
  EXPECT_TRUE(transport_.Take(MessageType::kPush).empty());
  const filter::PushRows held = client_.TakeHeldBack(kTable, 1);
  EXPECT_EQ(held.size(), 500u);
  EXPECT_EQ(client_.TakeHeldBack(kTable, 1).size(), 0u);
}

TEST_F(ClientFiltersTest, TablesThatKeepTheLastOrLargestRefuseWhatChangesValues) {
  for (const char* const updater : {"assign", "max"}) {
    for (const char* const list : {"sparse", "fixed:2", "skip:0.5", "significant:1"}) {
      const Status refused = Attach(list, updater);
      EXPECT_EQ(refused.code(), StatusCode::kInvalidArgument) << list;
      EXPECT_NE(refused.message().find(updater), std::string::npos) << refused.message();
    }
    EXPECT_TRUE(Attach("key-cache,delta,zeros,lz4", updater).ok());
  }
}

}  // namespace
}  // namespace steelyard::client
