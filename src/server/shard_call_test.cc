// Goal: a call is answered once with what the rows hold; one that changes rows is applied once however often it comes, in
// its order among the pushes of its stream; nothing waits for it. Method: as in shard_test.cc.
#include <gtest/gtest.h>

#include "server/test_shard.h"

namespace steelyard::server {
namespace {

constexpr std::uint64_t kFirstColumn = 0;

class ShardCallTest : public ShardTest {
 protected:
  struct CallSpec {
    Ts ts = 0;
    std::string function = "summary";
    std::vector<wire::CallArgument> arguments = {Argument(kFirstColumn)};
    std::vector<wire::CallEntry> entries = {{0, 1, 0}, {1, 1, 0}};
    KeyRange range = {0, kKeyMax};
    Session session = 1;
    std::uint64_t request_id = 50;
    LinkId link = 1;
  };
  CallSpec Scale(Ts ts, std::vector<wire::CallEntry> entries, double by = 3.0) {
    return {.ts = ts,
            .function = "scale",
            .arguments = {Argument(kFirstColumn), Argument(by)},
            .entries = std::move(entries)};
  }

  void Begin(const CallSpec& spec) {
    shard_.Call(spec.link,
                {.table = kTable,
                 .stream = 1,
                 .session = spec.session,
                 .ts = spec.ts,
                 .first = spec.range.first,
                 .last = spec.range.last,
                 .function = spec.function,
                 .arguments = spec.arguments,
                 .entries = spec.entries},
                spec.request_id, outbox_);
  }
  /// Turns until nothing is under way. @return the answers, each with its request.
  std::vector<std::pair<std::uint64_t, std::vector<wire::CallResult>>> Finish() {
    for (int turns = 0; shard_.calling(); ++turns) {
      if (turns == 1000) {
        ADD_FAILURE() << "it never ends";
        break;
      }
      shard_.ContinueCalls(outbox_);
    }
    std::vector<std::pair<std::uint64_t, std::vector<wire::CallResult>>> answers;
    for (const auto& [link, frame] : outbox_) {
      EXPECT_EQ(frame.header.type, wire::MessageType::kCallResponse);
      answers.emplace_back(frame.header.request_id,
                           wire::Decode<wire::CallResponse>(frame.body.bytes()).value().results);
    }
    outbox_.clear();
    return answers;
  }
  std::vector<wire::CallResult> Answer(const CallSpec& spec) {
    Begin(spec);
    const auto answers = Finish();
    EXPECT_EQ(answers.size(), 1U);
    return answers.empty() ? std::vector<wire::CallResult>() : answers[0].second;
  }

  /// Rows 4 -> 1, 6 -> -5 in segment 0, kHalf -> 4 in segment 1, as ts 1.
  void Fill() {
    Open();
    EXPECT_TRUE(
        Push({.entries = {{0, 2, 1, 0}, {1, 1, 1, 0}}, .keys = {4, 6, kHalf}, .floats = {1, -5, 4}})
            .empty());
  }

