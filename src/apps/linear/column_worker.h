// ColumnWorker: a worker's part of batch solvers: margins, and gradients of blocks of columns.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "apps/linear/columns.h"
#include "math/loss_kernels.h"
#include "math/proximal_rule.h"
#include "math/search_model.h"
#include "runtime/team.h"

namespace steelyard::apps::linear {

/// Keeps the margin of every row in double, and its own copy of weights, trust regions, settled features and of the
/// direction of the passes, which changes as the servers' does.
///
/// Losses: logistic, squared and squared hinge; the hinge has no second derivative to bound.
/// Threads: confined to one at a time, which shares steps and sums of many entries or rows with its team. Bits do not depend
///          on the team.
/// Cost:    44 bytes a row (48 with importance weights), 17 a feature and 4 an active feature, beside the columns.
/// Source:  Li et al., NIPS 2014. Bounds: Genkin, Lewis, Madigan 2007 for one coordinate; `coupling` for all at once. A
///          row's curve costs more than adding it up, so curves are computed 16 rows at a time, by vector instructions:
///          a pass takes half the time.
class ColumnWorker {
 public:
  /// @param columns     borrowed.
  /// @param labels      [n] 0 or 1 for binary losses.
  /// @param importance  [n] what a row's loss counts; empty: 1 for each.
  /// @param team        borrowed; nullptr for none.
  ColumnWorker(const Columns* columns, std::span<const float> labels,
               std::span<const float> importance, math::LossKind loss,
               runtime::Team* team = nullptr);

  using Features = std::span<const std::uint32_t>;

  /// Those that were not settled when the pass began, increasing. All others have weight 0, and cost nothing in a pass.
  Features active() const { return active_; }

  /// Gradients and upper bounds of the second derivatives of this worker's loss, at its margins as they are.
  /// @param safety  0: bounds that hold if one coordinate moved alone; 1: bounds for all of them at once.
  /// @param gradients, curvatures  [features.size()] filled.
  void Gradients(Features features, float safety, std::span<float> gradients,
                 std::span<float> curvatures) const;

  /// Gradients alone.
  void Gradients(Features features, std::span<float> gradients) const;

  /// Take over the servers' weights of active features: margins follow.
  /// @param weights, settled  [features.size()] as the servers have them.
  void Update(Features features, std::span<const float> weights,
              std::span<const std::uint8_t> settled, const math::ProximalRule& rule);

  /// Remember the weights, and go back to them as table::TakeBack() does. A pass that is over, because a sweep came after
  /// it, stays as it is.
  void BeginPass();
  void TakeBack();

  /// This worker's part of the model along what the pass changed and what changed before it.
  math::SearchModel Search() const;
  /// Sum of the rows' losses after `move`.
  double LossSumAfter(const math::SearchMove& move) const;
  /// End the pass as table::EndPass() does; once more changes nothing.
  void EndPass(const math::SearchMove& move);

  /// How many entries of the columns stand at active features.
  std::uint64_t ActiveEntries() const;

  /// Take over which features are settled; active() knows it when the next pass begins.
  void Settle(Features features, std::span<const std::uint8_t> settled);
  /// Compute all margins anew, those of the second direction too, from these weights [m] or from the present ones.
  void Rebuild(std::span<const float> weights);
  void Rebuild();

  /// What is known of each feature, wherever its rows are: servers and all workers agree on it between passes.
  struct State {
    std::vector<float> weights;
    std::vector<float> deltas;   ///< Trust regions.
    std::vector<float> earlier;  ///< What changed before the last pass; 0 where the weight is 0.
    std::vector<std::uint8_t> settled;
  };
  State TakeState();
  /// Go on between passes, with other rows than those that led here.
  void Resume(State state);

  std::span<const float> labels() const { return std::span(labels_).first(columns_->row_count); }
  std::span<const float> importance() const {
    return std::span(importance_).first(importance_.empty() ? 0 : columns_->row_count);
  }
  std::span<const float> weights() const { return weights_; }
  /// Other than 0: the feature is left out.
  std::span<const std::uint8_t> settled() const { return settled_; }

  /// Sum of the rows' losses.
  double LossSum() const;

  /// Sum over rows of the conjugate's part of the duality gap, for dual variables scaled by `scale` <= 1; logistic only.
  /// Source: H(scale p), H(a) = -a ln a - (1 - a) ln(1 - a), p the probability of the other label.
  double EntropySum(double scale) const;

