#include "filter/holding_filters.h"

#include <algorithm>
#include <charconv>
#include <cmath>

namespace steelyard::filter {

std::string SignificantFilter::name() const {
  char text[32];
  return "significant:" +
         std::string(text, std::to_chars(text, text + sizeof text, threshold_).ptr);
}

void SignificantFilter::Apply(PushRows& rows, Random& /*random*/) {
  push_count_ += 1;
  const auto least = static_cast<float>(threshold_ / push_count_);
  std::size_t kept = 0;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const std::span<float> row = rows.row(i);
    std::span<float> held = held_.Find(rows.keys[i]);
    for (std::size_t column = 0; column < held.size(); ++column) row[column] += held[column];
    // So that NaN is sent, and refused by the server with its key.
    const auto small = [least](float value) { return std::abs(value) <= least; };
    if (std::ranges::all_of(row, small)) {
      held = held_.FindOrInsert(rows.keys[i], rows.width);
      if (!held.empty()) {
        std::ranges::copy(row, held.begin());
        continue;
      }
    } else if (!held.empty()) {
      held_.Erase(rows.keys[i]);
    }
    rows.MoveRow(i, kept++);
  }
  rows.Truncate(kept);
}

std::string ErrorFeedback::name() const {
  std::string text = "feedback";
  for (const auto& filter : lossy_) text += "," + filter->name();
  return text;
}

void ErrorFeedback::Apply(PushRows& rows, Random& random) {
  const PushRows unheld = TakeUnheld(rows);
  const PushRows before = rows;
  for (const auto& filter : lossy_) filter->Apply(rows, random);
  HoldDifferences(before, rows);
  MergeRows(rows, unheld);
}

void ErrorFeedback::Flush(PushRows& rows) {
  held_.TakeAll(rows);
  for (const auto& filter : lossy_) filter->Flush(rows);
}

PushRows ErrorFeedback::TakeUnheld(PushRows& rows) {
  PushRows unheld{.width = rows.width};
  std::size_t kept = 0;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const std::span<float> row = rows.row(i);
    const std::span<float> held = held_.FindOrInsert(rows.keys[i], rows.width);
    if (held.empty()) {
      unheld.Append(rows.keys[i], row);
      continue;
    }
    for (std::size_t column = 0; column < row.size(); ++column) row[column] += held[column];
    rows.MoveRow(i, kept++);
  }
  rows.Truncate(kept);
  return unheld;
}

void ErrorFeedback::HoldDifferences(const PushRows& before, const PushRows& after) {
  std::size_t next = 0;
  for (std::size_t i = 0; i < before.size(); ++i) {
    const std::span<float> held = held_.Find(before.keys[i]);
    std::ranges::copy(before.row(i), held.begin());
    if (next < after.size() && after.keys[next] == before.keys[i]) {
      const std::span<const float> sent = after.row(next++);
      for (std::size_t column = 0; column < held.size(); ++column) held[column] -= sent[column];
    }
    const bool all_sent = std::ranges::all_of(held, [](float value) { return value == 0; });
    // What is not finite was sent, and would never leave again.
    if (all_sent || !std::ranges::all_of(held, [](float value) { return std::isfinite(value); })) {
      held_.Erase(before.keys[i]);
    }
  }
}

}  // namespace steelyard::filter