  Outbox outbox_;
};

TEST_F(ShardCallTest, AnswersForEachSegmentAndRange) {
  Fill();
  const auto results = Answer({});
  ASSERT_EQ(results.size(), 2U);
  EXPECT_EQ(results[0].answer.numbers, (std::vector<double>{2, 2, -4, 6, 26, -5, 1}));
  EXPECT_EQ(results[1].answer.numbers, (std::vector<double>{1, 1, 4, 4, 16, 4, 4}));
  EXPECT_EQ(Answer({.entries = {{0, 1, 0}}, .range = {5, 6}})[0].answer.numbers[2], -5);
  EXPECT_EQ(shard_.counters().calls_answered, 2U);
}

TEST_F(ShardCallTest, AChangeIsAppliedOnceAndItsRepeatsGetTheSameAnswer) {
  Fill();
  const CallSpec scale = Scale(2, {{0, 1, 1}, {1, 1, 1}});
  const auto first = Answer(scale);
  EXPECT_EQ(first[0].code, EntryCode::kOk);
  EXPECT_EQ(Value(6), -15.0F);
  EXPECT_EQ(Answer(scale), first);
  EXPECT_EQ(Value(6), -15.0F);
  EXPECT_EQ(Value(kHalf), 12.0F);
  EXPECT_EQ(shard_.counters().calls_duplicate, 2U);
}

TEST_F(ShardCallTest, ARepeatWhileItRunsJoinsItAndIsAnsweredOnce) {
  Fill();
  CallSpec scale = Scale(2, {{0, 1, 1}});
  Begin(scale);
  scale.request_id = 51;
  scale.link = 9;
  Begin(scale);
  ASSERT_TRUE(shard_.calling());
  shard_.ContinueCalls(outbox_);
  ASSERT_EQ(outbox_.size(), 1U);
  EXPECT_EQ(outbox_[0].first, 9U);
  EXPECT_EQ(Finish()[0].first, 51U);
  EXPECT_EQ(Value(6), -15.0F);
}

TEST_F(ShardCallTest, ARefusalIsRememberedToo) {
  Fill();
  CallSpec scale = Scale(2, {{0, 1, 1}}, 1e38);
  const auto refused = Answer(scale);
  EXPECT_EQ(refused[0].status, StatusCode::kInvalidArgument);
  EXPECT_NE(refused[0].message.find("beyond what a 32-bit float holds"), std::string::npos);
  EXPECT_EQ(Answer(scale), refused);
  EXPECT_EQ(Value(6), -5.0F);
  EXPECT_TRUE(Push({.ts = 3, .entries = {{0, 1, 1, 2}}, .keys = {6}, .floats = {1}}).empty())
      << "its ts is used up";
}

TEST_F(ShardCallTest, PushesAndCallsOfAStreamKeepTheirOrder) {
  Fill();
  EXPECT_EQ(Answer(Scale(3, {{0, 1, 2}}))[0].code, EntryCode::kGap);
  Begin(Scale(2, {{0, 1, 1}}));
  const PushSpec push{.ts = 3, .entries = {{0, 1, 1, 2}}, .keys = {6}, .floats = {1}};
  EXPECT_EQ(Push(push).at(0).code, EntryCode::kGap) << "the call before it runs";
  Finish();
  EXPECT_TRUE(Push(push).empty());
  EXPECT_EQ(Value(6), -14.0F);
}

TEST_F(ShardCallTest, RefusesByEntryWhatIsNotHereOrNotOpen) {
  Fill();
  const auto results = Answer({.entries = {{0, 7, 0}, {2, 1, 0}, {1, 1, 0}}});
  EXPECT_EQ(results[0].code, EntryCode::kNotPrimary);
  EXPECT_EQ(results[0].detail, 1U);
  EXPECT_EQ(results[1].code, EntryCode::kNotPrimary);
  EXPECT_EQ(results[2].code, EntryCode::kOk);
  CallSpec fenced = Scale(2, {{0, 1, 1}});
  fenced.session = 2;
  EXPECT_EQ(Answer(fenced)[0].code, EntryCode::kNeedOpen);
  Open(1, 3);
  EXPECT_EQ(Answer(fenced)[0].code, EntryCode::kFenced);
}

TEST_F(ShardCallTest, ALaterSessionKeepsItsClockFromACallOfAnEarlierOne) {
  Fill();
  std::vector<Key> keys(40'000);
  std::vector<float> floats(keys.size(), 1.0F);
  for (std::size_t i = 0; i < keys.size(); ++i) keys[i] = 100 + i;
  ASSERT_TRUE(
      Push({.ts = 2, .entries = {{0, 40'000, 1, 1}}, .keys = keys, .floats = floats}).empty());
  Begin(Scale(3, {{0, 1, 2}}));
  shard_.ContinueCalls(outbox_);
  ASSERT_TRUE(shard_.calling()) << "one slice is less than the segment";
  EXPECT_EQ(Value(100), 3.0F) << "pulls go on meanwhile";
  Open(1, 2);
  EXPECT_TRUE(
      Push({.ts = 3, .entries = {{0, 1, 1, 2}}, .keys = {4}, .floats = {1}, .session = 2}).empty());
  EXPECT_EQ(Finish()[0].second[0].code, EntryCode::kFenced);
  EXPECT_EQ(Pull({4})->clock, 3U);
}

TEST_F(ShardCallTest, SaysWhenEffectAndFunctionDoNotFit) {
  Fill();
  EXPECT_NE(Answer({.ts = 2, .entries = {{0, 1, 1}}})[0].message.find("Effect::kReads"),
            std::string::npos);
  EXPECT_NE(Answer(Scale(0, {{0, 1, 0}}))[0].message.find("Effect::kChanges"), std::string::npos);
  EXPECT_EQ(Answer({.function = "sum"})[0].status, StatusCode::kNotFound);
}

TEST_F(ShardCallTest, DroppingTheTableEndsItsCalls) {
  Fill();
  Begin({});
  Begin(Scale(2, {{0, 1, 1}}));
  shard_.Drop(kTable, freed_);
  const auto answers = Finish();
  ASSERT_EQ(answers.size(), 2U);
  for (const auto& [id, results] : answers) EXPECT_EQ(results[0].code, EntryCode::kNotPrimary);
}

TEST_F(ShardCallTest, ALostLinkEndsReadersAndLeavesChanges) {
  Fill();
  Begin({});
  Begin(Scale(2, {{0, 1, 1}}));
  shard_.ForgetLink(1);
  EXPECT_TRUE(Finish().empty());
  EXPECT_EQ(Value(6), -15.0F);
}

TEST_F(ShardCallTest, AChangeWaitsWhileTheKeysAreFixedAndGoesOnAfterwards) {
  Fill();
  Begin(Scale(2, {{0, 1, 1}}));
  ASSERT_TRUE(shard_.Freeze({.table = kTable, .at_least = 3.0F}).ok());
  shard_.ContinueCalls(outbox_);
  EXPECT_TRUE(shard_.calling());
  while (shard_.freezing()) shard_.ContinueFreezing();
  EXPECT_EQ(Finish()[0].second[0].code, EntryCode::kOk);
  EXPECT_EQ(Value(6), -15.0F);
  EXPECT_EQ(Value(4), 0.0F);
}

TEST_F(ShardCallTest, MoreCallsThanThereMayBeAreBusy) {
  Fill();
  for (std::size_t i = 0; i <= Shard::kCallsMax; ++i) Begin({.request_id = 100 + i});
  ASSERT_EQ(outbox_.size(), 1U);
  EXPECT_EQ(outbox_[0].second.header.request_id, 100 + Shard::kCallsMax);
  const auto answers = Finish();
  EXPECT_EQ(answers[0].second[0].code, EntryCode::kBusy);
  EXPECT_EQ(answers.size(), Shard::kCallsMax + 1);
}

}  // namespace
}  // namespace steelyard::server
