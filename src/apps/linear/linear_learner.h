// Linear models by online solvers: FTRL-Proximal, AdaGrad, SGD and Adam, with any loss of math/loss.h.
#pragma once

#include <memory>

#include "job/learner.h"
#include "math/loss.h"
#include "steelyard/status.h"
#include "table/updater.h"

namespace steelyard::apps::linear {

struct LinearOptions {
  math::LossKind loss = math::LossKind::kLogistic;
  table::UpdaterOptions solver{.name = "ftrl",
                               .l1 = 1.0F};  ///< "ftrl", "adagrad", "sgd" or "adam".
};

/// Make the learner of y ~ sum of w_k x_k. With solver.intercept the last feature of each row is the intercept, which
/// l1 and l2 leave alone.
///
/// Rows are learned one after another; by adam, whose changes cannot be added up, a minibatch is one step. An importance weight scales the row's gradient. A key that stands twice in a row
/// counts twice in its margin, and its second occurrence is applied after its first. A row without a label (NaN) is
/// passed over; so is the update of one whose margin is not finite, which would spread to every key it touches.
/// Source: McMahan et al., KDD 2013 (FTRL); the replay of rows on pulled state, so that minibatches cost no quality.
/// Errors: kInvalidArgument  an unknown solver (the message lists the known ones) or a parameter out of range.
Result<std::unique_ptr<job::Learner>> MakeLinearLearner(const LinearOptions& options);

}  // namespace steelyard::apps::linear
