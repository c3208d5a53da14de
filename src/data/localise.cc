// Distinct keys by a table whose slots are in key order: filling it removes duplicates, walking it sorts.
#include "data/localise.h"

#include <algorithm>
#include <bit>
#include <cstddef>
#include <numeric>

namespace steelyard::data {
namespace {

constexpr std::uint32_t kFree = ~std::uint32_t{0};
constexpr std::uint32_t kTaken = kFree - 1;
constexpr std::size_t kProbesMax =
    64;  // Longer runs mean keys that are not spread; also the room after the last home.
constexpr std::size_t kAhead =
    16;  // Prefetch distance: hides an access to the second-level cache and beyond.

/// Put every key into its slot; positions[i] becomes the slot of rows.keys[i]. False when keys crowd together.
bool FillTable(Minibatch& batch, int shift) {
  const std::vector<Key>& wanted = batch.rows.keys;
  Key* const table = batch.scratch.table.data();
  std::uint32_t* const marks = batch.scratch.marks.data();
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    if (i + kAhead < wanted.size()) {
      const std::size_t later = wanted[i + kAhead] >> shift;
      __builtin_prefetch(table + later, 1);
      __builtin_prefetch(marks + later, 1);
    }
    const Key key = wanted[i];
    const std::size_t home = key >> shift;
    std::size_t slot = home;
    while (marks[slot] != kFree && table[slot] != key) {
      if (++slot == home + kProbesMax) return false;
    }
    table[slot] = key;
    marks[slot] = kTaken;
    batch.positions[i] = static_cast<std::uint32_t>(slot);
  }
  return true;
}

/// Walk the table: keys come out nearly sorted, because a key stands at most a few slots after its home.
void SortTable(Minibatch& batch) {
  std::vector<std::uint32_t>& order = batch.scratch.order;
  const std::vector<Key>& table = batch.scratch.table;
  std::vector<std::uint32_t>& marks = batch.scratch.marks;
  order.clear();
  for (std::size_t slot = 0; slot < marks.size(); ++slot) {
    if (marks[slot] == kFree) continue;
    order.push_back(static_cast<std::uint32_t>(slot));
    for (std::size_t j = order.size() - 1; j > 0 && table[order[j - 1]] > table[order[j]]; --j) {
      std::swap(order[j - 1], order[j]);
    }
  }
  batch.keys.resize(order.size());
  for (std::size_t i = 0; i < order.size(); ++i) {
    batch.keys[i] = table[order[i]];
    marks[order[i]] = static_cast<std::uint32_t>(i);
  }
  for (std::uint32_t& position : batch.positions) position = marks[position];
}

void SortEverything(Minibatch& batch) {
  const std::vector<Key>& wanted = batch.rows.keys;
  std::vector<std::uint32_t>& order = batch.scratch.order;
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

}  // namespace

void Localise(Minibatch& minibatch) {
  const std::size_t count = minibatch.rows.keys.size();
  minibatch.keys.clear();
  minibatch.positions.resize(count);
  if (count == 0) return;
  const int bits = std::max(4, static_cast<int>(std::bit_width(2 * count - 1)));
  const std::size_t slots = (std::size_t{1} << bits) + kProbesMax;
  if (minibatch.scratch.table.size() < slots) minibatch.scratch.table.resize(slots);
  minibatch.scratch.marks.assign(slots, kFree);
  if (FillTable(minibatch, 64 - bits)) {
    SortTable(minibatch);
  } else {
    SortEverything(minibatch);
  }
}

}  // namespace steelyard::data
