// BenchRow: one line of a benchmark's table: a figure beside the peer or limit that gives it meaning.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace steelyard::bench {

/// A figure and its peer's, measured in the same run. Ratios above 1 are better than the peer.
struct BenchRow {
  std::string name;  ///< "push 10,000 keys"
  double value = 0;
  std::string unit;  ///< "M keys/s"; "us", "s", "MB" and "B/key" are better when smaller.
  std::string peer;  ///< "bare prototype"; empty for a figure that stands alone.
  std::optional<double> peer_value;  ///< Absent when the peer is not installed.
  std::optional<double> target;      ///< The ratio that is aimed at.
  double spread = 0;                 ///< (largest - smallest) / median of this figure's rounds.

  /// How many times better than the peer.
  std::optional<double> ratio() const {
    if (!peer_value || *peer_value <= 0 || value <= 0) return std::nullopt;
    const bool smaller_is_better =
        unit == "us" || unit == "s" || unit == "ns" || unit == "MB" || unit == "B/key";
    return smaller_is_better ? *peer_value / value : value / *peer_value;
  }
};

/// The middle of several rounds' figures, and their spread. @param values  not empty; sorted in place.
double MedianOf(std::vector<double>& values);
double SpreadOf(const std::vector<double>& sorted_values);

/// Print as an aligned table, or as the JSON array of docs/cli.md.
std::string FormatRows(const std::vector<BenchRow>& rows);
std::string RowsJson(const std::vector<BenchRow>& rows);

}  // namespace steelyard::bench
