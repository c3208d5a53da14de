#include "wire/sparse_floats.h"

#include <bit>
#include <cstddef>

#include "base/check.h"

namespace steelyard::wire {

SparseFloats SparseFloats::Of(std::span<const float> floats) {
  SparseFloats sparse;
  sparse.present.resize((floats.size() + 7) / 8);
  for (std::size_t i = 0; i < floats.size(); ++i) {
    if (std::bit_cast<std::uint32_t>(floats[i]) == 0) continue;
    sparse.present[i / 8] |= static_cast<std::uint8_t>(1u << (i % 8));
    sparse.values.push_back(floats[i]);
  }
  return sparse;
}

bool SparseFloats::Fits(std::size_t count) const {
  if (present.size() != (count + 7) / 8) return false;
  // The last byte may be longer than the list.
  if (count % 8 != 0 && present.back() >> (count % 8) != 0) return false;
  std::size_t there = 0;
  for (const std::uint8_t bits : present) there += static_cast<std::size_t>(std::popcount(bits));
  return there == values.size();
}

std::vector<float> SparseFloats::Expand(std::size_t count) const {
  SY_DCHECK(Fits(count));
  std::vector<float> floats(count);
  std::size_t next = 0;
  for (std::size_t i = 0; i < count; ++i) {
    if ((present[i / 8] >> (i % 8) & 1u) != 0) floats[i] = values[next++];
  }
  return floats;
}

}  // namespace steelyard::wire
