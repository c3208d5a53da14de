// Learner: what a solver does with one minibatch and the rows pulled for it.
#pragma once

#include <cstddef>
#include <span>

#include "data/localise.h"
#include "math/evaluation.h"
#include "table/updater.h"
#include "wire/data_messages.h"

namespace steelyard::job {

/// What any solver's model has: rows on the servers, and margins computed from them.
class Scorer {
 public:
  virtual ~Scorer() = default;

  /// The updater of the table that holds the rows.
  virtual table::UpdaterOptions updater() const = 0;

  /// Floats of a whole row.
  virtual std::size_t row_floats() const = 0;

  /// What it pulls, and a learner pushes: whole rows and their change, or weights and their gradient.
  virtual wire::Columns columns() const { return wire::Columns::kRows; }
  /// Of a key, pulled or pushed.
  std::size_t floats_per_key() const {
    return columns() == wire::Columns::kRows ? row_floats() : 1;
  }

  /// Compute the margins of the batch's rows.
  /// @param rows     [n, floats_per_key] the servers' rows of batch.keys.
  /// @param margins  [batch rows]
  virtual void Score(const data::Minibatch& batch, std::span<const float> rows,
                     std::span<float> margins) const = 0;
};

/// A worker's side of an online solver.
///
/// The worker pulls the rows of a minibatch's keys with their state, learns the batch's rows one after another on that
/// copy, and pushes the change of each row, which servers add. One worker then learns as a per-row solver does, at any
/// minibatch size. A solver whose changes cannot be added up pulls weights and pushes their gradient over the batch instead;
/// the servers take the step.
/// Threads: Learn() is confined to one thread at a time; Score() may run anywhere meanwhile.
class Learner : public Scorer {
 public:
  /// Learn the batch's rows in order; each is counted in `progressive` before it is learned.
  /// @param rows    [n, floats_per_key] the servers' rows of batch.keys; whole ones are updated in place.
  /// @param deltas  [n, floats_per_key] receives what is to be pushed.
  virtual void Learn(const data::Minibatch& batch, std::span<float> rows, std::span<float> deltas,
                     math::Evaluation& progressive) = 0;
};

}  // namespace steelyard::job
