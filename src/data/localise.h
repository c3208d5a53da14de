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

  /// Localise()'s own working space.
  struct Scratch {
    std::vector<Key> table;            ///< Slots of an open-addressing table in key order.
    std::vector<std::uint32_t> marks;  ///< Per slot: free, taken, then the key's position.
    std::vector<std::uint32_t> order;  ///< Slots in key order.
  } scratch;
};

/// Fill `keys` and `positions` from `rows`.
/// Cost: linear where keys are spread over uint64, as KeyOfId() and names make them; O(nnz log nnz) otherwise.
void Localise(Minibatch& minibatch);

}  // namespace steelyard::data
