#include "table/algebra.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <iterator>
#include <limits>
#include <map>
#include <optional>
#include <utility>

#include "base/near_miss.h"
#include "base/spans.h"
#include "base/vector_clones.h"
#include "table/custom_functions.h"

namespace steelyard::table {
namespace {

constexpr std::uint64_t kTopMax = 10'000;
constexpr std::uint64_t kHistogramBitsMax = 12;

/// Partial sums of a row's place modulo kLaneCount: loops are vectorised, and how rows are cut into blocks changes nothing.
constexpr std::size_t kLaneCount = 8;
using Lanes = std::array<double, kLaneCount>;

double TotalOf(const Lanes& lanes) {
  return ((lanes[0] + lanes[1]) + (lanes[2] + lanes[3])) +
         ((lanes[4] + lanes[5]) + (lanes[6] + lanes[7]));
}

struct SummaryLanes {
  Lanes sum{}, absolute{}, squares{}, nonzeros{};
  std::array<float, kLaneCount> min{}, max{};
  SummaryLanes() {
    min.fill(std::numeric_limits<float>::infinity());
    max.fill(-std::numeric_limits<float>::infinity());
  }
  void Add(std::size_t lane, float value) {
    const double wide = value;
    sum[lane] += wide;
    absolute[lane] += std::abs(wide);
    squares[lane] += wide * wide;
    nonzeros[lane] += value != 0.0F ? 1.0 : 0.0;
    min[lane] = value < min[lane] ? value : min[lane];
    max[lane] = value > max[lane] ? value : max[lane];
  }
};

/// @param groups  of kLaneCount values.
SY_VECTOR_CLONES void AddGroups(const float* values, std::size_t groups, SummaryLanes& result) {
  SummaryLanes lanes = result;
  for (std::size_t group = 0; group < groups; ++group) {
    for (std::size_t lane = 0; lane < kLaneCount; ++lane)
      lanes.Add(lane, values[group * kLaneCount + lane]);
  }
  result = lanes;
}

SY_VECTOR_CLONES void AddProducts(const float* a, const float* b, std::size_t groups,
                                  Lanes& result) {
  Lanes lanes = result;
  for (std::size_t group = 0; group < groups; ++group) {
    for (std::size_t lane = 0; lane < kLaneCount; ++lane) {
      const std::size_t at = group * kLaneCount + lane;
      lanes[lane] += static_cast<double>(a[at]) * static_cast<double>(b[at]);
    }
  }
  result = lanes;
}

/// Show rows to `one(lane, row)` or, where whole groups of lanes begin, to `groups(first row, count)`.
template <typename One, typename Groups>
void ForEachLane(std::size_t first_row, std::size_t count, One&& one, Groups&& groups) {
  std::size_t row = 0;
  while (row < count && (first_row + row) % kLaneCount != 0) {
    one((first_row + row) % kLaneCount, row);
    ++row;
  }
  const std::size_t whole = (count - row) / kLaneCount;
  if (whole > 0) groups(row, whole);
  row += whole * kLaneCount;
  for (; row < count; ++row) one((first_row + row) % kLaneCount, row);
}

class SummaryFunction final : public RangeFunction {
 public:
  explicit SummaryFunction(std::uint32_t column) : column_(column) {}
  std::vector<std::uint32_t> columns() const override { return {column_}; }
  Status Take(const ValueBlock& block) override {
    const std::span<const float> values = block.columns[0];
    ForEachLane(
        rows_, values.size(),
        [&](std::size_t lane, std::size_t row) { lanes_.Add(lane, values[row]); },
        [&](std::size_t row, std::size_t groups) {
          AddGroups(values.data() + row, groups, lanes_);
        });
    rows_ += values.size();
    return {};
  }
  Result<FunctionAnswer> Finish() override {
    return FunctionAnswer{
        .numbers = {static_cast<double>(rows_), TotalOf(lanes_.nonzeros), TotalOf(lanes_.sum),
                    TotalOf(lanes_.absolute), TotalOf(lanes_.squares),
                    *std::ranges::min_element(lanes_.min), *std::ranges::max_element(lanes_.max)},
        .keys = {}};
  }

