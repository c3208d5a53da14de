// Evaluation: how well margins predicted labels; mergeable over workers.
#pragma once

#include <cmath>
#include <cstdint>
#include <optional>

#include "math/loss.h"
#include "math/score_histogram.h"
#include "steelyard/status.h"

namespace steelyard::math {

/// The additive part of an Evaluation: plain numbers that travel and add up.
struct EvaluationSums {
  std::uint64_t rows = 0;
  std::uint64_t nan_rows = 0;   ///< Rows whose margin was not a number.
  double weight = 0.0;          ///< Sum of importance weights; the means below divide by it.
  double loss = 0.0;            ///< Weighted sum of the loss.
  double squared_error = 0.0;   ///< Weighted sum of (margin - label)^2; squared loss only.
  double correct_weight = 0.0;  ///< Weight of rows on the right side; binary losses only.
  double label = 0.0;           ///< Weighted sum of labels (0 or 1; any number for squared loss).
  double prediction = 0.0;      ///< Weighted sum of probabilities (logistic) or margins (squared).
  bool operator==(const EvaluationSums&) const = default;
};

/// Sums of losses, hits and scores over rows.
///
/// A figure that has no meaning for the loss, or for the rows seen, is absent.
/// Threads: confined to one thread.
class Evaluation {
 public:
  /// @param ranks  keep the scores, for auc(); costs about 20 ns a row.
  explicit Evaluation(LossKind loss = LossKind::kLogistic, bool ranks = true)
      : loss_(loss), ranks_(ranks) {}

  /// Count one row; one without a label (NaN) is not counted.
  /// @param margin  the model's output before any link function.
  void Add(double margin, double label, double weight = 1.0) {
    Add(margin, label, weight, LossAt(loss_, margin, label));
  }

  /// As above, with the row's LossAt() at hand.
  void Add(double margin, double label, double weight, const LossPoint& point) {
    if (std::isnan(label)) return;
    ++sums_.rows;
    sums_.weight += weight;
    sums_.loss += weight * point.value;
    sums_.label += weight * label;
    if (IsBinary(loss_)) {
      if ((margin > 0) == (label > 0.5)) sums_.correct_weight += weight;
      // The derivative of the logistic loss is the probability minus the label.
      if (loss_ == LossKind::kLogistic) sums_.prediction += weight * (point.derivative + label);
    } else {
      sums_.squared_error += weight * (margin - label) * (margin - label);
      sums_.prediction += weight * margin;
    }
    if (std::isnan(margin)) {
      ++sums_.nan_rows;
    } else if (ranks_ && IsBinary(loss_)) {
      scores_.Add(static_cast<float>(margin), label > 0.5, static_cast<float>(weight));
    }
  }

  /// Add what `other` saw. Both evaluate the same loss.
  void Merge(const Evaluation& other);

  std::uint64_t rows() const { return sums_.rows; }
  /// Weighted mean of the loss.
  std::optional<double> mean_loss() const;
  /// Mean natural log loss (logistic).
  std::optional<double> log_loss() const;
  /// Weighted share of rows on the right side of 0; a margin of 0 predicts the negative label.
  std::optional<double> accuracy() const;
  /// Mean prediction / mean label (logistic); 1 is perfect.
  std::optional<double> calibration() const;
  /// See ScoreHistogram::Auc().
  std::optional<double> auc() const;
  /// Root of the mean squared error (squared loss).
  std::optional<double> rmse() const;

  LossKind loss() const { return loss_; }
  bool ranks() const { return ranks_; }
  const EvaluationSums& sums() const { return sums_; }
  const ScoreHistogram& scores() const { return scores_; }

  /// Rebuild an Evaluation from its parts.
  /// Errors: kCorruption  a sum is negative where it cannot be, or counts contradict each other.
  static Result<Evaluation> FromParts(LossKind loss, bool ranks, const EvaluationSums& sums,
                                      ScoreHistogram scores);

 private:
  LossKind loss_;
  bool ranks_;
  EvaluationSums sums_;
  ScoreHistogram scores_;
};

}  // namespace steelyard::math
