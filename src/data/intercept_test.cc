// Goal: with an intercept each row ends with one more feature of value 1, however it is read; a row that has its id
// already is refused by number. Method: the same files with and without it.
#include "data/intercept.h"

#include <gtest/gtest.h>

#include <fstream>
#include <string>
#include <vector>

#include "base/hash.h"
#include "data/test_folder.h"
#include "data/test_reading.h"

namespace steelyard::data {
namespace {

class InterceptTest : public TestFolder {
 protected:
  DatasetOptions With(const std::string& path) const {
    DatasetOptions options = OptionsFor({path});
    options.intercept = true;
    return options;
  }

  /// Compare with the rows as they are in the file.
  static void ExpectOneMore(const RowBlock& with, const RowBlock& without) {
    ASSERT_EQ(with.size(), without.size());
    EXPECT_EQ(with.rows, without.rows);
    EXPECT_EQ(with.labels, without.labels);
    EXPECT_EQ(with.keys.size(), without.keys.size() + without.size());
    for (std::size_t row = 0; row < with.size(); ++row) {
      std::vector<Key> keys(without.RowKeys(row).begin(), without.RowKeys(row).end());
      keys.push_back(kInterceptKey);
      const auto found = with.RowKeys(row);
      ASSERT_EQ(std::vector<Key>(found.begin(), found.end()), keys) << row;
      for (std::size_t i = 0; i + 1 < keys.size(); ++i) {
        EXPECT_EQ(with.Value(with.offsets[row] + i), without.Value(without.offsets[row] + i));
      }
      EXPECT_EQ(with.Value(with.offsets[row + 1] - 1), 1.0F);
    }
  }

  std::string ManyRows(bool with_values) {
    std::string text;
    for (int row = 0; row < 500; ++row) {
      text += std::to_string(row % 2);
      for (int i = 0; i < row % 5; ++i) {
        text += " " + std::to_string(row + i * 1000 + 1);
        text += with_values && row % 3 == 0 ? ":0.5" : ":1";
      }
      text += "\n";
    }
    return Write(with_values ? "values.svm" : "ones.svm", text);
  }
};

TEST_F(InterceptTest, EachRowHasOneMoreFeature) {
  std::size_t compared = 0;
  for (const bool with_values : {false, true}) {
    const std::string path = ManyRows(with_values);
    const ReadOutcome without = ReadAll(OptionsFor({path}), 120);
    ASSERT_TRUE(without.status.ok()) << without.status.ToString();
    for (const std::size_t rows_max : {1, 7, 100}) {
      const ReadOutcome with = ReadAll(With(path), 120, rows_max);
      ASSERT_TRUE(with.status.ok()) << with.status.ToString();
      EXPECT_EQ(with.rows.values.empty(), without.rows.values.empty());
      ExpectOneMore(with.rows, without.rows);
      ++compared;
    }
  }
  EXPECT_EQ(compared, 6u);
}

TEST_F(InterceptTest, ACacheServesJobsWithAndWithoutOne) {
  const std::string path = ManyRows(true);
  DatasetOptions with = With(path);
  DatasetOptions without = OptionsFor({path});
  with.cache_folder = without.cache_folder = (folder_ / "cache").string();
  const ReadOutcome filled = ReadAll(with, 1000);
  ASSERT_TRUE(filled.status.ok()) << filled.status.ToString();
  const ReadOutcome plain = ReadAll(without, 1000);
  ExpectOneMore(filled.rows, plain.rows);
  ExpectSameRows(ReadAll(with, 1000).rows, filled.rows);
}

TEST_F(InterceptTest, RefusesDataThatHasItsId) {
  const std::string path = Write("taken.svm", "1 3:1\n0 4:1\n1 2:1 18446744073709551615:1\n");
  ASSERT_TRUE(ReadAll(OptionsFor({path}), 1000).status.ok());
  const ReadOutcome outcome = ReadAll(With(path), 1000);
  EXPECT_EQ(outcome.status.code(), StatusCode::kBadData);
  EXPECT_NE(
      outcome.status.message().find("row 2 (the first is 0) has feature 18446744073709551615"),
      std::string::npos)
      << outcome.status.message();
  EXPECT_EQ(outcome.status.where(), path);
}

}  // namespace
}  // namespace steelyard::data
