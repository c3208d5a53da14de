// Goal: the same shards give the same minibatches, whatever is asked for at once; held-out rows are kept aside, once.
// Method: rows that are their own numbers, in a dataset in memory.
#include "job/batch_reader.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <utility>

namespace steelyard::job {
namespace {

using Batches = std::vector<std::vector<std::uint64_t>>;

/// Gives fewer rows than asked for, as readers may.
class NumberReader : public data::RowReader {
 public:
  explicit NumberReader(const data::Shard& shard)
      : row_(shard.first_row), end_(shard.first_row + shard.row_count) {}
  Status Read(std::size_t rows_max, data::RowBlock& block) override {
    constexpr std::size_t kAtOnce = 2;
    for (std::size_t i = 0; i < std::min(rows_max, kAtOnce) && row_ < end_; ++i, ++row_) {
      if (row_ == 66'666) return Status(StatusCode::kBadData, "no number", "row 66666");
      block.rows.push_back(row_);
      block.labels.push_back(static_cast<float>(row_));
      block.keys.push_back(row_ % 5);
      block.offsets.push_back(static_cast<std::uint32_t>(block.keys.size()));
    }
    return {};
  }
  std::uint64_t bad_rows() const override { return 1; }
  std::vector<std::pair<Key, std::string>> TakeNames() override { return {{5, "five"}}; }

 private:
  std::uint64_t row_;
  std::uint64_t end_;
};

class NumberDataset : public data::Dataset {
 public:
  const std::vector<std::string>& files() const override { return files_; }
  data::Format format() const override { return data::Format::kLibsvm; }
  bool keys_are_ids() const override { return true; }
  Result<std::uint64_t> CountRows() override { return data::kRowsUnknown; }
  Result<std::vector<data::Shard>> Cut(std::uint64_t) override {
    return std::vector<data::Shard>{};
  }
  Result<std::unique_ptr<data::RowReader>> Open(const data::Shard& shard) override {
    return std::unique_ptr<data::RowReader>(std::make_unique<NumberReader>(shard));
  }

 private:
  std::vector<std::string> files_ = {"numbers"};
};

class BatchReaderTest : public ::testing::Test {
 protected:
  BatchReaderTest() {
    const DatasetOpener opener = [](const data::DatasetOptions&) {
      return Result<std::unique_ptr<data::Dataset>>(std::make_unique<NumberDataset>());
    };
    EXPECT_TRUE(reader_.Open(opener, {}).ok());
  }

  static data::Shard Shard(std::uint64_t first, std::uint64_t count) {
    return {.first_row = first, .row_count = count};
  }
  static void Keep(BatchReader::Chunk& chunk, Batches& all,
                   std::vector<std::unique_ptr<data::Minibatch>>& spare) {
    for (auto& batch : chunk.batches) {
      all.push_back(batch->rows.rows);
      EXPECT_TRUE(std::ranges::is_sorted(batch->keys));
      EXPECT_EQ(batch->positions.size(), batch->rows.keys.size());
      spare.push_back(std::move(batch));
    }
  }
  Batches ReadAll(std::deque<data::Shard> shards, std::size_t at_once) {
    Batches all;
    std::vector<std::unique_ptr<data::Minibatch>> spare;
    const std::size_t shard_count = shards.size();
    std::size_t finished = 0;
    while (!shards.empty()) {
      auto chunk = reader_.Read(shards, at_once, spare);
      EXPECT_TRUE(chunk.status.ok()) << chunk.status.ToString();
      if (!chunk.status.ok()) return all;
      EXPECT_LE(chunk.batches.size(), at_once);
      finished += chunk.shard_ends.size();
      Keep(chunk, all, spare);
    }
    EXPECT_EQ(finished, shard_count);
    return all;
  }
  Batches ReadHeldOut(std::size_t at_once) {
    Batches all;
    std::vector<std::unique_ptr<data::Minibatch>> spare;
    for (;;) {
      auto chunk = reader_.ReadHeldOut(at_once, spare);
      EXPECT_TRUE(chunk.status.ok());
      if (chunk.batches.empty()) return all;
      Keep(chunk, all, spare);
    }
  }

