// Goal: range functions give what the rows hold, the same bits however rows are stored and cut; and refuse what cannot be.
// Method: random rows in a HashTable and in the ArrayTable frozen from it, against plain loops over a map.
#include "table/algebra.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <map>
#include <random>

#include "table/freezer.h"
#include "table/hash_table.h"

namespace steelyard::table {
namespace {

using RowMap = std::map<Key, std::vector<float>>;
constexpr std::uint64_t kFirst = 0, kSecond = 1;

class AlgebraTest : public ::testing::Test {
 protected:
  void Fill(const std::string& updater, std::size_t width, std::size_t rows) {
    options_.name = updater;
    updater_ = std::move(MakeUpdater(options_, width).value());
    table_ = std::make_unique<HashTable>(KeyRange{0, kKeyMax}, updater_->row_floats(), memory_);
    std::mt19937_64 random(rows);
    std::normal_distribution<float> normal;
    for (std::size_t i = 0; i < rows; ++i) {
      const Key key = random();
      std::vector<float> pushed(width);
      for (float& value : pushed) value = random() % 4 == 0 ? 0.0F : normal(random);
      const std::span<float> row(table_->FindOrInsert(key), updater_->row_floats());
      updater_->Apply(key, row, pushed);
      values_[key].resize(width);
      updater_->Read(key, row, values_[key]);
    }
  }

  std::unique_ptr<ArrayTable> Frozen() {
    Freezer freezer(
        table_.get(), [](Key, std::span<const float>) { return true; }, &memory_);
    EXPECT_TRUE(freezer.Continue(table_->size() * 2 + 2));
    return freezer.Take();
  }

  Result<FunctionAnswer> Call(Rows& rows, std::string_view name, std::vector<Argument> arguments,
                              KeyRange range = {0, kKeyMax}, std::size_t slice = 1 << 20) {
    auto function = MakeRangeFunction(name, arguments, *updater_, options_);
    if (!function.ok()) return function.status();
    RangeCall call(updater_.get(), std::move(function.value()), range);
    for (std::size_t turns = 0;; ++turns) {
      std::size_t rows_left = slice;
      const Result<bool> done = call.Continue(rows, rows_left);
      if (!done.ok()) return done.status();
      if (done.value()) break;
      if (turns > rows.size() + 2) return Status(StatusCode::kCorruption, "it never ends");
    }
    return call.Finish();
  }

  std::string Refusal(std::string_view name, std::vector<Argument> arguments) {
    const auto function = MakeRangeFunction(name, arguments, *updater_, options_);
    return function.ok() ? "" : function.status().message();
  }

