// Evaluations as they travel: math::Evaluation to wire::EvaluationPart and back.
#pragma once

#include "math/evaluation.h"
#include "wire/job_messages.h"

namespace steelyard::job {

wire::EvaluationPart ToWire(const math::Evaluation& evaluation);

/// Errors: kCorruption  the figures contradict each other.
Result<math::Evaluation> FromWire(const wire::EvaluationPart& part, math::LossKind loss,
                                  bool ranks);

}  // namespace steelyard::job
