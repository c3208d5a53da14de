// Goal: rows from the cache are the parser's rows, and the cache is used when, and only when, it may be. Method: a dataset
// that counts how often its parser is asked, over files that change, and cache files that are damaged byte by byte.
#include "data/row_cache.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <random>
#include <utility>

#include "data/test_folder.h"
#include "data/test_reading.h"

namespace steelyard::data {
namespace {

namespace fs = std::filesystem;

/// Counts the shards that are parsed.
class CountingDataset : public Dataset {
 public:
  CountingDataset(std::unique_ptr<Dataset> dataset, int* opened)
      : dataset_(std::move(dataset)), opened_(opened) {}
  const std::vector<std::string>& files() const override { return dataset_->files(); }
  Format format() const override { return dataset_->format(); }
  bool keys_are_ids() const override { return dataset_->keys_are_ids(); }
  bool is_stream() const override { return dataset_->is_stream(); }
  Result<std::uint64_t> CountRows() override { return dataset_->CountRows(); }
  Result<std::vector<Shard>> Cut(std::uint64_t rows) override { return dataset_->Cut(rows); }
  Result<std::unique_ptr<RowReader>> Open(const Shard& shard) override {
    ++*opened_;
    return dataset_->Open(shard);
  }

 private:
  std::unique_ptr<Dataset> dataset_;
  int* opened_;
};

class RowCacheTest : public TestFolder {
 protected:
  void SetUp() override {
    TestFolder::SetUp();
    std::mt19937_64 random(3);
    std::string text;
    for (int row = 0; row < 5000; ++row) {
      text += row % 2 == 0 ? "1" : "0";
      for (int i = 0; i < 4; ++i) {
        text += " " + std::to_string(random() % 4000) + (row % 5 == 0 ? ":2" : ":1");
      }
      text += '\n';
    }
    options_ = OptionsFor({Write("rows.svm", text)});
    options_.cache_folder = Path("cache");
  }

  /// Read everything, in shards of `rows_per_shard`.
  ReadOutcome ReadEverything(std::uint64_t rows_per_shard, std::size_t rows_max) {
    DatasetOptions plain = options_;
    plain.cache_folder.clear();
    auto inner = OpenDataset(plain);
    EXPECT_TRUE(inner.ok()) << inner.status().message();
    auto dataset =
        CacheRows(std::make_unique<CountingDataset>(std::move(inner.value()), &parsed_), options_);
    ReadOutcome all;
    if (!dataset.ok()) {
      all.status = dataset.status();
      return all;
    }
    const auto shards = dataset.value()->Cut(rows_per_shard);
    for (const Shard& shard : shards.value()) {
      ReadOutcome one = ReadShard(*dataset.value(), shard, rows_max);
      for (std::size_t i = 0; i < one.rows.size(); ++i) AppendRow(one.rows, i, all.rows);
      for (auto& name : one.names) all.names.push_back(std::move(name));
      all.bad_rows += one.bad_rows;
      all.status = one.status;
      if (!one.status.ok()) break;
    }
    return all;
  }

  std::vector<fs::path> Files(const std::string& extension) const {
    std::vector<fs::path> found;
    for (const auto& entry : fs::directory_iterator(Path("cache"))) {
      if (entry.path().extension() == extension) found.push_back(entry.path());
    }
    return found;
  }