 private:
  std::uint32_t column_;
  std::size_t rows_ = 0;
  SummaryLanes lanes_;
};

class DotFunction final : public RangeFunction {
 public:
  DotFunction(std::uint32_t a, std::uint32_t b) : a_(a), b_(b) {}
  std::vector<std::uint32_t> columns() const override { return {a_, b_}; }
  Status Take(const ValueBlock& block) override {
    const float* a = block.columns[0].data();
    const float* b = block.columns[1].data();
    ForEachLane(
        rows_, block.keys.size(),
        [&](std::size_t lane, std::size_t row) {
          lanes_[lane] += static_cast<double>(a[row]) * static_cast<double>(b[row]);
        },
        [&](std::size_t row, std::size_t groups) {
          AddProducts(a + row, b + row, groups, lanes_);
        });
    rows_ += block.keys.size();
    return {};
  }
  Result<FunctionAnswer> Finish() override {
    return FunctionAnswer{.numbers = {TotalOf(lanes_)}, .keys = {}};
  }

 private:
  std::uint32_t a_;
  std::uint32_t b_;
  std::size_t rows_ = 0;
  Lanes lanes_{};
};

class TopFunction final : public RangeFunction {
 public:
  TopFunction(std::uint32_t column, std::size_t count) : column_(column), count_(count) {}
  std::vector<std::uint32_t> columns() const override { return {column_}; }
  Status Take(const ValueBlock& block) override {
    for (std::size_t i = 0; i < block.keys.size(); ++i) {
      const KeyValue row{.key = block.keys[i], .value = block.columns[0][i]};
      if (heap_.size() == count_ && !Before(row, heap_.front())) continue;
      heap_.push_back(row);
      std::ranges::push_heap(heap_, Before);
      if (heap_.size() <= count_) continue;
      std::ranges::pop_heap(heap_, Before);
      heap_.pop_back();
    }
    return {};
  }
  Result<FunctionAnswer> Finish() override {
    std::ranges::sort_heap(heap_, Before);
    FunctionAnswer answer;
    for (const KeyValue& row : heap_) {
      answer.keys.push_back(row.key);
      answer.numbers.push_back(row.value);
    }
    return answer;
  }

 private:
  static bool Before(const KeyValue& a, const KeyValue& b) {
    if (std::abs(a.value) != std::abs(b.value)) return std::abs(a.value) > std::abs(b.value);
    return a.key < b.key;
  }
  std::uint32_t column_;
  std::size_t count_;
  std::vector<KeyValue> heap_;  ///< Its front is the last of those kept.
};

class HistogramFunction final : public RangeFunction {
 public:
  HistogramFunction(std::uint32_t column, std::uint64_t shift, std::uint64_t bits,
                    std::uint64_t prefix)
      : column_(column), shift_(shift), bits_(bits), prefix_(prefix), counts_(1ULL << bits) {}
  std::vector<std::uint32_t> columns() const override { return {column_}; }
  Status Take(const ValueBlock& block) override {
    for (const float value : block.columns[0]) {
      const std::uint64_t bits = OrderedBits(value);
      if (bits >> (shift_ + bits_) == prefix_) ++counts_[(bits >> shift_) & (counts_.size() - 1)];
    }
    return {};
  }
  Result<FunctionAnswer> Finish() override {
    FunctionAnswer answer;
    for (std::size_t i = 0; i < counts_.size(); ++i) {
      if (counts_[i] == 0) continue;
      answer.keys.push_back(i);
      answer.numbers.push_back(static_cast<double>(counts_[i]));
    }
    return answer;
  }

