// Localise: the distinct keys of a minibatch, and where each feature's key stands among them.
#pragma once

#include <cstdint>
#include <vector>

#include "data/row_block.h"
#include "steelyard/types.h"

namespace steelyard::data {

/// A few rows and the key list that a worker pulls for them. Keep one and refill it: its buffers are reused.
struct Minibatch {
  RowBlock rows;
  std::vector<Key> keys;                 ///< [n] sorted, each once.
  std::vector<std::uint32_t> positions;  ///< [nnz] rows.keys[i] == keys[positions[i]].
};

/// Finds the distinct keys of minibatches, one after another.
///
/// Keep one for many minibatches: its working space then stays in the processor's cache.
/// Threads: confined to one thread at a time.
class Localiser {
 public:
  /// Fill `keys` and `positions` from `rows`.
  /// Cost: linear where keys are spread over uint64, as KeyOfId() and names make them; O(nnz log nnz) otherwise.
  void Localise(Minibatch& minibatch);

 private:
  int PrepareTable(std::size_t expected);
  bool FillTable(Minibatch& batch, int shift);
  void SortTable(Minibatch& batch);
  void SortEverything(Minibatch& batch);

  std::vector<Key> slots_;             ///< Open addressing; home slots are in key order; 0 is free.
  std::vector<std::uint32_t> places_;  ///< [slots] of the slot's key in Minibatch::keys.
  std::vector<std::uint32_t> waiting_;  ///< Features whose key found its slot taken.
  std::vector<std::uint32_t> order_;    ///< Slots in key order.
  std::size_t distinct_before_ =
      0;  ///< Keys of the last call: the next one will have about as many.
};

}  // namespace steelyard::data
