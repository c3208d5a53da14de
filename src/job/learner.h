// Learner: what a solver does with one minibatch and the rows pulled for it.
#pragma once

#include <cstddef>
#include <span>

#include "data/localise.h"
#include "math/evaluation.h"
#include "table/updater.h"

namespace steelyard::job {

/// What any solver's model has: rows on the servers, and margins computed from them.
class Scorer {
 public:
  virtual ~Scorer() = default;

  /// The updater of the table that holds the rows.
  virtual table::UpdaterOptions updater() const = 0;

  /// Floats of a whole row.
  virtual std::size_t row_floats() const = 0;

  /// Compute the margins of the batch's rows.
  /// @param rows     [n, row_floats] the servers' rows of batch.keys.
  /// @param margins  [batch rows]
  virtual void Score(const data::Minibatch& batch, std::span<const float> rows,
                     std::span<float> margins) const = 0;
};

/// A worker's side of an online solver.
///
/// The worker pulls the rows of a minibatch's keys with their state, learns the batch's rows one after another on that
/// copy, and pushes the change of each row, which servers add. One worker then learns as a per-row solver does, at any
/// minibatch size.
/// Threads: Learn() is confined to one thread at a time; Score() may run anywhere meanwhile.
class Learner : public Scorer {
 public:
  /// Learn the batch's rows in order; each is counted in `progressive` before it is learned.
  /// @param rows    [n, row_floats] the servers' rows of batch.keys; updated in place.
  /// @param deltas  [n, row_floats] receives the rows' change: what is to be pushed.
  virtual void Learn(const data::Minibatch& batch, std::span<float> rows, std::span<float> deltas,
                     math::Evaluation& progressive) = 0;
};

}  // namespace steelyard::job
