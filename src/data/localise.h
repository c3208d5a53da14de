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
    struct Slot {
      Key key;
      std::uint32_t epoch;     ///< The call that took the slot; any other means free.
      std::uint32_t position;  ///< Of the key in Minibatch::keys.
    };
    std::vector<Slot> slots;           ///< Open addressing; home slots are in key order.
    std::vector<std::uint64_t> taken;  ///< One bit a slot.
    std::vector<std::uint32_t> order;  ///< Slots in key order.
    std::uint32_t epoch = 0;
    std::size_t distinct_before =
        0;  ///< Keys of the last call: the next one will have about as many.
  } scratch;
};

/// Fill `keys` and `positions` from `rows`.
/// Cost: linear where keys are spread over uint64, as KeyOfId() and names make them; O(nnz log nnz) otherwise.
void Localise(Minibatch& minibatch);

}  // namespace steelyard::data
