// What job messages carry for the batch solvers: plans, sums, how far they are. docs/protocol.md lists every byte.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "steelyard/status.h"
#include "wire/block_messages.h"

namespace steelyard::wire {

/// A worker of a batch solver was slow, and gave shards to the others.
struct ShardsMoved {
  std::uint32_t pass = 0;    ///< After so many passes.
  std::string worker;        ///< Who gave them.
  std::uint32_t shards = 0;  ///< So many.
  std::uint32_t of = 0;      ///< Of so many that it had.
  double times = 0.0;        ///< A row took it so many times as long as the others.
  template <typename V>
  void Fields(V& v) {
    v(pass, worker, shards, of, times);
  }
  bool operator==(const ShardsMoved&) const = default;
};

/// How far a batch solver is.
struct BatchStatus {
  std::uint32_t passes = 0;
  std::uint32_t taken_back =
      0;  ///< Of these passes: how many made the objective worse and were undone.
  std::uint32_t tau = 0;
  bool certified =
      false;  ///< The optimum is reached within the tolerance, and a sweep over all features agrees.
  double objective = 0.0;  ///< Of the last pass that was kept.
  bool has_gap = false;
  double gap = 0.0;  ///< Objective minus the best dual value.
  std::uint64_t features = 0;
  std::uint64_t nonzeros = 0;
  std::uint64_t settled = 0;  ///< Features that the last pass left out.
  std::vector<ShardsMoved> moved = {};
  template <typename V>
  void Fields(V& v) {
    v(passes, taken_back, tau, certified, objective, has_gap, gap, features, nonzeros, settled,
      moved);
  }
  /// The features are counted: there is an objective.
  bool measured() const { return features > 0; }
  bool operator==(const BatchStatus&) const = default;
};

/// What PASS_PLAN says to batch solvers.
struct BatchPlan {
  std::uint32_t block_count = 0;  ///< kPrepare.
  /// kPrepare: features that stand in at most so many places are left out, because nothing moves their weight from 0.
  std::uint32_t places_negligible = 0;
  std::uint32_t tau = 0;  ///< Blocks under way beside the one that begins.
  float safety = 0.0F;
  float margin = 0.0F;
  bool take_back = false;  ///< First of all, undo the last pass.
  SearchMove move = {};    ///< Otherwise, end the last pass with it; kSearch: what to look at.
  std::uint32_t blocks_per_step = 1;
  double dual_scale = 0.0;        ///< kDual.
  QuasiNewtonStep newton = {};    ///< kMove and kGradient.
  std::uint32_t slot_count = 0;   ///< So many slots take part in each step: those that have rows.
  std::uint32_t shards_kept = 0;  ///< kDeal: of the shards that the slot has, the first ones.
  template <typename V>
  void Fields(V& v) {
    v(block_count, places_negligible, tau, safety, margin, take_back, move, blocks_per_step,
      dual_scale, newton, slot_count, shards_kept);
  }
  Status Check() const;
};

/// What a worker of a batch solver found in a phase.
struct BatchSums {
  double loss = 0.0;  ///< Of its own rows.
  bool has_dual = false;
  double dual = 0.0;                 ///< Its rows' part of the dual value.
  BlockFigures figures = {};         ///< Of all segments: the same from every worker.
  std::vector<double> model = {};    ///< Its rows' part of the search's model, as in BlockFigures.
  std::vector<double> losses = {};   ///< kSearch: of its own rows, by scale.
  std::uint64_t active_entries = 0;  ///< Of its own rows, at features that are not settled.
  double slope_max = 0.0;            ///< kLoad: BatchLearner::slope_max().
  std::uint64_t own_ns = 0;          ///< Time of the phase in which it did not wait for others.
  std::uint64_t stalled_ns = 0;      ///< Of it, what a few steps took longer than most.
  template <typename V>
  void Fields(V& v) {
    v(loss, has_dual, dual, figures, model, losses, active_entries, slope_max, own_ns, stalled_ns);
  }
};

}  // namespace steelyard::wire
