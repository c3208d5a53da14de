// Squeezing zeros out of floats and putting them back, for the vector widths that the processor may have.
#pragma once

#include <cstddef>
#include <span>

namespace steelyard::filter {

/// One implementation. A float is zero when all its bits are: -0 is not, so that nothing is lost.
struct ZeroKernels {
  const char* name;
  /// Write one bit a float (1: not zero) to `bitmap`, (count + 7) / 8 bytes, and the floats that are not zero to
  /// `nonzeros`, which has room for count + 16.
  /// @return how many are not zero.
  std::size_t (*squeeze)(const std::byte* floats, std::size_t count, std::byte* bitmap,
                         std::byte* nonzeros);
  /// Inverse. The first `count` bits of `bitmap` hold exactly `nonzero_count` ones; nothing past them is read.
  void (*spread)(const std::byte* bitmap, const std::byte* nonzeros, std::size_t nonzero_count,
                 std::size_t count, std::byte* floats);
};

/// Those that this processor can run, the fastest first; the last one is portable.
std::span<const ZeroKernels> SupportedZeroKernels();

}  // namespace steelyard::filter