  DatasetOptions options_;
  int parsed_ = 0;
};

TEST_F(RowCacheTest, ASecondReadingParsesNothing) {
  for (const std::size_t rows_max : {std::size_t{7}, std::size_t{2048}, std::size_t{5000}}) {
    fs::remove_all(Path("cache"));
    parsed_ = 0;
    const ReadOutcome first = ReadEverything(1900, rows_max);
    ASSERT_TRUE(first.status.ok()) << first.status.message();
    EXPECT_EQ(first.rows.size(), 5000u);
    EXPECT_EQ(parsed_, 3);
    EXPECT_EQ(Files(".rows").size(), 3u);
    EXPECT_TRUE(Files(".part").empty());
    for (const std::size_t again : {std::size_t{1}, std::size_t{2048}, std::size_t{10000}}) {
      const ReadOutcome cached = ReadEverything(1900, again);
      ASSERT_TRUE(cached.status.ok()) << cached.status.message();
      ExpectSameRows(cached.rows, first.rows);
    }
    EXPECT_EQ(parsed_, 3);
  }
}

TEST_F(RowCacheTest, OtherShardsOptionsAndContentsAreParsed) {
  const ReadOutcome first = ReadEverything(10000, 2048);
  ASSERT_EQ(parsed_, 1);
  EXPECT_TRUE(ReadEverything(4000, 2048).status.ok());
  EXPECT_EQ(parsed_, 3);
  options_.label_rule = "== 0";
  const ReadOutcome turned = ReadEverything(10000, 2048);
  EXPECT_EQ(parsed_, 4);
  EXPECT_NE(turned.rows.labels, first.rows.labels);
  options_.label_rule.clear();
  ReadEverything(10000, 2048);
  EXPECT_EQ(parsed_, 4);
  std::ofstream(Path("rows.svm"), std::ios::app) << "1 3:1\n";
  const ReadOutcome longer = ReadEverything(10000, 2048);
  EXPECT_EQ(parsed_, 5);
  EXPECT_EQ(longer.rows.size(), 5001u);
  std::fstream(Path("rows.svm"), std::ios::in | std::ios::out) << "0";  // As long as before.
  const ReadOutcome changed = ReadEverything(10000, 2048);
  EXPECT_EQ(parsed_, 6);
  EXPECT_EQ(changed.rows.labels[0], 0.0F);
}

TEST_F(RowCacheTest, BadRowsAndNamesAreKept) {
  std::string text;
  for (int i = 0; i < 3000; ++i) {
    text += i % 100 == 50 ? "7 |a broken\n" : "1 |a x" + std::to_string(i % 17) + " |b y\n";
  }
  options_ = OptionsFor({Write("rows.vw", text)});
  options_.cache_folder = Path("cache");
  options_.bad_rows_max = 100;
  options_.keep_names = true;
  const ReadOutcome first = ReadEverything(2000, 500);
  ASSERT_TRUE(first.status.ok()) << first.status.message();
  EXPECT_EQ(first.bad_rows, 30u);
  EXPECT_GE(first.names.size(), 18u);
  const int parsed = parsed_;
  const ReadOutcome cached = ReadEverything(2000, 700);
  EXPECT_EQ(parsed_, parsed);
  EXPECT_EQ(cached.bad_rows, 30u);
  EXPECT_EQ(cached.names, first.names);
  ExpectSameRows(cached.rows, first.rows);
}

TEST_F(RowCacheTest, ADamagedFileIsParsedAgainAndReplaced) {
  const ReadOutcome first = ReadEverything(10000, 2048);
  const std::vector<fs::path> files = Files(".rows");
  ASSERT_EQ(files.size(), 1u);
  std::ifstream input(files[0], std::ios::binary);
  const std::string good{std::istreambuf_iterator<char>(input), {}};
  std::size_t damaged = 0;
  for (std::size_t at = 0; at < good.size(); at += at < 64 ? 1 : good.size() / 40) {
    std::string bad = good;
    bad[at] = static_cast<char>(bad[at] ^ 0x10);
    std::ofstream(files[0], std::ios::binary) << bad;
    parsed_ = 0;
    for (const std::size_t rows_max : {std::size_t{999}, std::size_t{3000}}) {
      const ReadOutcome again = ReadEverything(10000, rows_max);
      ASSERT_TRUE(again.status.ok()) << again.status.message();
      ExpectSameRows(again.rows, first.rows);
    }
    EXPECT_GE(parsed_, 1) << "byte " << at;
    ++damaged;
  }
  EXPECT_GT(damaged, 90u);
  ReadEverything(10000, 2048);
  EXPECT_EQ(Files(".rows").size(), 1u);
  std::ofstream(files[0], std::ios::binary) << good.substr(0, good.size() / 2);
  EXPECT_EQ(ReadEverything(10000, 2048).rows.rows, first.rows.rows);
}

TEST_F(RowCacheTest, WhatWasNotReadToItsEndIsNotKept) {
  auto dataset = OpenDataset(options_);
  ASSERT_TRUE(dataset.ok());
  const auto shards = dataset.value()->Cut(10000);
  {
    auto reader = dataset.value()->Open(shards.value()[0]);
    RowBlock block;
    ASSERT_TRUE(reader.value()->Read(3000, block).ok());
    EXPECT_EQ(Files(".part").size(), 1u);
  }
  EXPECT_TRUE(Files(".part").empty());
  EXPECT_TRUE(Files(".rows").empty());
}

TEST_F(RowCacheTest, WhatADeadProcessLeftIsRemoved) {
  fs::create_directories(Path("cache"));
  std::ofstream(Path("cache/old.part")) << "x";
  std::ofstream(Path("cache/new.part")) << "x";
  fs::last_write_time(Path("cache/old.part"),
                      fs::file_time_type::clock::now() - std::chrono::hours(48));
  ASSERT_TRUE(OpenDataset(options_).ok());
  EXPECT_EQ(Files(".part"), std::vector<fs::path>{Path("cache/new.part")});
}

// A limit on file sizes stands in for a full disk.
TEST_F(RowCacheTest, AFullDiskIsAnErrorThatSaysWhatToDo) {
  auto dataset = OpenDataset(options_);
  ASSERT_TRUE(dataset.ok());
  const auto shards = dataset.value()->Cut(10000);
  rlimit old{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &old), 0);
  const rlimit tight{.rlim_cur = 100'000, .rlim_max = old.rlim_max};
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &tight), 0);
  const ReadOutcome outcome = ReadShard(*dataset.value(), shards.value()[0], 2048);
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &old), 0);
  std::signal(SIGXFSZ, handler);
  EXPECT_EQ(outcome.status.code(), StatusCode::kIoError);
  EXPECT_NE(outcome.status.message().find("leave --cache out"), std::string::npos);
  EXPECT_EQ(outcome.status.where(), Path("cache"));
  EXPECT_TRUE(Files(".part").empty());
}

TEST_F(RowCacheTest, AFolderThatCannotBeMadeIsNamed) {
  options_.cache_folder = Write("file", "x") + "/cache";
  const auto dataset = OpenDataset(options_);
  EXPECT_EQ(dataset.status().code(), StatusCode::kIoError);
  EXPECT_EQ(dataset.status().where(), options_.cache_folder);
}

}  // namespace
}  // namespace steelyard::data
