// A pass's own phases are shown with its figures, the others by name.
#include "batch_activity.h"

#include <fmt/format.h>

#include "output.h"

namespace steelyard::cli {

double SettledFraction(const wire::BatchStatus& status) {
  if (status.features == 0) return 0.0;
  return static_cast<double>(status.settled) / static_cast<double>(status.features);
}

std::string BatchActivity(wire::Phase phase, const wire::BatchStatus& batch) {
  const bool in_pass = phase == wire::Phase::kBlocks || phase == wire::Phase::kMove ||
                       phase == wire::Phase::kGradient || phase == wire::Phase::kSearch;
  if (!in_pass) return wire::PhaseName(phase);
  std::string text = fmt::format("pass {}  objective {:.2f}", batch.passes + 1, batch.objective);
  if (batch.settled > 0) {
    text += fmt::format("  {:.0f} % of {} features left out", 100.0 * SettledFraction(batch),
                        Grouped(batch.features));
  }
  if (!batch.moved.empty()) {
    const wire::ShardsMoved& last = batch.moved.back();
    text += fmt::format("  {} gave {} of {} shards away", last.worker, last.shards, last.of);
  }
  return text;
}

}  // namespace steelyard::cli
