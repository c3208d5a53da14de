// Goal: a frozen table keeps its keys and refuses others by name; scans read ranges and samples, a bounded walk at a time.
// Method: as in shard_test.cc.
#include "base/hash.h"
#include "server/test_shard.h"

namespace steelyard::server {
namespace {

TEST_F(ShardTest, AFrozenTableKeepsItsKeysAndRefusesAnyOthers) {
  Open();
  EXPECT_TRUE(Push({.entries = {{0, 3, 1, 0}, {1, 2, 1, 0}},
                    .keys = {4, 6, 8, kHalf, kHalf + 9},
                    .floats = {1, -5, 3, 4, 1}})
                  .empty());
  EXPECT_FALSE(shard_.freezing());
  ASSERT_TRUE(shard_.Freeze({.table = kTable, .at_least = 3.0F}).ok());
  EXPECT_TRUE(shard_.freezing());
  EXPECT_FALSE(shard_.FrozenKeysOf(kTable));
  EXPECT_EQ(Value(6), -5.0F) << "pulls go on meanwhile";
  const PushSpec push{.ts = 2, .entries = {{0, 1, 1, 1}}, .keys = {6}, .floats = {1}};
  EXPECT_EQ(Push(push).at(0).code, EntryCode::kBusy);
  EXPECT_FALSE(shard_.ContinueFreezing()) << "one segment is left";
  EXPECT_EQ(shard_.ContinueFreezing(), kTable);
  EXPECT_FALSE(shard_.freezing());
  ASSERT_TRUE(shard_.Freeze({.table = kTable, .at_least = 9.0F}).ok());
  const auto frozen = shard_.FrozenKeysOf(kTable);
  ASSERT_TRUE(frozen);
  ASSERT_EQ(frozen->segments.size(), 2u);
  EXPECT_EQ(frozen->segments[0].rows, 2u) << "the first request decides";
  EXPECT_EQ(frozen->segments[1].rows, 1u);
  const std::vector<Key> kept{6, 8};
  const Hash128 hash = HashBytes128(std::as_bytes(std::span(kept)));
  EXPECT_EQ(frozen->segments[0].hash_low, hash.low);
  EXPECT_EQ(frozen->segments[0].hash_high, hash.high);
  EXPECT_TRUE(Push(push).empty());
  EXPECT_EQ(Pull({4, 6, 8})->floats, (std::vector<float>{0, -4, 3}));
  const auto refused =
      Push({.ts = 3, .entries = {{0, 3, 1, 2}}, .keys = {6, 7, 8}, .floats = {1, 1, 1}});
  ASSERT_EQ(refused.size(), 1u);
  EXPECT_EQ(refused[0].code, EntryCode::kFrozen);
  EXPECT_EQ(refused[0].detail, 7u);
  EXPECT_EQ(Value(6), -4.0F) << "nothing of it is applied";
  EXPECT_EQ(shard_.Freeze({.table = 99}).code(), StatusCode::kNotFound);
}

// @return the keys of one answer; `counted` and `next` as it says.
struct KeysOfScan {
  std::vector<Key> keys;
  std::uint64_t counted = 0;
  bool end = false;
  Key next = 0;
};
KeysOfScan ScanKeys(Shard& shard, wire::Scan scan) {
  scan.table = kTable;
  scan.epoch = 1;
  scan.columns = wire::Columns::kNone;
  const wire::Frame frame = shard.Scan(scan, 1);
  const auto response = wire::DecodeScanResponse(frame.body.bytes()).value();
  EXPECT_EQ(response.code, EntryCode::kOk);
  EXPECT_TRUE(response.floats.empty());
  return {
      {response.keys.begin(), response.keys.end()}, response.counted, response.end, response.next};
}

TEST_F(ShardTest, AScanCanReadARangeAndSampleWhatIsFarFromZero) {
  Open();
  PushSpec push{.entries = {{0, 100, 1, 0}}, .keys = {}, .floats = {}};
  for (Key key = 0; key < 100; ++key) {
    push.keys.push_back(key * 10);
    push.floats.push_back(key % 2 == 0 ? 0.5F : -2.0F);
  }
  EXPECT_TRUE(Push(push).empty());
  for (const bool frozen : {false, true}) {
    const KeysOfScan range = ScanKeys(shard_, {.first = 15, .last = 40, .rows_max = 10});
    EXPECT_EQ(range.keys, (std::vector<Key>{20, 30, 40}));
    EXPECT_TRUE(range.end);
    const KeysOfScan part = ScanKeys(shard_, {.first = 15, .last = 40, .rows_max = 2});
    EXPECT_EQ(part.keys, (std::vector<Key>{20, 30}));
    EXPECT_FALSE(part.end);
    EXPECT_EQ(part.next, 40u);
    const KeysOfScan sample =
        ScanKeys(shard_, {.rows_max = 100, .at_least = 1.0F, .stride = 20, .skip = 5});
    EXPECT_EQ(sample.counted, 50u);
    EXPECT_EQ(sample.keys, (std::vector<Key>{110, 510, 910}));
    EXPECT_TRUE(sample.end);
    if (frozen) break;
    ASSERT_TRUE(shard_.Freeze({.table = kTable}).ok());
    while (shard_.freezing()) (void)shard_.ContinueFreezing();
  }
}

TEST_F(ShardTest, AScanThatFindsNothingEndsItsTurnAndGoesOn) {
  Open();
  constexpr std::size_t kRows = 200'000;
  PushSpec push{.entries = {{0, kRows, 1, 0}}, .keys = {}, .floats = {}};
  for (Key key = 0; key < kRows; ++key) push.keys.push_back(key);
  push.floats.assign(kRows, 1.0F);
  push.floats.back() = 7.0F;
  EXPECT_TRUE(Push(push).empty());
  const KeysOfScan first = ScanKeys(shard_, {.rows_max = 10, .at_least = 5.0F});
  EXPECT_TRUE(first.keys.empty());
  ASSERT_FALSE(first.end);
  EXPECT_EQ(first.next, Key{1} << 17);
  const KeysOfScan second =
      ScanKeys(shard_, {.first = first.next, .rows_max = 10, .at_least = 5.0F});
  EXPECT_EQ(second.keys, std::vector<Key>{kRows - 1});
  EXPECT_TRUE(second.end);
}

}  // namespace
}  // namespace steelyard::server
