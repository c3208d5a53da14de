// Goal: users' functions do what they say, and whatever else they do costs them their own request alone.
// Method: updaters and functions that decay, throw, or write what is no number, on a HashTable.
#include "table/custom_functions.h"

#include <gtest/gtest.h>

#include <limits>
#include <stdexcept>

#include "table/hash_table.h"

namespace steelyard::table {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

/// row = (value, count); halves the value at each push. What is pushed may ask for trouble.
class Halving final : public CustomUpdater {
 public:
  std::size_t row_floats() const override { return 2; }
  void Apply(std::span<float> row, std::span<const float> pushed) const override {
    row[0] = row[0] / 2 + pushed[0];
    row[1] += 1;
    if (pushed[0] == 13.0F) throw std::runtime_error("unlucky");
    if (pushed[0] == 14.0F) throw 14;
    if (pushed[0] == 15.0F) row[0] = kNan;
  }
  void Read(std::span<const float> row, std::span<float> values) const override {
    if (row[0] == 66.0F) throw std::runtime_error("unreadable");
    values[0] = row[0] == 67.0F ? kNan : row[0];
  }
};

class CountAbove final : public CustomFunction {
 public:
  explicit CountAbove(double least) : least_(least) {}
  void Row(Key key, std::span<float> values) override {
    if (key == 13) throw std::runtime_error("unlucky");
    count_ += values[0] > least_;
    values[0] = -1;  // Must not reach the table: it is registered as reading.
  }
  FunctionAnswer Finish() override {
    return {.numbers = {static_cast<double>(count_)}, .keys = {}};
  }

 private:
  double least_;
  int count_ = 0;
};

class Square final : public CustomFunction {
 public:
  void Row(Key, std::span<float> values) override { values[0] *= values[0]; }
};

class CustomFunctionsTest : public ::testing::Test {
 protected:
  CustomFunctionsTest() {
    custom_.AddUpdater("halving", [](const UpdaterOptions& options, std::size_t width) {
      if (width != 1) throw std::invalid_argument("halving is for one value a key");
      if (options.alpha == 7) return std::unique_ptr<CustomUpdater>();
      return std::unique_ptr<CustomUpdater>(std::make_unique<Halving>());
    });
    custom_.AddFunction("count_above", Effect::kReads, [](std::span<const Argument> arguments) {
      return std::make_unique<CountAbove>(std::get<double>(arguments[0]));
    });
    custom_.AddFunction("square", Effect::kChanges,
                        [](std::span<const Argument>) { return std::make_unique<Square>(); });
  }
  Result<FunctionAnswer> Call(std::string_view name, const std::vector<Argument>& arguments,
                              Rows& rows, const UpdaterOptions& options) {
    const auto updater = std::move(MakeUpdater(options, 1, &custom_).value());
    auto function = MakeRangeFunction(name, arguments, *updater, options, &custom_);
    if (!function.ok()) return function.status();
    RangeCall call(updater.get(), std::move(function.value()), {0, kKeyMax});
    std::size_t rows_left = 1000;
    const Result<bool> done = call.Continue(rows, rows_left);
    if (!done.ok()) return done.status();
    return call.Finish();
  }

