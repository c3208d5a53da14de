#include "bench_row.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <nlohmann/json.hpp>

namespace steelyard::bench {

double MedianOf(std::vector<double>& values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

double SpreadOf(const std::vector<double>& sorted_values) {
  const double median = sorted_values[sorted_values.size() / 2];
  return median > 0 ? (sorted_values.back() - sorted_values.front()) / median : 0;
}

std::string FormatRows(const std::vector<BenchRow>& rows) {
  std::size_t name_letters = 42;
  for (const BenchRow& row : rows) name_letters = std::max(name_letters, row.name.size());
  std::string text =
      fmt::format("{:<{}}{:>12} {:<10}{:>8}  {:<24}{:>12}{:>8}{:>8}\n", "what", name_letters + 2,
                  "figure", "unit", "spread", "peer", "peer's", "ratio", "target");
  for (const BenchRow& row : rows) {
    const auto ratio = row.ratio();
    const bool has_peer = !row.peer.empty();
    text += fmt::format("{:<{}}{:>12.4g} {:<10}{:>7.0f}%  {:<24}{:>12}{:>8}{:>8}{}\n", row.name,
                        name_letters + 2, row.value, row.unit, row.spread * 100, row.peer,
                        row.peer_value ? fmt::format("{:.4g}", *row.peer_value)
                        : has_peer     ? "absent"
                                       : "",
                        ratio ? fmt::format("{:.2f}", *ratio) : "",
                        row.target ? fmt::format("{:.2f}", *row.target) : "",
                        ratio && row.target && *ratio < *row.target ? "  missed" : "");
  }
  return text;
}

std::string RowsJson(const std::vector<BenchRow>& rows) {
  nlohmann::ordered_json array = nlohmann::ordered_json::array();
  for (const BenchRow& row : rows) {
    nlohmann::ordered_json object;
    object["name"] = row.name;
    object["value"] = row.value;
    object["unit"] = row.unit;
    if (!row.peer.empty()) {
      object["peer"] = row.peer;
      object["peer_value"] = nullptr;
      if (row.peer_value) object["peer_value"] = *row.peer_value;
      if (const auto ratio = row.ratio()) object["ratio"] = *ratio;
    }
    if (row.target) object["target"] = *row.target;
    object["spread"] = row.spread;
    array.push_back(std::move(object));
  }
  return array.dump(2);
}

}  // namespace steelyard::bench
