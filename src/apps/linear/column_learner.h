// The worker's side of the batch solvers: rows are gathered, turned into columns, and stepped through block after block.
#pragma once

#include <memory>
#include <string>

#include "job/batch_learner.h"
#include "math/loss.h"
#include "runtime/team.h"
#include "steelyard/status.h"

namespace steelyard::apps::linear {

struct ColumnLearnerOptions {
  std::string updater;  ///< Of the table: "proximal" or "owlqn".
  math::LossKind loss = math::LossKind::kLogistic;
  float l1 = 1.0F;
  float l2 = 0.0F;
  bool intercept = false;
  runtime::Team* team = nullptr;  ///< Shares long work; borrowed.
};

/// Make the learner of: minimise sum of losses + l1 |w|_1 + l2/2 |w|^2. An intercept is a feature like others here; the
/// servers, which take the steps, know that it is not penalised.
///
/// A key that stands twice in a row counts twice. A row's importance multiplies its loss.
/// Memory: 8 bytes an entry (4 where every value is 1), 36 a row (44 where some have another importance than 1); twice that while rows become columns.
/// Errors: kInvalidArgument  the hinge loss, whose second derivative nothing bounds; a penalty below 0; another updater.
Result<std::unique_ptr<job::BatchLearner>> MakeColumnLearner(const ColumnLearnerOptions& options);

}  // namespace steelyard::apps::linear