  BatchReader reader_;
};

TEST_F(BatchReaderTest, CutsEachShardOnItsOwn) {
  const std::deque<data::Shard> shards = {Shard(100, 7), Shard(200, 6), Shard(300, 0),
                                          Shard(400, 1)};
  const Batches expected = {{100, 101, 102}, {103, 104, 105}, {106},
                            {200, 201, 202}, {203, 204, 205}, {400}};
  for (const std::size_t at_once : {1, 2, 32}) {
    reader_.Begin({.batch_rows = 3, .holdout = {}});
    EXPECT_EQ(ReadAll(shards, at_once), expected) << at_once;
  }
}

TEST_F(BatchReaderTest, HeldOutRowsAreSpooledAndReadAsOftenAsAsked) {
  const data::Holdout holdout({.kind = data::HoldoutRule::Kind::kEvery});
  std::vector<std::uint64_t> train;
  std::vector<std::uint64_t> held_out;
  for (std::uint64_t row = 0; row < 5'000; ++row) {
    (holdout.HeldOut(row) ? held_out : train).push_back(row);
  }
  ASSERT_GT(held_out.size(), 400u);
  const auto flat = [](const Batches& batches) {
    std::vector<std::uint64_t> rows;
    for (const auto& batch : batches) rows.insert(rows.end(), batch.begin(), batch.end());
    return rows;
  };
  const std::deque<data::Shard> shards = {Shard(0, 2'500), Shard(2'500, 2'500)};
  reader_.Begin({.batch_rows = 128, .holdout = holdout, .spool_held_out = true});
  const Batches first = ReadAll(shards, 4);
  EXPECT_EQ(flat(first), train);
  EXPECT_EQ(first.front().size(), 128u) << "held-out rows take no place in a minibatch";
  EXPECT_EQ(reader_.held_out_rows(), held_out.size());
  reader_.Begin({.batch_rows = 100, .holdout = {}});
  EXPECT_EQ(flat(ReadHeldOut(2)), held_out);
  // The second pass leaves them out again but does not keep them again.
  reader_.Begin({.batch_rows = 128, .holdout = holdout, .spool_held_out = false});
  EXPECT_EQ(flat(ReadAll(shards, 4)), train);
  reader_.Begin({.batch_rows = 1'000, .holdout = {}});
  EXPECT_EQ(flat(ReadHeldOut(32)), held_out);
}

TEST_F(BatchReaderTest, APhaseThatWasCutOffLeavesNothingBehind) {
  std::deque<data::Shard> shards = {Shard(0, 100)};
  std::vector<std::unique_ptr<data::Minibatch>> spare;
  reader_.Begin({.batch_rows = 10, .holdout = {}});
  EXPECT_EQ(reader_.Read(shards, 2, spare).batches.size(), 2u);
  reader_.Begin({.batch_rows = 10, .holdout = {}});
  EXPECT_EQ(ReadAll({Shard(50, 10)}, 2), (Batches{{50, 51, 52, 53, 54, 55, 56, 57, 58, 59}}));
}

TEST_F(BatchReaderTest, CountsBadRowsOfThePhaseOnly) {
  for (int pass = 0; pass < 3; ++pass) {
    reader_.Begin({.batch_rows = 10, .holdout = {}});
    ReadAll({Shard(0, 5), Shard(5, 5)}, 2);
    EXPECT_EQ(reader_.bad_rows(), 2u) << "one a shard; pass " << pass;
  }
}

TEST_F(BatchReaderTest, NamesAreKeptOnlyWhenAsked) {
  reader_.Begin({.batch_rows = 10, .holdout = {}});
  ReadAll({Shard(0, 5)}, 2);
  EXPECT_TRUE(reader_.names().empty());
  reader_.Begin({.batch_rows = 10, .holdout = {}, .keep_names = true});
  ReadAll({Shard(0, 5)}, 2);
  EXPECT_EQ(reader_.names().size(), 1u);
}

TEST_F(BatchReaderTest, AReadersErrorComesThrough) {
  std::deque<data::Shard> shards = {Shard(66'660, 10)};
  std::vector<std::unique_ptr<data::Minibatch>> spare;
  reader_.Begin({.batch_rows = 10, .holdout = {}});
  const auto chunk = reader_.Read(shards, 2, spare);
  EXPECT_EQ(chunk.status.code(), StatusCode::kBadData);
  EXPECT_EQ(chunk.status.where(), "row 66666");
}

TEST(Holdout, TheLastRowsNeedACount) {
  TrainParameters parameters;
  parameters.holdout = {.kind = HoldoutRule::Kind::kLast, .percent = 10};
  EXPECT_EQ(HoldoutOf(parameters, data::kRowsUnknown).status().code(),
            StatusCode::kInvalidArgument);
  const auto holdout = HoldoutOf(parameters, 100);
  ASSERT_TRUE(holdout.ok());
  EXPECT_FALSE(holdout.value().HeldOut(89));
  EXPECT_TRUE(holdout.value().HeldOut(90));
}

}  // namespace
}  // namespace steelyard::job