 private:
  /// So many entries are worth another thread's time: some 15 us.
  static constexpr std::uint64_t kEntriesForOne = std::uint64_t{1} << 13;
  static constexpr std::size_t kRowsAtATime = 16;
  static constexpr std::size_t kRowsAPart = std::size_t{1} << 13;
  static constexpr std::size_t kRowsSummed = 1024;  // Their margins stay in the first cache.

  struct RowRange {
    std::size_t first;
    std::size_t end;
  };
  /// A step of a weight, whose column the margins have to follow.
  struct Move {
    std::uint32_t feature;
    double step;
  };

  /// Is work on so many entries worth waking the team?
  bool IsForTeam(std::uint64_t entries) const;
  std::uint64_t EntriesOf(Features features) const;
  /// Call compute(first, count) for runs of features that cover all.
  void ForFeatures(Features features,
                   const std::function<void(std::size_t first, std::size_t count)>& compute) const;
  /// Call visit(range) for ranges that cover all rows: one, or as many as threads are worth waking for the entries.
  void ForRanges(std::uint64_t entries, const std::function<void(RowRange range)>& visit) const;
  /// Call visit(part, range) for ranges that cover all rows; the same ones whatever the team.
  void ForParts(const std::function<void(std::size_t part, RowRange range)>& visit) const;
  std::size_t part_count() const;
  /// Sum what compute(range) gives for ranges of kRowsSummed rows at most; the same bits whatever the team.
  double SumOverRows(const std::function<double(RowRange range)>& compute) const;

  /// What the pass changed of a row's margin, but for features whose weight is 0 now.
  double ChangeOfPass(std::size_t row) const {
    return margins_[row] - margins_at_start_[row] - margins_gone_[row];
  }
  /// Call visit(row, step x value) for each entry of a column in these rows.
  template <typename Visit>
  void ForColumn(const Move& move, RowRange range, Visit&& visit) const;
  /// Add step x the feature's column, in these rows, to a vector over all rows.
  void AddColumn(const Move& move, RowRange range, std::span<double> rows) const;
  void AddColumn(const Move& move, std::span<double> rows) const {
    AddColumn(move, AllRows(), rows);
  }
  void MoveMargins(const Move& move, RowRange range);
  void LeaveSupport(std::uint32_t feature);
  RowRange AllRows() const { return {0, margins_.size()}; }
  void RefreshCurves(RowRange range);
  void RefreshTouched(RowRange range);
  void RefreshAll();
  /// Sum of the losses of rows [first, first + margins.size()) at these margins.
  double LossSumAt(std::size_t first, std::span<const double> margins) const;
  template <bool kWithValues>
  float SlopeOf(std::size_t feature) const;
  template <bool kWithValues>
  void GradientOf(std::size_t feature, float safety, float& gradient, float& curvature) const;

  /// Weights are rounded when they move along a direction, their margins are not, and near the optimum a search takes what
  /// separates them for a way down. So margins are computed anew after so many passes.
  static constexpr std::uint32_t kPassesPerRebuild = 8;

  const Columns* columns_;
  math::LossKind loss_;
  runtime::Team* team_;
  float curvature_max_;  ///< Of any row's loss.
  // By row; filled up with rows of no column to a multiple of kRowsAtATime.
  std::vector<float> labels_;
  std::vector<float> importance_;  ///< Empty: 1 for each row.
  std::vector<double> margins_;
  std::vector<math::LossCurve> curves_;
  std::vector<double> margins_at_start_;  ///< Of the pass.
  std::vector<double>
      margins_gone_;  ///< What features that left the support in the pass changed in it.
  std::vector<double> earlier_margins_;  ///< What changed before the pass: math::NextEarlier.
  std::vector<std::uint8_t>
      touched_;  ///< A byte for kRowsAtATime: margins have moved, curves have not.
  // By feature.
  std::vector<float> weights_;
  std::vector<float> weights_at_start_;
  std::vector<float> earlier_;  ///< What changed before the pass; 0 where the weight is 0.
  std::vector<float> deltas_;
  std::vector<std::uint8_t> settled_;
  std::vector<std::uint32_t> active_;
  std::vector<Move> moves_;  ///< Of a step.
  std::uint32_t passes_since_rebuild_ = 0;
  bool pass_open_ = false;  ///< Neither ended nor taken back.
  bool swept_ = true;       ///< Since the active features were listed: some may be woken.
};

}  // namespace steelyard::apps::linear
