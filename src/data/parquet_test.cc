// Goal: a Parquet file gives the rows that the same table as CSV gives, whatever the cut. Method: the fixture's cells are
// computed again here, written as CSV, and both are read; damage and unreadable types are refused.
#include <gtest/gtest.h>

#include <ctime>
#include <fstream>
#include <sstream>
#include <thread>

#include "data/calendar.h"
#include "data/dataset.h"
#include "data/test_folder.h"
#include "data/test_reading.h"

namespace steelyard::data {
namespace {

constexpr std::uint64_t kRows = 1200;
const std::string kFixture = SY_DATA_FIXTURES "/mixed.parquet";

constexpr const char* kSchema = R"(
[label]
column = "delay"
positive = "> 15"
[weight]
column = "weight"
[order]
by = "when"
[features]
hour = { column = "when", part = "hour" }
weekday = { column = "when_ms", part = "weekday" }
day = { column = "date", part = "month-day" }
origin = { column = "origin" }
user = { column = "user" }
miles = { column = "distance", width = 100 }
night = { column = "night" }
id = { column = "id" }
small = { column = "small_id" }
score = { column = "score", numeric = true }
level = { column = "score", width = 0.5 }
price = { column = "price" }
[crosses]
use = ["origin*user", "hour*weekday*origin", "level*night"]
)";

/// The table of testdata/make_parquet.py.
std::string FixtureAsCsv() {
  std::ostringstream csv;
  csv << "when,when_ms,date,delay,weight,origin,user,distance,night,id,small_id,score,price\n";
  for (std::uint64_t i = 0; i < kRows; ++i) {
    const std::string when = TimeText(978'307'200 + static_cast<std::int64_t>(i) * 3671);
    const char* const origins[] = {"ATL", "LAX", "PHL", "", "ORD"};
    csv << when << ',' << (i % 7 == 3 ? "" : when) << ',' << when.substr(0, 10) << ','
        << static_cast<std::int64_t>(i * 7919 % 40) - 5 << ',' << static_cast<double>(i % 5) / 2
        << ',' << (i % 13 == 0 ? "" : origins[i * i % 5]) << ",u" << i * i % 1009 << ','
        << static_cast<std::int64_t>(i * 31 % 2500) - 100 << ',' << (i % 3 == 0 ? 1 : 0) << ','
        << i * 11400714819323198485ULL << ',' << 4294967295 - i << ',';
    if (i % 11 != 0) csv << static_cast<double>(i) / 8;
    csv << ',' << static_cast<double>(i) / 4 << '\n';
  }
  return csv.str();
}

class Parquet : public TestFolder {
 protected:
  void SetUp() override {
    TestFolder::SetUp();
    const Result<std::unique_ptr<Dataset>> dataset = OpenDataset(With(kFixture));
    if (!dataset.ok() && dataset.status().code() == StatusCode::kUnavailable) {
      EXPECT_NE(dataset.status().message().find("tools/install_arrow.sh"), std::string::npos);
      GTEST_SKIP() << "this build has no Parquet reader: tools/install_arrow.sh was not run";
    }
  }
  static DatasetOptions With(const std::string& path, const std::string& schema = kSchema) {
    DatasetOptions options = OptionsFor({path});
    options.schema_text = schema;
    options.schema_name = "s.toml";
    return options;
  }
  static std::string Bytes(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
};

TEST_F(Parquet, GivesTheRowsOfTheSameTableAsCsv) {
  const ReadOutcome csv = ReadAll(With(Write("t.csv", FixtureAsCsv())), 10'000);
  ASSERT_TRUE(csv.status.ok()) << csv.status.ToString();
  ASSERT_EQ(csv.rows.size(), kRows);
  for (const std::uint64_t rows : {1'000'000, 500, 499, 77}) {
    const ReadOutcome parquet = ReadAll(With(kFixture), rows, 128);
    ASSERT_TRUE(parquet.status.ok()) << parquet.status.ToString();
    ExpectSameRows(parquet.rows, csv.rows);
  }
}

TEST_F(Parquet, ShardsMayBeReadInAnyOrderAndSideBySide) {
  const ReadOutcome whole = ReadAll(With(kFixture), 10'000);
  Result<std::unique_ptr<Dataset>> dataset = OpenDataset(With(kFixture));
  ASSERT_EQ(dataset.value()->CountRows().value(), kRows);
  const std::vector<Shard> shards = dataset.value()->Cut(100).value();
  ASSERT_EQ(shards.size(), 12u);
  for (int pass = 0; pass < 2; ++pass) {
    for (std::size_t i = 0; i < shards.size(); ++i) {
      const Shard& shard = shards[(i * 7 + 5) % shards.size()];
      Result<std::unique_ptr<RowReader>> beside = dataset.value()->Open(shards[i]);
      RowBlock first_rows;
      ASSERT_TRUE(beside.value()->Read(3, first_rows).ok());
      const ReadOutcome one = ReadShard(*dataset.value(), shard, 33);
      ASSERT_TRUE(one.status.ok()) << one.status.ToString();
      ASSERT_EQ(one.rows.size(), shard.row_count);
      for (std::size_t row = 0; row < one.rows.size(); ++row) {
        const std::uint64_t number = shard.first_row + row;
        ASSERT_EQ(one.rows.rows[row], number);
        const auto keys = one.rows.RowKeys(row);
        const auto wanted = whole.rows.RowKeys(number);
        ASSERT_TRUE(std::equal(keys.begin(), keys.end(), wanted.begin(), wanted.end())) << number;
      }
    }
  }
  Shard outside = shards.back();
  outside.row_count += 1;
  EXPECT_EQ(dataset.value()->Open(outside).status().code(), StatusCode::kInvalidArgument);
  outside.file = 1;
  EXPECT_EQ(dataset.value()->Open(outside).status().code(), StatusCode::kInvalidArgument);
}

TEST_F(Parquet, ReadersOnSeveralThreadsShareTheDataset) {
  Result<std::unique_ptr<Dataset>> dataset = OpenDataset(With(kFixture));
  const std::vector<Shard> shards = dataset.value()->Cut(70).value();
  std::vector<ReadOutcome> outcomes(shards.size());
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < 3; ++t) {
    threads.emplace_back([&, t] {
      for (std::size_t i = t; i < shards.size(); i += 3) {
        outcomes[i] = ReadShard(*dataset.value(), shards[i], 16);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (std::size_t i = 0; i < shards.size(); ++i) {
    EXPECT_TRUE(outcomes[i].status.ok()) << outcomes[i].status.ToString();
    EXPECT_EQ(outcomes[i].rows.size(), shards[i].row_count);
  }
}

TEST_F(Parquet, SeveralFilesAreNumberedOnAndTheirOrderIsChecked) {
  DatasetOptions options = With(kFixture);
  options.paths.push_back(kFixture);
  for (const std::uint64_t rows : {1000, 77}) {
    const Status status = ReadAll(options, rows).status;
    EXPECT_EQ(status.where(), kFixture + ":row 0");
    EXPECT_NE(status.message().find("comes after"), std::string::npos) << status.ToString();
  }
  options.schema_text.erase(options.schema_text.find("[order]"),
                            std::string("[order]\nby = \"when\"\n").size());
  const ReadOutcome twice = ReadAll(options, 1000);
  ASSERT_TRUE(twice.status.ok()) << twice.status.ToString();
  EXPECT_EQ(twice.rows.size(), 2 * kRows);
  EXPECT_EQ(twice.rows.rows.back(), 2 * kRows - 1);
}

TEST_F(Parquet, ColumnsThatCannotBeReadAreNamed) {
  const auto status = [&](const std::string& column) {
    const std::string schema =
        "[label]\ncolumn = \"delay\"\n[features]\na = { column = \"" + column + "\" }\n";
    return OpenDataset(With(kFixture, schema)).status();
  };
  EXPECT_EQ(status("tags.list.element").code(), StatusCode::kBadData);
  EXPECT_NE(status("tags.list.element").message().find("not read"), std::string::npos);
  EXPECT_EQ(status("orgin").where(), "s.toml:4");
  EXPECT_NE(status("orgin").message().find("did you mean 'origin'?"), std::string::npos);
  DatasetOptions none = OptionsFor({kFixture});
  EXPECT_NE(OpenDataset(none).status().message().find("column = \"when\""), std::string::npos);
}

TEST_F(Parquet, BadRowsNameTheirRowAndTheOrderIsChecked) {
  std::string schema = "[label]\ncolumn = \"delay\"\n[features]\na = { column = \"night\" }\n";
  const ReadOutcome labels = ReadAll(With(kFixture, schema), 1000);
  EXPECT_EQ(labels.status.code(), StatusCode::kBadData);
  EXPECT_EQ(labels.status.where(), kFixture + ":row 0");
  EXPECT_NE(labels.status.message().find("label '-5'"), std::string::npos)
      << labels.status.message();
  DatasetOptions tolerant = With(kFixture, schema);
  tolerant.bad_rows_fraction_max = 0.99;
  const ReadOutcome some = ReadAll(tolerant, 100);
  ASSERT_TRUE(some.status.ok()) << some.status.ToString();
  EXPECT_EQ(some.bad_rows + some.rows.size(), kRows);
  EXPECT_EQ(some.rows.size(), 3 * kRows / 40);  // -1, 0 and 1 of 40 values.

  schema =
      "[label]\ncolumn = \"delay\"\npositive = \"> 15\"\n[order]\nby = \"distance\"\n[features]\na "
      "= { column = \"night\" }\n";
  for (const std::uint64_t rows : {1000, 81, 27, 1}) {
    EXPECT_EQ(ReadAll(With(kFixture, schema), rows).status.where(), kFixture + ":row 81");
  }
  const ReadOutcome unsorted = ReadAll(With(kFixture, schema), 1000);
  // A reader that is left after its first row has not seen the rows before the next shard.
  Result<std::unique_ptr<Dataset>> dataset = OpenDataset(With(kFixture, schema));
  const std::vector<Shard> shards = dataset.value()->Cut(81).value();
  RowBlock first_row;
  ASSERT_TRUE(dataset.value()->Open(shards[0]).value()->Read(1, first_row).ok());
  EXPECT_FALSE(ReadShard(*dataset.value(), shards[1], 10).status.ok());
  EXPECT_NE(unsorted.status.message().find("-89 comes after 2380"), std::string::npos)
      << unsorted.status.message();
  schema =
      "[label]\ncolumn = \"score\"\npositive = \"> 15\"\n[features]\na = { column = \"night\" }\n";
  EXPECT_NE(ReadAll(With(kFixture, schema), 1000).status.message().find("column 'score', is empty"),
            std::string::npos);
}

TEST_F(Parquet, DamageIsCorruptionNotACrash) {
  const std::string whole = Bytes(kFixture);
  for (std::size_t bytes = 4; bytes < whole.size(); bytes += whole.size() / 60) {
    const Status status = OpenDataset(With(Write("cut.parquet", whole.substr(0, bytes)))).status();
    ASSERT_EQ(status.code(), StatusCode::kCorruption) << bytes;
    ASSERT_NE(status.message().find("not a whole Parquet file"), std::string::npos);
  }
  int refused = 0;
  for (std::size_t at = 100; at < whole.size(); at += whole.size() / 150) {
    std::string damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x55);
    const ReadOutcome outcome = ReadAll(With(Write("damaged.parquet", damaged)), 300);
    refused += outcome.status.ok() ? 0 : 1;
  }
  EXPECT_GT(
      refused,
      100);  // Pages carry checksums; a damaged byte of a column that is not read does no harm.
  EXPECT_EQ(OpenDataset(With(Write("text.parquet", "1 1:1\n"))).status().code(),
            StatusCode::kBadData);
}

TEST_F(Parquet, AFileThatChangesAfterTheCutIsNoticed) {
  const std::string path = Write("p.parquet", Bytes(kFixture));
  Result<std::unique_ptr<Dataset>> dataset = OpenDataset(With(path));
  const std::vector<Shard> shards = dataset.value()->Cut(1000).value();
  Write("p.parquet", Bytes(kFixture).substr(0, 2000));
  EXPECT_FALSE(dataset.value()->Open(shards[0]).ok());
}

}  // namespace
}  // namespace steelyard::data
