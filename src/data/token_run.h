// Runs of " id:value" and " field:id:value", the bulk of libsvm and libffm rows, read without a branch for each token.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "data/scan.h"
#include "steelyard/types.h"

namespace steelyard::data {

/// Threads: confined to one thread.
class TokenRun {
 public:
  static constexpr std::size_t kBytesMax = 2048;  ///< Looked at by one call.

  struct Tokens {
    const char* end;    ///< Behind the last token.
    std::size_t count;  ///< 0: what stands here is not regular. Leave it to the careful parser.
  };
  /// Read tokens at `p`: digits for field and id, one blank before each token, all of it as the careful parser would. A
  /// row may need several calls.
  ///
  /// @param end     of the row, blanks stripped; kReadAheadBytes behind it are readable.
  /// @param keys    with room for a key each two bytes of the row, and kSpare more.
  /// @param values  like keys.
  Tokens Read(const char* p, const char* end, bool fields, Key* keys, float* values);

  static constexpr std::size_t kSpare = 8;

 private:
  std::array<std::uint32_t, kBytesMax + kScanBytes> stops_;  ///< Offsets of blanks and colons.
  bool ones_ = true;                                         ///< Values were 1 the last time.
};

}  // namespace steelyard::data
