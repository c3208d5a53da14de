// Goal: a user's updater works on a table like a built-in one, and what it does wrong is refused, counted and logged while
// the server goes on. Method: as in shard_test.cc, with an updater that throws when it is asked to.
#include <gtest/gtest.h>

#include <stdexcept>

#include "server/test_shard.h"

namespace steelyard::server {
namespace {

using namespace std::chrono_literals;

class Doubling final : public CustomUpdater {
 public:
  std::size_t row_floats() const override { return 1; }
  void Apply(std::span<float> row, std::span<const float> pushed) const override {
    if (pushed[0] == 13.0F) throw std::runtime_error("unlucky");
    row[0] += 2 * pushed[0];
  }
  void Read(std::span<const float> row, std::span<float> values) const override {
    if (row[0] == 26.0F) throw std::runtime_error("unreadable");
    values[0] = row[0];
  }
};

class ShardCustomTest : public ShardTest {
 protected:
  ShardCustomTest() {
    auto functions = std::make_shared<table::CustomFunctions>();
    functions->AddUpdater("doubling", [](const UpdaterOptions&, std::size_t) {
      return std::make_unique<Doubling>();
    });
    shard_.Drop(kTable, freed_);
    shard_ = Shard(
        kSelf, Shard::kMemoryUnlimited,
        {.functions = functions, .log = [this](const std::string& line) { log_.push_back(line); }});
    wire::View view = view_;
    view.spec.options.updater.name = "doubling";
    EXPECT_TRUE(shard_.Install(view).ok());
    Open();
  }
  std::vector<std::string> log_;
};

TEST_F(ShardCustomTest, ItIsAppliedAndRead) {
  EXPECT_TRUE(Push({.entries = {{0, 2, 1, 0}}, .keys = {4, 6}, .floats = {1, -5}}).empty());
  EXPECT_EQ(Value(6), -10.0F);
  EXPECT_TRUE(log_.empty());
}

TEST_F(ShardCustomTest, APushThatItFailsAtIsRefusedAndMovesNoClock) {
  PushSpec push{
      .entries = {{0, 2, 1, 0}, {1, 1, 1, 0}}, .keys = {4, 6, kHalf}, .floats = {1, 13, 1}};
  for (int times = 1; times <= 2; ++times) {
    const auto failed = Push(push);
    ASSERT_EQ(failed.size(), 1U);
    EXPECT_EQ(failed[0].segment, 0U);
    EXPECT_EQ(failed[0].code, EntryCode::kFailed);
    EXPECT_EQ(failed[0].detail, 6U);
    EXPECT_EQ(Value(4), 0.0F);
    EXPECT_EQ(Value(kHalf), 2.0F) << "the other segment's part is applied once";
    EXPECT_EQ(shard_.counters().updater_failures, static_cast<std::uint64_t>(times));
  }
  push.floats[1] = 12;
  EXPECT_TRUE(Push(push).empty());
  EXPECT_EQ(Value(6), 24.0F);
  ASSERT_EQ(log_.size(), 2U);
  EXPECT_NE(log_[0].find("updater 'doubling' threw: unlucky (1 time)"), std::string::npos);
}

TEST_F(ShardCustomTest, APullThatItFailsAtNamesTheKey) {
  EXPECT_TRUE(Push({.entries = {{0, 1, 1, 0}}, .keys = {4}, .floats = {6.5F}}).empty());
  EXPECT_TRUE(Push({.ts = 2, .entries = {{0, 1, 1, 1}}, .keys = {4}, .floats = {6.5F}}).empty());
  const auto pulled = Pull({3, 4});
  EXPECT_EQ(pulled->code, EntryCode::kFailed);
  EXPECT_EQ(pulled->clock, 4U);
  EXPECT_TRUE(pulled->floats.empty());
  EXPECT_EQ(Value(3), 0.0F) << "other keys are read";
}

// 6 and 7 are no trouble, their sum is: it was acknowledged by then, so it must not be lost in silence.
TEST_F(ShardCustomTest, ASumThatItFailsAtClosesItsSegment) {
  shard_.Drop(kTable, freed_);
  wire::View view = view_;
  view.spec.options.updater.name = "doubling";
  view.spec.options.aggregate = true;
  ASSERT_TRUE(shard_.Install(view).ok());
  for (const StreamId member : {1, 2}) ASSERT_EQ(Open(member, 1, /*group=*/3, 2), StatusCode::kOk);
  PushSpec push{
      .entries = {{0, 2, 1, 0}, {1, 1, 1, 0}}, .keys = {4, 6, kHalf}, .floats = {1, 6, 3}};
  EXPECT_TRUE(Push(push).empty());
  EXPECT_EQ(Value(4), 0.0F) << "the other member is not through the step";
  push.stream = 2;
  push.floats = {1, 7, 2};
  EXPECT_TRUE(Push(push).empty()) << "each push was right";
  EXPECT_EQ(shard_.counters().updater_failures, 1U);
  const auto pulled = Pull({4});
  EXPECT_EQ(pulled->code, EntryCode::kFailed);
  EXPECT_EQ(pulled->clock, 6U);
  EXPECT_EQ(Value(kHalf), 10.0F) << "the other segment goes on";
  const auto failed = Push({.ts = 2,
                            .entries = {{0, 1, 1, 1}, {1, 1, 1, 1}},
                            .keys = {5, kHalf},
                            .floats = {1, 1},
                            .through_step = 1});
  ASSERT_EQ(failed.size(), 1U);
  EXPECT_EQ(failed[0].code, EntryCode::kFailed);
  EXPECT_EQ(failed[0].detail, 6U);
}

TEST_F(ShardCustomTest, ASlowOneIsLoggedByNameAndABrokenOneNotForEver) {
  shard_.NoteDuration(kTable, Shard::kSlowPush - 1ms);
  shard_.NoteDuration(99, 1s);
  EXPECT_EQ(shard_.counters().updater_slow, 0U);
  shard_.NoteDuration(kTable, 120ms);
  ASSERT_EQ(log_.size(), 1U);
  EXPECT_NE(log_[0].find("updater 'doubling' took 120 ms"), std::string::npos) << log_[0];
  for (int i = 0; i < 1500; ++i) shard_.NoteDuration(kTable, 120ms);
  EXPECT_EQ(shard_.counters().updater_slow, 1501U);
  EXPECT_EQ(log_.size(), 6U) << "five, and the thousandth";
}

}  // namespace
}  // namespace steelyard::server
