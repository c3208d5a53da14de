#include "job/evaluation_codec.h"

#include <utility>
#include <vector>

namespace steelyard::job {

wire::EvaluationPart ToWire(const math::Evaluation& evaluation) {
  const math::EvaluationSums& sums = evaluation.sums();
  wire::EvaluationPart part;
  part.rows = sums.rows;
  part.nan_rows = sums.nan_rows;
  part.weight = sums.weight;
  part.loss = sums.loss;
  part.squared_error = sums.squared_error;
  part.correct_weight = sums.correct_weight;
  part.label = sums.label;
  part.prediction = sums.prediction;
  part.shift = evaluation.scores().shift();
  for (const math::ScoreBin& bin : evaluation.scores().bins()) {
    part.scores.push_back(bin.score);
    part.positive.push_back(bin.positive);
    part.negative.push_back(bin.negative);
  }
  return part;
}

Result<math::Evaluation> FromWire(const wire::EvaluationPart& part, math::LossKind loss,
                                  bool ranks) {
  std::vector<math::ScoreBin> bins;
  bins.reserve(part.scores.size());
  for (std::size_t i = 0; i < part.scores.size(); ++i) {
    bins.push_back({part.scores[i], part.positive[i], part.negative[i]});
  }
  auto histogram = math::ScoreHistogram::FromBins(part.shift, std::move(bins));
  if (!histogram.ok()) return histogram.status();
  const math::EvaluationSums sums{.rows = part.rows,
                                  .nan_rows = part.nan_rows,
                                  .weight = part.weight,
                                  .loss = part.loss,
                                  .squared_error = part.squared_error,
                                  .correct_weight = part.correct_weight,
                                  .label = part.label,
                                  .prediction = part.prediction};
  return math::Evaluation::FromParts(loss, ranks, sums, std::move(histogram.value()));
}

}  // namespace steelyard::job
