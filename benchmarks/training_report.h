// TrainingReport: what `steelyard train --json` said of a run, as far as benchmarks compare it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "steelyard/status.h"

namespace steelyard::bench {

/// After one pass of a batch solver.
struct TrainingPass {
  double seconds = 0.0;  ///< Since the process began.
  double objective = 0.0;
  double settled_fraction = 0.0;  ///< Of the features: left out.
};

struct TrainingReport {
  double seconds = 0.0;
  std::uint64_t passes = 0;
  double idle_fraction = 0.0;
  std::uint64_t pushed_bytes = 0;  ///< By workers, requests of pulls included.
  std::uint64_t pulled_bytes = 0;  ///< By servers, answers to pushes included.
  /// Of filters by name: what each was given.
  std::vector<std::pair<std::string, std::uint64_t>> filtered_bytes;
  // Of a batch solver:
  double objective = 0.0;
  bool certified = false;
  std::vector<TrainingPass> history;
  std::uint64_t shards_moved = 0;  ///< From slow workers to others.

  /// When the objective was first at most this.
  std::optional<double> SecondsTo(double at_most) const;
  double settled_fraction() const {
    return history.empty() ? 0.0 : history.back().settled_fraction;
  }
};

/// Errors: kBadData  not what `train --json` prints.
Result<TrainingReport> ParseTrainingReport(std::string_view text);

}  // namespace steelyard::bench
