// Evaluation: merging, and the figures derived from the sums.
#include "math/evaluation.h"

#include <utility>

namespace steelyard::math {

void Evaluation::Merge(const Evaluation& other) {
  sums_.rows += other.sums_.rows;
  sums_.nan_rows += other.sums_.nan_rows;
  sums_.weight += other.sums_.weight;
  sums_.loss += other.sums_.loss;
  sums_.squared_error += other.sums_.squared_error;
  sums_.correct_weight += other.sums_.correct_weight;
  sums_.label += other.sums_.label;
  sums_.prediction += other.sums_.prediction;
  // Ranks of a part of the rows would be a wrong figure, so both must have them.
  ranks_ = ranks_ && other.ranks_;
  if (ranks_) scores_.Merge(other.scores_);
}

std::optional<double> Evaluation::mean_loss() const {
  if (!(sums_.weight > 0.0)) return std::nullopt;
  return sums_.loss / sums_.weight;
}

std::optional<double> Evaluation::log_loss() const {
  return loss_ == LossKind::kLogistic ? mean_loss() : std::nullopt;
}

std::optional<double> Evaluation::accuracy() const {
  if (!IsBinary(loss_) || !(sums_.weight > 0.0)) return std::nullopt;
  return sums_.correct_weight / sums_.weight;
}

std::optional<double> Evaluation::calibration() const {
  if (loss_ != LossKind::kLogistic || !(sums_.label > 0.0)) return std::nullopt;
  return sums_.prediction / sums_.label;
}

std::optional<double> Evaluation::auc() const {
  if (!ranks_ || !IsBinary(loss_) || sums_.nan_rows > 0) return std::nullopt;
  return scores_.Auc();
}

std::optional<double> Evaluation::rmse() const {
  if (loss_ != LossKind::kSquared || !(sums_.weight > 0.0)) return std::nullopt;
  return std::sqrt(sums_.squared_error / sums_.weight);
}

Result<Evaluation> Evaluation::FromParts(LossKind loss, bool ranks, const EvaluationSums& sums,
                                         ScoreHistogram scores) {
  const auto refuse = [](const char* what) {
    return Status(StatusCode::kCorruption, std::string("evaluation: ") + what);
  };
  if (LossName(loss) == "unknown") return refuse("unknown loss");
  if (sums.nan_rows > sums.rows) return refuse("more NaN rows than rows");
  // Written so that a NaN passes: a diverged model has NaN losses, and says so.
  if (sums.weight < 0.0 || sums.loss < 0.0 || sums.squared_error < 0.0 ||
      sums.correct_weight < 0.0) {
    return refuse("a sum that cannot be negative is");
  }
  if (sums.rows == 0 && !scores.bins().empty()) return refuse("scores without rows");
  Evaluation evaluation(loss, ranks);
  evaluation.sums_ = sums;
  evaluation.scores_ = std::move(scores);
  return evaluation;
}

}  // namespace steelyard::math
