// Byte sizes as people type them: 512MB, 8GB, 8GiB.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "steelyard/status.h"

namespace steelyard {

/// A number of bytes that a user may set.
struct ByteSize {
  std::uint64_t bytes = 0;  ///< 0: not set.
  bool operator==(const ByteSize&) const = default;
};

/// What ParseByteSize() accepts, for help and messages.
inline constexpr std::string_view kByteSizeForm =
    "a number and a unit: B, KB, MB, GB, TB (1000s) or KiB, MiB, GiB, TiB (1024s)";

/// Parse "8GB", "1.5GiB", "900000000B", in either case, with or without a space.
/// Errors: kInvalidArgument  anything else, 0, or more than 2^63 bytes; the message says only what was found.
Result<ByteSize> ParseByteSize(std::string_view text);

/// Return the size as ParseByteSize() reads it back: whole bytes.
std::string ByteSizeText(ByteSize size);

}  // namespace steelyard