 private:
  std::uint32_t column_;
  std::uint64_t shift_;
  std::uint64_t bits_;
  std::uint64_t prefix_;
  std::vector<std::uint64_t> counts_;
};

/// to = scale_to * to + scale_from * from. Covers scale, axpy and copy.
class CombineFunction final : public RangeFunction {
 public:
  CombineFunction(std::uint32_t to, float scale_to, std::optional<std::uint32_t> from,
                  float scale_from)
      : to_(to), scale_to_(scale_to), from_(from), scale_from_(scale_from) {}
  std::vector<std::uint32_t> columns() const override {
    return from_ ? std::vector{to_, *from_} : std::vector{to_};
  }
  Effect effect() const override { return Effect::kChanges; }
  Status Take(const ValueBlock& block) override {
    const std::span<float> to = block.columns[0];
    changed_.resize(to.size());
    for (std::size_t i = 0; i < to.size(); ++i) {
      // Without its own term a column that is copied to need not be finite times 0.
      const float kept = scale_to_ == 0.0F ? 0.0F : scale_to_ * to[i];
      changed_[i] = from_ ? kept + scale_from_ * block.columns[1][i] : kept;
    }
    const std::size_t bad = FirstNotFinite(changed_);
    if (bad < changed_.size()) {
      return {StatusCode::kInvalidArgument,
              "the value of key " + std::to_string(block.keys[bad]) +
                  " would be beyond what a 32-bit float holds; rows before it are changed already"};
    }
    std::ranges::copy(changed_, to.begin());
    if (from_ == to_) std::ranges::copy(changed_, block.columns[1].begin());
    return {};
  }

 private:
  std::uint32_t to_;
  float scale_to_;
  std::optional<std::uint32_t> from_;
  float scale_from_;
  std::vector<float> changed_;
};

/// Reads arguments one after another; the first that does not fit is kept as the error.
class ArgumentReader {
 public:
  ArgumentReader(std::string_view function, std::span<const Argument> arguments,
                 std::size_t value_floats)
      : function_(function), arguments_(arguments), value_floats_(value_floats) {}

  std::uint32_t Column() {
    const std::uint64_t column = Integer(0, value_floats_ - 1, "a column");
    return static_cast<std::uint32_t>(column);
  }
  std::uint64_t Integer(std::uint64_t least, std::uint64_t most, const std::string& what) {
    const auto* number = Next<std::uint64_t>(what);
    if (number == nullptr) return least;
    if (*number >= least && *number <= most) return *number;
    Refuse(what + " from " + std::to_string(least) + " to " + std::to_string(most) + ", found " +
           std::to_string(*number));
    return least;
  }
  float Factor() {
    const auto* number = Next<double>("a factor");
    if (number == nullptr) return 0.0F;
    const auto narrow = static_cast<float>(*number);
    if (!std::isfinite(narrow)) Refuse("a factor that a 32-bit float holds");
    return narrow;
  }
  /// The first error; also that there are more arguments than were read.
  Status status() {
    if (next_ < arguments_.size()) {
      Refuse(std::to_string(next_) + " arguments, found " + std::to_string(arguments_.size()));
    }
    return status_;
  }