  CustomFunctions custom_;
  PageMemory memory_;
  HashTable rows_{{0, kKeyMax}, 2, memory_};
  HashTable plain_{{0, kKeyMax}, 1, memory_};
  const UpdaterOptions halving_{.name = "halving"};
  const UpdaterOptions assign_{.name = "assign"};
};

TEST_F(CustomFunctionsTest, AnUpdaterAppliesAndReads) {
  const auto updater = std::move(MakeUpdater(halving_, 1, &custom_).value());
  EXPECT_TRUE(updater->custom());
  EXPECT_EQ(updater->row_floats(), 2U);
  for (int i = 0; i < 2; ++i)
    EXPECT_FALSE(updater->ApplyBatch(rows_, std::vector<Key>{3, 5}, std::vector<float>{4, 6}));
  std::vector<float> values(3);
  EXPECT_FALSE(updater->ReadBatch(rows_, std::vector<Key>{3, 4, 5}, values));
  EXPECT_EQ(values, (std::vector<float>{6, 0, 9}));
  EXPECT_EQ(rows_.size(), 2U) << "reading inserts nothing";
}

TEST_F(CustomFunctionsTest, NothingIsKeptOfAPushThatFails) {
  const auto updater = std::move(MakeUpdater(halving_, 1, &custom_).value());
  ASSERT_FALSE(updater->ApplyBatch(rows_, std::vector<Key>{3}, std::vector<float>{4}));
  const std::vector<std::pair<float, std::string>> faults{
      {13.0F, "updater 'halving' threw: unlucky"},
      {14.0F, "updater 'halving' threw something that is no std::exception"},
      {15.0F, "updater 'halving' leaves a float of the row NaN or infinite"}};
  for (const auto& [pushed, what] : faults) {
    const auto failure =
        updater->ApplyBatch(rows_, std::vector<Key>{3, 8}, std::vector<float>{1, pushed});
    ASSERT_TRUE(failure);
    EXPECT_EQ(failure->key, 8U);
    EXPECT_EQ(failure->what, what);
    EXPECT_EQ(rows_.size(), 1U);
    EXPECT_EQ(*rows_.Find(3), 4.0F);
  }
}

TEST_F(CustomFunctionsTest, ARowThatCannotBeReadIsNamed) {
  const auto updater = std::move(MakeUpdater(halving_, 1, &custom_).value());
  for (const float stored : {66.0F, 67.0F}) {
    *rows_.FindOrInsert(9) = stored;
    std::vector<float> value(1);
    const auto failure = updater->ReadBatch(rows_, std::vector<Key>{9}, value);
    ASSERT_TRUE(failure);
    EXPECT_EQ(failure->key, 9U);
    updater->Read(9, std::vector<float>{stored, 1}, value);
    EXPECT_EQ(value[0], 0.0F);
  }
}

TEST_F(CustomFunctionsTest, MakersMayRefuse) {
  EXPECT_EQ(MakeUpdater(halving_, 2, &custom_).status().message(),
            "updater 'halving' threw: halving is for one value a key");
  EXPECT_NE(MakeUpdater({.name = "halving", .alpha = 7}, 1, &custom_)
                .status()
                .message()
                .find("rows of 0 floats"),
            std::string::npos);
  EXPECT_NE(MakeUpdater({.name = "halvin"}, 1, &custom_)
                .status()
                .message()
                .find("max, proximal, owlqn, halving); did you mean halving?"),
            std::string::npos);
  EXPECT_TRUE(MakeUpdater({.name = "add"}, 1, &custom_).ok());
}

TEST_F(CustomFunctionsTest, FunctionsReadOrChange) {
  for (Key key = 1; key <= 10; ++key) *plain_.FindOrInsert(key) = static_cast<float>(key);
  EXPECT_EQ(Call("count_above", {7.0}, plain_, assign_).value().numbers.at(0), 3);
  EXPECT_EQ(*plain_.Find(5), 5.0F);
  EXPECT_TRUE(Call("square", {}, plain_, assign_).ok());
  EXPECT_EQ(*plain_.Find(5), 25.0F);
}

TEST_F(CustomFunctionsTest, FunctionsThatFailSayWhereAndWhy) {
  *plain_.FindOrInsert(13) = 1;
  EXPECT_EQ(Call("count_above", {7.0}, plain_, assign_).status().message(),
            "function 'count_above' threw: unlucky (key 13)");
  EXPECT_NE(Call("count_above", {"7"}, plain_, assign_).status().message().find("threw: "),
            std::string::npos);
  *plain_.FindOrInsert(14) = 1e30F;
  EXPECT_EQ(Call("square", {}, plain_, assign_).status().message(),
            "function 'square' leaves a value NaN or infinite (key 14)");
  EXPECT_NE(Call("square", {}, rows_, halving_).status().message().find("cannot change a table"),
            std::string::npos);
  EXPECT_EQ(Call("squares", {}, plain_, assign_).status().message(),
            "no function is called 'squares'; did you mean square?");
}

TEST_F(CustomFunctionsTest, NamesAreTakenOnce) {
  EXPECT_TRUE(custom_.status().ok());
  CustomFunctions other;
  other.AddUpdater("ftrl", nullptr);
  EXPECT_NE(other.status().message().find("'ftrl' is taken"), std::string::npos);
  CustomFunctions again;
  again.AddFunction("f", Effect::kReads, nullptr);
  again.AddFunction("f", Effect::kReads, nullptr);
  EXPECT_FALSE(again.status().ok());
}

}  // namespace
}  // namespace steelyard::table
