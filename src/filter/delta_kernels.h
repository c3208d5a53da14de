// Blocks of keys as differences of one width, for the vectors that the processor may have.
#pragma once

#include <cstddef>
#include <span>

#include "steelyard/types.h"

namespace steelyard::filter {

/// How far a kernel may read, or write, past the last byte of a block.
inline constexpr std::size_t kDeltaSlackBytes = 64;

/// One implementation. A difference is that of a key to the one before it, less one, in `width` bytes (0 to 8).
struct DeltaKernels {
  const char* name;
  /// Write the differences of the `count` keys that follow the one at `keys`; each fits in `width` bytes.
  void (*pack)(const std::byte* keys, std::size_t count, std::size_t width, std::byte* out);
  /// Write `count` keys, the first of which follows `before`; return the last one. Sums may run over 2^64.
  Key (*unpack)(const std::byte* in, std::size_t count, std::size_t width, Key before,
                std::byte* keys);
};

/// Those that this processor can run, the fastest first; the last one is portable.
std::span<const DeltaKernels> SupportedDeltaKernels();

}  // namespace steelyard::filter
