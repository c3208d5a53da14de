// Numbers at any address, little-endian; compilers make one instruction of each.
#pragma once

#include <bit>
#include <cstddef>
#include <cstring>

namespace steelyard::filter {

static_assert(std::endian::native == std::endian::little,
              "sections are copied as they lie in memory");

template <typename T>
T LoadAt(const std::byte* at) {
  T value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

template <typename T>
void StoreAt(std::byte* at, T value) {
  std::memcpy(at, &value, sizeof value);
}

}  // namespace steelyard::filter
