// From an Evaluation's sums to the figures that are printed.
#pragma once

#include "math/evaluation.h"
#include "output.h"

namespace steelyard::cli {

EvaluationReport ReportOf(const math::Evaluation& evaluation);

}  // namespace steelyard::cli
