// Intercept: a dataset whose rows all have one more feature, of value 1.
#pragma once

#include <memory>

#include "data/dataset.h"

namespace steelyard::data {

/// Return `dataset` with kInterceptKey as the last feature of each row.
/// Errors: its readers refuse rows that have this key already: kBadData.
std::unique_ptr<Dataset> WithIntercept(std::unique_ptr<Dataset> dataset);

}  // namespace steelyard::data
