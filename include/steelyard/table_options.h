// TableOptions: what a table is created with, as sent, saved and shown.
#pragma once

#include <cstdint>
#include <string>

namespace steelyard {

/// A table's updater and its parameters, e.g. "ftrl" {alpha, beta, l1, l2}.
struct UpdaterOptions {
  std::string name = "add";
  float alpha = 0.1F;  ///< Learning rate (ftrl, sgd, adagrad, adam).
  float beta = 1.0F;   ///< ftrl: smoothing of the per-coordinate rate.
  float l1 = 0.0F;
  float l2 = 0.0F;
  bool intercept = false;  ///< l1 and l2 leave the row of the intercept alone: docs/solvers.md.
  bool operator==(const UpdaterOptions&) const = default;
};

/// A named, ordered map key -> row.
struct TableOptions {
  std::string name;
  std::uint32_t width = 1;  ///< Values per key.
  UpdaterOptions updater = {};
  /// Key ranges the table is cut into; the same for any number of servers, so that results do not depend on it.
  std::uint32_t segment_count = 32;
  /// Keep what members of a worker group push in a step until all of them are through it; then apply the sum, once.
  bool aggregate = false;
  std::uint64_t memory_max = 0;  ///< Bytes that its rows may take over all servers; 0: no limit.
  bool operator==(const TableOptions&) const = default;
};

}  // namespace steelyard
