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
  const std::size_t count = (std::size_t{1} << bits) + kProbesMax;
  if (slots_.size() < count) slots_.resize(count);
  taken_.assign(count / 64 + 1, 0);
  if (++epoch_ == 0) {
    std::fill(slots_.begin(), slots_.end(), Slot{});
    epoch_ = 1;
  }
  return 64 - bits;
}

/// Put every key into its slot; positions[i] becomes the slot of rows.keys[i]. False when keys crowd together.
bool Localiser::FillTable(Minibatch& batch, int shift) {
  const Key* const wanted = batch.rows.keys.data();
  const std::size_t count = batch.rows.keys.size();
  Slot* const slots = slots_.data();
  std::uint64_t* const taken = taken_.data();
  std::uint32_t* const positions = batch.positions.data();
  const std::uint32_t epoch = epoch_;
  for (std::size_t i = 0; i < count; ++i) {
    const Key key = wanted[i];
    const std::size_t home = key >> shift;
    std::size_t slot = home;
    // One branch for "free" and "mine" alike: which of the two it is cannot be predicted.
    while (!(static_cast<int>(slots[slot].epoch != epoch) |
             static_cast<int>(slots[slot].key == key))) {
      if (++slot == home + kProbesMax) return false;
    }
    slots[slot].key = key;
    slots[slot].epoch = epoch;
    taken[slot / 64] |= std::uint64_t{1} << (slot % 64);
    positions[i] = static_cast<std::uint32_t>(slot);
  }
  return true;
}

/// Walk the table: keys come out nearly sorted, because a key stands at most a few slots after its home.
void Localiser::SortTable(Minibatch& batch) {
  std::vector<std::uint32_t>& order = order_;
  std::size_t distinct = 0;
  for (const std::uint64_t word : taken_) distinct += std::popcount(word);
  order.resize(distinct);
  batch.keys.resize(distinct);

  Slot* const slots = slots_.data();
  Key* const keys = batch.keys.data();
  std::size_t count = 0;
  for (std::size_t i = 0; i < taken_.size(); ++i) {
    for (std::uint64_t word = taken_[i]; word != 0; word &= word - 1) {
      auto slot = static_cast<std::uint32_t>(i * 64 + std::countr_zero(word));
      Key key = slots[slot].key;
      std::size_t at = count++;
      for (; at > 0 && keys[at - 1] > key; --at) {
        keys[at] = keys[at - 1];
        order[at] = order[at - 1];
        slots[order[at]].position = static_cast<std::uint32_t>(at);
      }
      keys[at] = key;
      order[at] = slot;
      slots[slot].position = static_cast<std::uint32_t>(at);
    }
  }
  for (std::uint32_t& position : batch.positions) position = slots[position].position;
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