 private:
  template <typename T>
  const T* Next(const std::string& what) {
    const T* value = next_ < arguments_.size() ? std::get_if<T>(&arguments_[next_]) : nullptr;
    ++next_;
    if (value == nullptr) Refuse(what + " as its argument " + std::to_string(next_));
    return value;
  }
  void Refuse(const std::string& wants) {
    if (!status_.ok()) return;
    status_ = Status(StatusCode::kInvalidArgument,
                     "function " + std::string(function_) + " takes " + wants);
  }
  std::string_view function_;
  std::span<const Argument> arguments_;
  std::size_t value_floats_;
  std::size_t next_ = 0;
  Status status_;
};

using Made = std::unique_ptr<RangeFunction>;
constexpr std::array<std::string_view, 7> kReadingAndChanging{"summary", "dot",  "top", "histogram",
                                                              "scale",   "axpy", "copy"};

Made MakeHistogram(ArgumentReader& read) {
  const std::uint32_t column = read.Column();
  const std::uint64_t shift = read.Integer(0, 31, "a shift");
  const std::uint64_t bits =
      read.Integer(1, std::min<std::uint64_t>(kHistogramBitsMax, 32 - shift), "a number of bits");
  return std::make_unique<HistogramFunction>(
      column, shift, bits,
      read.Integer(0, (std::uint64_t{1} << (32 - shift - bits)) - 1, "a prefix"));
}

Made MakeReading(std::string_view name, ArgumentReader& read) {
  const std::uint32_t column = name == "histogram" ? 0 : read.Column();
  if (name == "summary") return std::make_unique<SummaryFunction>(column);
  if (name == "dot") return std::make_unique<DotFunction>(column, read.Column());
  if (name == "top") {
    return std::make_unique<TopFunction>(column, read.Integer(1, kTopMax, "a number of keys"));
  }
  return MakeHistogram(read);
}

Made MakeChanging(std::string_view name, ArgumentReader& read) {
  const std::uint32_t to = read.Column();
  if (name == "scale")
    return std::make_unique<CombineFunction>(to, read.Factor(), std::nullopt, 0.0F);
  const std::uint32_t from = read.Column();
  if (name == "copy") return std::make_unique<CombineFunction>(to, 0.0F, from, 1.0F);
  return std::make_unique<CombineFunction>(to, 1.0F, from, read.Factor());
}

}  // namespace

std::uint32_t OrderedBits(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value + 0.0F);
  return (bits >> 31) != 0 ? ~bits : bits | 0x8000'0000U;
}

float FromOrderedBits(std::uint32_t bits) {
  return std::bit_cast<float>((bits >> 31) != 0 ? bits & 0x7FFF'FFFFU : ~bits);
}

namespace {

Status CannotChange(std::string_view function, const std::string& updater) {
  return {StatusCode::kInvalidArgument,
          "function " + std::string(function) + " cannot change a table whose updater is " +
              updater +
              ": its values are computed from what the updater keeps, or go with it "
              "(functions that change values are for add, assign, max and sgd)"};
}

Result<Made> MakeCustom(std::string_view name, std::span<const Argument> arguments,
                        const Updater& updater, const UpdaterOptions& options,
                        const CustomFunctions* custom) {
  std::vector<std::string_view> known(kReadingAndChanging.begin(), kReadingAndChanging.end());
  if (custom != nullptr) {
    auto made = custom->MakeFunction(name, arguments, updater.value_floats());
    if (!made.ok()) return made;
    if (made.value() != nullptr) {
      if (made.value()->effect() == Effect::kChanges && !updater.changeable())
        return CannotChange(name, options.name);
      return made;
    }
    std::ranges::copy(custom->functions(), std::back_inserter(known));
  }
  return Status(StatusCode::kNotFound,
                "no function is called '" + std::string(name) + "'" + DidYouMean(name, known));
}

}  // namespace

std::span<const std::string_view> FunctionNames() {
  return kReadingAndChanging;
}

Result<std::unique_ptr<RangeFunction>> MakeRangeFunction(std::string_view name,
                                                         std::span<const Argument> arguments,
                                                         const Updater& updater,
                                                         const UpdaterOptions& options,
                                                         const CustomFunctions* custom) {
  const auto known = std::ranges::find(kReadingAndChanging, name);
  if (known == kReadingAndChanging.end())
    return MakeCustom(name, arguments, updater, options, custom);
  const bool changes = known - kReadingAndChanging.begin() >= 4;
  if (changes && !updater.changeable()) return CannotChange(name, options.name);
  ArgumentReader read(name, arguments, updater.value_floats());
  Made function = changes ? MakeChanging(name, read) : MakeReading(name, read);
  SY_RETURN_IF_ERROR(read.status());
  return function;
}

}  // namespace steelyard::table
