// What a fuzz target is: a function that accepts any bytes, and fails a check when a decoder does wrong with them.
#pragma once

#include <cstddef>
#include <cstring>
#include <span>

#include "base/buffer.h"
#include "base/check.h"

namespace steelyard::fuzz {

using Bytes = std::span<const std::byte>;

/// A copy that is aligned as the body of a frame is, and ends where its memory ends, so that a sanitizer sees a read
/// past the end.
inline Buffer AlignedCopy(Bytes bytes) {
  Buffer copy = Buffer::Allocate(bytes.size());
  if (!bytes.empty()) std::memcpy(copy.writable().data(), bytes.data(), bytes.size());
  return copy;
}

inline bool SameBytes(Bytes a, Bytes b) {
  return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size()) == 0);
}

/// One row of the table that CMake makes of the declared targets.
struct Target {
  const char* name;
  void (*run)(Bytes input);
};

}  // namespace steelyard::fuzz