  PageMemory memory_;
  UpdaterOptions options_;
  std::unique_ptr<Updater> updater_;
  std::unique_ptr<HashTable> table_;
  RowMap values_;
};

TEST_F(AlgebraTest, SummariesAreThoseOfPlainLoops) {
  for (const std::string updater : {"add", "adagrad", "ftrl"}) {
    values_.clear();
    Fill(updater, 3, 5'001);
    double sum = 0, absolute = 0, squares = 0, least = 1e9, most = -1e9;
    std::uint64_t nonzeros = 0;
    for (const auto& [key, row] : values_) {
      const double value = row[1];
      sum += value;
      absolute += std::abs(value);
      squares += value * value;
      nonzeros += value != 0;
      least = std::min(least, value);
      most = std::max(most, value);
    }
    ASSERT_GT(nonzeros, 1'000U);
    const FunctionAnswer answer = Call(*table_, "summary", {kSecond}).value();
    ASSERT_EQ(answer.numbers.size(), 7U);
    EXPECT_EQ(answer.numbers[0], 5'001);
    EXPECT_EQ(answer.numbers[1], static_cast<double>(nonzeros));
    EXPECT_NEAR(answer.numbers[2], sum, 1e-9 * absolute);
    EXPECT_NEAR(answer.numbers[3], absolute, 1e-9 * absolute);
    EXPECT_NEAR(answer.numbers[4], squares, 1e-9 * squares);
    EXPECT_EQ(answer.numbers[5], least);
    EXPECT_EQ(answer.numbers[6], most);
  }
}

TEST_F(AlgebraTest, BitsDependNeitherOnTheLayoutNorOnTheSlices) {
  Fill("add", 2, 9'973);
  const auto array = Frozen();
  for (const auto& [name, arguments] : std::vector<std::pair<std::string, std::vector<Argument>>>{
           {"summary", {kFirst}},
           {"dot", {kFirst, kSecond}},
           {"top", {kFirst, std::uint64_t{57}}},
           {"histogram", {kSecond, std::uint64_t{21}, std::uint64_t{11}, std::uint64_t{0}}}}) {
    const KeyRange range{Key{1} << 61, Key{7} << 61};
    const FunctionAnswer whole = Call(*table_, name, arguments, range).value();
    ASSERT_FALSE(whole.numbers.empty());
    for (const std::size_t slice : {1UL, 13UL, 2048UL, 3001UL}) {
      EXPECT_EQ(Call(*table_, name, arguments, range, slice).value(), whole) << name << slice;
      EXPECT_EQ(Call(*array, name, arguments, range, slice).value(), whole) << name << slice;
    }
  }
}

TEST_F(AlgebraTest, DotIsThePlainProduct) {
  Fill("add", 2, 3'000);
  double product = 0, absolute = 0;
  for (const auto& [key, row] : values_) {
    product += static_cast<double>(row[0]) * row[1];
    absolute += std::abs(static_cast<double>(row[0]) * row[1]);
  }
  ASSERT_GT(absolute, 100.0);
  const double found = Call(*table_, "dot", {kFirst, kSecond}).value().numbers.at(0);
  EXPECT_NEAR(found, product, 1e-12 * absolute);
}

TEST_F(AlgebraTest, TopIsTheBeginningOfTheSortedRows) {
  Fill("add", 1, 2'000);
  for (Key key = 10; key < 20; ++key) {  // Ties, of both signs.
    *table_->FindOrInsert(key) = key % 2 == 0 ? 9.0F : -9.0F;
    values_[key] = {key % 2 == 0 ? 9.0F : -9.0F};
  }
  std::vector<std::pair<Key, float>> sorted;
  for (const auto& [key, row] : values_) sorted.emplace_back(key, row[0]);
  std::ranges::stable_sort(
      sorted, [](const auto& a, const auto& b) { return std::abs(a.second) > std::abs(b.second); });
  for (const std::uint64_t count : {1UL, 7UL, 300UL, 5'000UL}) {
    const FunctionAnswer top = Call(*table_, "top", {kFirst, count}).value();
    ASSERT_EQ(top.keys.size(), std::min<std::size_t>(count, sorted.size()));
    for (std::size_t i = 0; i < top.keys.size(); ++i) {
      EXPECT_EQ(top.keys[i], sorted[i].first);
      EXPECT_EQ(top.numbers[i], sorted[i].second);
    }
  }
}

TEST_F(AlgebraTest, OrderedBitsOrderAsNumbersAndComeBack) {
  std::mt19937 random(5);
  std::vector<float> numbers{0.0F,
                             1.0F,
                             -1.0F,
                             std::numeric_limits<float>::max(),
                             std::numeric_limits<float>::lowest(),
                             std::numeric_limits<float>::denorm_min()};
  while (numbers.size() < 2'000) {
    const auto number = std::bit_cast<float>(static_cast<std::uint32_t>(random()));
    if (std::isfinite(number)) numbers.push_back(number);
  }
  std::ranges::sort(numbers);
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    EXPECT_EQ(FromOrderedBits(OrderedBits(numbers[i])), numbers[i]);
    if (i == 0 || numbers[i - 1] == numbers[i]) continue;
    EXPECT_LT(OrderedBits(numbers[i - 1]), OrderedBits(numbers[i]));
  }
  EXPECT_EQ(OrderedBits(-0.0F), OrderedBits(0.0F));
}

TEST_F(AlgebraTest, HistogramsCountWhatHasTheirPrefix) {
  Fill("add", 1, 4'000);
  std::map<std::uint64_t, double> coarse;
  std::map<std::uint64_t, double> fine;
  for (const auto& [key, row] : values_) ++coarse[OrderedBits(row[0]) >> 21];
  const std::uint64_t prefix =
      std::ranges::max_element(coarse, {}, [](const auto& bucket) { return bucket.second; })->first;
  for (const auto& [key, row] : values_) {
    const std::uint32_t bits = OrderedBits(row[0]);
    if (bits >> 21 == prefix) ++fine[(bits >> 10) & 2047];
  }
  const auto expect = [&](const std::map<std::uint64_t, double>& wanted,
                          std::vector<Argument> arguments) {
    const FunctionAnswer answer = Call(*table_, "histogram", std::move(arguments)).value();
    std::map<std::uint64_t, double> found;
    for (std::size_t i = 0; i < answer.keys.size(); ++i) found[answer.keys[i]] = answer.numbers[i];
    EXPECT_EQ(found, wanted);
  };
  expect(coarse, {kFirst, std::uint64_t{21}, std::uint64_t{11}, std::uint64_t{0}});
  expect(fine, {kFirst, std::uint64_t{10}, std::uint64_t{11}, prefix});
}

TEST_F(AlgebraTest, ChangesAreThoseOfPlainLoopsInTheRangeAlone) {
  Fill("add", 2, 3'000);
  const auto array = Frozen();
  const KeyRange range{Key{1} << 62, Key{3} << 62};
  std::size_t changed = 0;
  for (auto& [key, row] : values_) {
    if (key < range.first || key > range.last) continue;
    row[0] *= 0.7F;
    row[1] = row[1] + 0.3F * row[0];
    row[0] = row[1];
    ++changed;
  }
  ASSERT_GT(changed, 1'000U);
  for (Rows* rows : {static_cast<Rows*>(table_.get()), static_cast<Rows*>(array.get())}) {
    ASSERT_TRUE(Call(*rows, "scale", {kFirst, 0.7}, range, 100).ok());
    ASSERT_TRUE(Call(*rows, "axpy", {kSecond, kFirst, 0.3}, range, 77).ok());
    ASSERT_TRUE(Call(*rows, "copy", {kFirst, kSecond}, range).ok());
    std::size_t seen = 0;
    EXPECT_TRUE(rows->Scan(0, [&](Key key, std::span<const float> row) {
      ++seen;
      EXPECT_EQ(std::vector<float>(row.begin(), row.end()), values_.at(key)) << key;
      return true;
    }));
    EXPECT_EQ(seen, values_.size());
  }
}

TEST_F(AlgebraTest, ACopyOfAColumnToItselfChangesNothing) {
  Fill("assign", 1, 100);
  ASSERT_TRUE(Call(*table_, "copy", {kFirst, kFirst}).ok());
  ASSERT_TRUE(Call(*table_, "axpy", {kFirst, kFirst, 1.0}).ok());
  for (const auto& [key, row] : values_) EXPECT_EQ(*table_->Find(key), 2 * row[0]);
}

TEST_F(AlgebraTest, AValueThatOverflowsStopsTheCallAndNamesItsKey) {
  Fill("add", 1, 10);
  *table_->FindOrInsert(77) = 3e38F;
  const auto scaled = Call(*table_, "scale", {kFirst, 10.0}, {77, 77});
  ASSERT_FALSE(scaled.ok());
  EXPECT_NE(scaled.status().message().find("key 77"), std::string::npos);
  EXPECT_EQ(*table_->Find(77), 3e38F);
}

TEST_F(AlgebraTest, AnEmptyRangeHasNoRows) {
  Fill("add", 1, 0);
  const FunctionAnswer answer = Call(*table_, "summary", {kFirst}).value();
  EXPECT_EQ(answer.numbers[0], 0);
  EXPECT_EQ(answer.numbers[3], 0);
  EXPECT_TRUE(Call(*table_, "top", {kFirst, std::uint64_t{3}}).value().keys.empty());
  EXPECT_EQ(Call(*Frozen(), "dot", {kFirst, kFirst}).value().numbers.at(0), 0);
}

TEST_F(AlgebraTest, TheLargestKeyIsInItsRange) {
  Fill("add", 1, 0);
  *table_->FindOrInsert(kKeyMax) = 4.0F;
  EXPECT_EQ(Call(*table_, "summary", {kFirst}).value().numbers[2], 4.0);
  EXPECT_EQ(Call(*Frozen(), "summary", {kFirst}).value().numbers[2], 4.0);
}

TEST_F(AlgebraTest, RefusesWhatCannotBe) {
  Fill("ftrl", 2, 1);
  EXPECT_EQ(Refusal("summary", {kSecond}), "");
  EXPECT_NE(Refusal("scale", {kFirst, 2.0}).find("whose updater is ftrl"), std::string::npos);
  EXPECT_EQ(Refusal("sumary", {kFirst}), "no function is called 'sumary'; did you mean summary?");
  EXPECT_EQ(Refusal("summary", {std::uint64_t{2}}),
            "function summary takes a column from 0 to 1, found 2");
  EXPECT_EQ(Refusal("summary", {}), "function summary takes a column as its argument 1");
  EXPECT_EQ(Refusal("summary", {1.5}), "function summary takes a column as its argument 1");
  EXPECT_EQ(Refusal("summary", {kFirst, kFirst}), "function summary takes 1 arguments, found 2");
  EXPECT_NE(Refusal("top", {kFirst, std::uint64_t{0}}).find("from 1 to 10000"), std::string::npos);
  EXPECT_NE(Refusal("histogram", {kFirst, std::uint64_t{32}, std::uint64_t{1}, std::uint64_t{0}}),
            "");
  EXPECT_NE(Refusal("histogram", {kFirst, std::uint64_t{30}, std::uint64_t{3}, std::uint64_t{0}}),
            "");
  Fill("adagrad", 1, 1);
  EXPECT_NE(Refusal("axpy", {kFirst, kFirst, 1.0}), "");
  Fill("sgd", 1, 1);
  EXPECT_EQ(Refusal("scale", {kFirst, 2.0}), "");
  EXPECT_NE(Refusal("scale", {kFirst, 1e300}), "");
}

}  // namespace
}  // namespace steelyard::table
