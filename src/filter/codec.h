// Codec: one lossless stage of a section, bytes in and bytes out; what travels names it by its number.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "steelyard/status.h"

namespace steelyard::filter {

using Bytes = std::span<const std::byte>;

/// Numbers travel: never reuse one.
enum class CodecId : std::uint8_t {
  kNone = 0,
  kDelta = 1,    ///< Sorted keys as differences (delta_codec.cc).
  kColumns = 2,  ///< Floats column by column; a preparation, it shrinks nothing (columns_codec.cc).
  kZeros = 3,    ///< A bitmap, and the floats that are not zero (zeros_codec.cc).
  kFixed = 4,   ///< Floats on a grid of powers of two as integers of 1 to 3 bytes (fixed_codec.cc).
  kLz4 = 5,     ///< LZ4 blocks (byte_codecs.cc).
  kSnappy = 6,  ///< Snappy (byte_codecs.cc).
};
inline constexpr std::size_t kCodecIdCount = 7;

/// Stateless and lossless: Decode() of what Encode() wrote gives back the same bytes, whatever they are.
///
/// Threads: safe from any thread. Alignment: none is asked of either side.
class Codec {
 public:
  virtual ~Codec() = default;
  virtual CodecId id() const = 0;
  virtual std::string_view name() const = 0;
  /// How many bytes Encode() may touch for this much input; vectors store past the last byte that counts.
  virtual std::size_t EncodedBytesMax(std::size_t input_bytes) const = 0;
  /// Write the encoding of `input` to the front of `output`, which has EncodedBytesMax(input.size()) bytes.
  /// @param width  floats a key, for a codec of floats that cares.
  /// @return bytes written; 0: the codec does not apply to these bytes.
  virtual std::size_t Encode(Bytes input, std::uint32_t width,
                             std::span<std::byte> output) const = 0;
  /// Fill all of `output` from foreign bytes; allocates nothing.
  /// Errors: kCorruption  these bytes are no encoding of output.size() bytes.
  virtual Status Decode(Bytes input, std::span<std::byte> output) const = 0;
};

/// The codec of a number, or nullptr for kNone and for numbers that this version does not know.
const Codec* FindCodec(CodecId id);

const Codec& DeltaCodec();
const Codec& ColumnsCodec();
const Codec& ZerosCodec();
const Codec& FixedCodec();
const Codec& Lz4Codec();
const Codec& SnappyCodec();

/// The answer to foreign bytes: kCorruption, "CODEC: WHAT".
Status CorruptSection(std::string_view codec, std::string_view what);

}  // namespace steelyard::filter
