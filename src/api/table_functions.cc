// Functions of a Table: one call each, and how the segments' answers are combined, in their order.
#include <algorithm>
#include <bit>
#include <cmath>
#include <map>
#include <utility>

#include "api/connection.h"
#include "steelyard/cluster.h"

namespace steelyard {
namespace {

Status Unexpected(const std::string& function) {
  return {StatusCode::kCorruption,
          "function " + function + " answered something else than it should"};
}

/// A value's bits, as the servers order them; the least are those of the least number.
double NumberOfBits(std::uint64_t ordered) {
  const auto bits = static_cast<std::uint32_t>(ordered);
  return std::bit_cast<float>((bits >> 31) != 0 ? bits & 0x7FFF'FFFFU : ~bits);
}

/// A value that is looked for by its rank, and the bits of it that are known, from the highest on.
struct Sought {
  double rank = 0.0;  ///< From 1 on, among the rows whose value begins with `prefix`.
  std::uint64_t prefix = 0;
};
/// How many rows have which next bits.
using Histogram = std::map<std::uint64_t, double>;

void Narrow(Sought& sought, const Histogram& histogram, std::uint64_t bits) {
  std::uint64_t chosen = 0;
  for (const auto& [bucket, count] : histogram) {
    chosen = bucket;
    if (sought.rank <= count) break;
    sought.rank -= count;
  }
  sought.prefix = (sought.prefix << bits) | chosen;
}

Result<Histogram> HistogramOf(Table& table, const std::vector<Argument>& arguments,
                              KeyRange range) {
  const auto answers = table.Call("histogram", arguments, range);
  if (!answers.ok()) return answers.status();
  Histogram histogram;
  for (const FunctionAnswer& answer : answers.value()) {
    if (answer.numbers.size() != answer.keys.size()) return Unexpected("histogram");
    for (std::size_t i = 0; i < answer.keys.size(); ++i)
      histogram[answer.keys[i]] += answer.numbers[i];
  }
  return histogram;
}

}  // namespace

Result<std::vector<FunctionAnswer>> Table::Call(const std::string& function,
                                                const std::vector<Argument>& arguments,
                                                KeyRange range, Effect effect) {
  return connection_
      ->Call(table_->view.table, std::nullopt,
             {.function = function, .arguments = arguments, .range = range, .effect = effect})
      .result.get();
}

Submitted<Result<std::vector<FunctionAnswer>>> Table::Call(const std::string& function,
                                                           const std::vector<Argument>& arguments,
                                                           const TaskOptions& options,
                                                           KeyRange range, Effect effect) {
  return connection_->Call(
      table_->view.table, options,
      {.function = function, .arguments = arguments, .range = range, .effect = effect});
}

Result<Summary> Table::Summarize(KeyRange range, std::uint32_t column) {
  const auto answers = Call("summary", {std::uint64_t{column}}, range);
  if (!answers.ok()) return answers.status();
  Summary all;
  double squares = 0.0;
  for (const FunctionAnswer& answer : answers.value()) {
    if (answer.numbers.size() != 7) return Unexpected("summary");
    const std::vector<double>& of = answer.numbers;
    if (of[0] == 0.0) continue;
    all.min = all.rows == 0 ? of[5] : std::min(all.min, of[5]);
    all.max = all.rows == 0 ? of[6] : std::max(all.max, of[6]);
    all.rows += static_cast<std::uint64_t>(of[0]);
    all.nonzeros += static_cast<std::uint64_t>(of[1]);
    all.sum += of[2];
    all.norm1 += of[3];
    squares += of[4];
  }
  all.norm2 = std::sqrt(squares);
  return all;
}

Result<double> Table::Norm1(KeyRange range, std::uint32_t column) {
  const Result<Summary> summary = Summarize(range, column);
  if (!summary.ok()) return summary.status();
  return summary.value().norm1;
}

Result<double> Table::Norm2(KeyRange range, std::uint32_t column) {
  const Result<Summary> summary = Summarize(range, column);
  if (!summary.ok()) return summary.status();
  return summary.value().norm2;
}

Result<double> Table::Dot(std::uint32_t column, std::uint32_t other, KeyRange range) {
  const auto answers = Call("dot", {std::uint64_t{column}, std::uint64_t{other}}, range);
  if (!answers.ok()) return answers.status();
  double sum = 0.0;
  for (const FunctionAnswer& answer : answers.value()) {
    if (answer.numbers.size() != 1) return Unexpected("dot");
    sum += answer.numbers[0];
  }
  return sum;
}

Result<std::vector<KeyValue>> Table::TopK(std::uint64_t count, KeyRange range,
                                          std::uint32_t column) {
  const auto answers = Call("top", {std::uint64_t{column}, count}, range);
  if (!answers.ok()) return answers.status();
  std::vector<KeyValue> top;
  for (const FunctionAnswer& answer : answers.value()) {
    if (answer.numbers.size() != answer.keys.size()) return Unexpected("top");
    for (std::size_t i = 0; i < answer.keys.size(); ++i)
      top.push_back({.key = answer.keys[i], .value = answer.numbers[i]});
  }
  std::ranges::stable_sort(top, [](const KeyValue& a, const KeyValue& b) {
    return std::abs(a.value) > std::abs(b.value);
  });
  top.resize(std::min<std::size_t>(top.size(), count));
  return top;
}

Result<std::vector<double>> Table::Quantiles(const std::vector<double>& shares, KeyRange range,
                                             std::uint32_t column) {
  for (const double share : shares) {
    if (share >= 0.0 && share <= 1.0) continue;
    return Status(StatusCode::kInvalidArgument,
                  "a quantile's share is from 0 to 1, found " + std::to_string(share));
  }
  std::vector<Sought> sought(shares.size());
  std::uint64_t shift = 32;
  for (const std::uint64_t bits : {11, 11, 10}) {
    shift -= bits;
    std::map<std::uint64_t, Histogram> histograms;  // By prefix.
    for (const Sought& one : sought) histograms[one.prefix];
    for (auto& [prefix, histogram] : histograms) {
      auto counted = HistogramOf(*this, {std::uint64_t{column}, shift, bits, prefix}, range);
      if (!counted.ok()) return counted.status();
      histogram = std::move(counted.value());
    }
    for (std::size_t i = 0; i < shares.size(); ++i) {
      const Histogram& histogram = histograms[sought[i].prefix];
      if (sought[i].rank == 0.0) {
        double rows = 0.0;
        for (const auto& [bucket, count] : histogram) rows += count;
        if (rows == 0.0) return Status(StatusCode::kNotFound, "the range has no rows");
        sought[i].rank = std::max(1.0, std::ceil(shares[i] * rows));
      }
      Narrow(sought[i], histogram, bits);
    }
  }
  std::vector<double> values;
  values.reserve(sought.size());
  for (const Sought& one : sought) values.push_back(NumberOfBits(one.prefix));
  return values;
}

Result<double> Table::Quantile(double share, KeyRange range, std::uint32_t column) {
  const auto values = Quantiles({share}, range, column);
  if (!values.ok()) return values.status();
  return values.value().front();
}

Status Table::Scale(double factor, KeyRange range, std::uint32_t column) {
  const auto done = Call("scale", {std::uint64_t{column}, factor}, range, Effect::kChanges);
  return done.ok() ? Status() : done.status();
}

Status Table::Axpy(double factor, std::uint32_t from, std::uint32_t to, KeyRange range) {
  const auto done =
      Call("axpy", {std::uint64_t{to}, std::uint64_t{from}, factor}, range, Effect::kChanges);
  return done.ok() ? Status() : done.status();
}

Status Table::Copy(std::uint32_t from, std::uint32_t to, KeyRange range) {
  const auto done = Call("copy", {std::uint64_t{to}, std::uint64_t{from}}, range, Effect::kChanges);
  return done.ok() ? Status() : done.status();
}

}  // namespace steelyard
