// Distinct keys by a table whose slots are in key order: filling it removes duplicates, walking it sorts.
#include "data/localise.h"

#include <algorithm>
#include <bit>
#include <cstddef>
#include <numeric>
#include <utility>

namespace steelyard::data {
namespace {

constexpr std::size_t kProbesMax =
    64;  // Longer runs mean keys that are not spread; also the room after the last home.
constexpr int kBitsMin = 8;

}  // namespace

/// Size the table for `expected` distinct keys and free all slots. Return how far keys are shifted to find their home.
int Localiser::PrepareTable(std::size_t expected) {
  const int bits = std::max(kBitsMin, static_cast<int>(std::bit_width(expected + expected / 2)));
  slots_.assign((std::size_t{1} << bits) + kProbesMax, 0);
  return 64 - bits;
}

/// Put every key into its slot; positions[i] becomes the slot of rows.keys[i]. False when keys crowd together, or one is 0.
///
/// In each round all keys that have no slot yet look at their next one. Whether it is free, theirs or another's cannot be
/// predicted, so there is no branch on it: those that must look on are noted for the next round.
bool Localiser::FillTable(Minibatch& batch, int shift) {
  const Key* const wanted = batch.rows.keys.data();
  const std::size_t count = batch.rows.keys.size();
  Key* const slots = slots_.data();
  std::uint32_t* const positions = batch.positions.data();
  waiting_.resize(count);
  std::uint32_t* const waiting = waiting_.data();
  std::size_t left = 0;
  bool has_zero = false;
  const auto look = [&](std::size_t i, std::size_t slot) {
    const Key key = wanted[i];
    const Key found = slots[slot];
    const bool mine = found == 0 || found == key;
    slots[slot] = mine ? key : found;
    positions[i] = static_cast<std::uint32_t>(slot);
    waiting[left] = static_cast<std::uint32_t>(i);
    left += mine ? 0 : 1;
  };
  for (std::size_t i = 0; i < count; ++i) {
    has_zero |= wanted[i] == 0;
    look(i, wanted[i] >> shift);
  }
  if (has_zero) return false;
  for (std::size_t round = 1; left > 0; ++round) {
    if (round == kProbesMax) return false;
    const std::size_t looking = std::exchange(left, 0);
    for (std::size_t at = 0; at < looking; ++at) {
      const std::size_t i = waiting[at];
      look(i, std::size_t{positions[i]} + 1);
    }
  }
  return true;
}

/// Walk the table: keys come out nearly sorted, because a key stands at most a few slots after its home.
void Localiser::SortTable(Minibatch& batch) {
  order_.resize(slots_.size());
  places_.resize(slots_.size());
  const Key* const slots = slots_.data();
  std::uint32_t* const order = order_.data();
  std::uint32_t* const places = places_.data();
  const auto slot_count = static_cast<std::uint32_t>(slots_.size());
  std::size_t count = 0;
  for (std::uint32_t slot = 0; slot < slot_count; ++slot) {
    order[count] = slot;
    count += slots[slot] != 0 ? 1 : 0;
  }
  batch.keys.resize(count);
  Key* const keys = batch.keys.data();
  Key largest = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint32_t slot = order[i];
    const Key key = slots[slot];
    std::size_t at = i;
    if (key < largest) {
      for (; at > 0 && keys[at - 1] > key; --at) {
        keys[at] = keys[at - 1];
        order[at] = order[at - 1];
        places[order[at]] = static_cast<std::uint32_t>(at);
      }
      order[at] = slot;
    } else {
      largest = key;
    }
    keys[at] = key;
    places[slot] = static_cast<std::uint32_t>(at);
  }
  for (std::uint32_t& position : batch.positions) position = places[position];
}

void Localiser::SortEverything(Minibatch& batch) {
  const std::vector<Key>& wanted = batch.rows.keys;
  std::vector<std::uint32_t>& order = order_;
  order.resize(wanted.size());
  std::iota(order.begin(), order.end(), 0U);
  std::sort(order.begin(), order.end(),
            [&](std::uint32_t a, std::uint32_t b) { return wanted[a] < wanted[b]; });
  batch.keys.clear();
  for (const std::uint32_t i : order) {
    if (batch.keys.empty() || batch.keys.back() != wanted[i]) batch.keys.push_back(wanted[i]);
    batch.positions[i] = static_cast<std::uint32_t>(batch.keys.size() - 1);
  }
}

void Localiser::Localise(Minibatch& minibatch) {
  const std::size_t count = minibatch.rows.keys.size();
  minibatch.keys.clear();
  minibatch.positions.resize(count);
  if (count == 0) return;
  // A table fitted to the distinct keys stays in a nearer cache than one fitted to all; too small a one crowds.
  const std::size_t guess = std::min(count, distinct_before_ + distinct_before_ / 4);
  bool sorted = false;
  for (const std::size_t expected : {guess, count}) {
    if (expected == 0 || sorted) continue;
    sorted = FillTable(minibatch, PrepareTable(expected));
  }
  if (sorted) {
    SortTable(minibatch);
  } else {
    SortEverything(minibatch);
  }
  distinct_before_ = minibatch.keys.size();
}

}  // namespace steelyard::data
