#include "wire/sparse_floats.h"

#include <bit>
#include <cstddef>

#include "base/check.h"

namespace steelyard::wire {
namespace {

constexpr std::size_t kHalf = 2;
constexpr std::size_t kWhole = 4;

std::size_t CountPresent(std::span<const std::uint8_t> present) {
  std::size_t there = 0;
  for (const std::uint8_t bits : present) there += static_cast<std::size_t>(std::popcount(bits));
  return there;
}

}  // namespace

SparseFloats SparseFloats::Of(std::span<const float> floats) {
  SparseFloats sparse;
  sparse.present.resize((floats.size() + 7) / 8);
  std::uint32_t any = 0;
  std::size_t there = 0;
  for (std::size_t i = 0; i < floats.size(); ++i) {
    const auto bits = std::bit_cast<std::uint32_t>(floats[i]);
    any |= bits;
    if (bits == 0) continue;
    sparse.present[i / 8] |= static_cast<std::uint8_t>(1u << (i % 8));
    ++there;
  }
  const std::size_t width = (any & 0xffff) == 0 ? kHalf : kWhole;
  sparse.values.reserve(there * width);
  for (const float value : floats) {
    const auto bits = std::bit_cast<std::uint32_t>(value);
    if (bits == 0) continue;
    for (std::size_t byte = kWhole - width; byte < kWhole; ++byte)
      sparse.values.push_back(static_cast<std::uint8_t>(bits >> (8 * byte)));
  }
  return sparse;
}

bool SparseFloats::Fits(std::size_t count) const {
  if (present.size() != (count + 7) / 8) return false;
  // The last byte may be longer than the list.
  if (count % 8 != 0 && present.back() >> (count % 8) != 0) return false;
  const std::size_t there = CountPresent(present);
  return values.size() == there * kHalf || values.size() == there * kWhole;
}

std::vector<float> SparseFloats::Expand(std::size_t count) const {
  SY_DCHECK(Fits(count));
  const std::size_t width = values.size() == CountPresent(present) * kHalf ? kHalf : kWhole;
  std::vector<float> floats(count);
  const std::uint8_t* value = values.data();
  for (std::size_t i = 0; i < count; ++i) {
    if ((present[i / 8] >> (i % 8) & 1u) == 0) continue;
    std::uint32_t bits = 0;
    for (std::size_t byte = kWhole - width; byte < kWhole; ++byte)
      bits |= std::uint32_t{*value++} << (8 * byte);
    floats[i] = std::bit_cast<float>(bits);
  }
  return floats;
}

}  // namespace steelyard::wire
