// Floats that lie on a grid of a power of two, as integers of 1 to 3 bytes; others stay floats.
//
// Layout: for each block of up to 64 floats one byte, the bytes a float: 0 (all are zero), 1, 2, 3, or 4 (floats as
// they are). With 1 to 3 a signed byte follows, the grid's exponent e, then little-endian integers: float = integer x
// 2^e.
//
// The grid is found from the floats alone, in blocks smaller than those of the filter `fixed`: it needs to know neither
// where the filter's blocks began before the push was sliced nor what its scales were.
#include <algorithm>
#include <array>

#include "base/vector_clones.h"
#include "filter/codec.h"
#include "filter/grid.h"
#include "filter/raw_bytes.h"

namespace steelyard::filter {
namespace {

constexpr std::size_t kFloatBytes = 4;
constexpr std::size_t kBlockFloats = 64;
constexpr std::size_t kRaw = 4;

#define SY_INTO_CLONE __attribute__((always_inline)) inline

struct BlockBits {
  std::uint32_t all = 0;        ///< The bits of all floats, or-ed.
  std::uint32_t magnitude = 0;  ///< The largest, signs off.
};

SY_INTO_CLONE BlockBits Look(const std::byte* floats, std::size_t count) {
  BlockBits found;
  for (std::size_t i = 0; i < count; ++i) {
    const auto bits = LoadAt<std::uint32_t>(floats + i * kFloatBytes);
    found.all |= bits;
    found.magnitude = std::max(found.magnitude, bits & 0x7FFFFFFFU);
  }
  return found;
}

/// Write each float as a number of steps; false when one is not a whole number of them (or is -0).
SY_INTO_CLONE bool Steps(const std::byte* floats, std::size_t count, int exponent,
                         std::int32_t* steps) {
  const float step = PowerOfTwo(exponent);
  const float inverse = PowerOfTwo(-exponent);
  std::uint32_t differ = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const auto value = LoadAt<float>(floats + i * kFloatBytes);
    steps[i] = static_cast<std::int32_t>(value * inverse);
    differ |= std::bit_cast<std::uint32_t>(static_cast<float>(steps[i]) * step) ^
              std::bit_cast<std::uint32_t>(value);
  }
  return differ == 0;
}

template <typename Integer, std::size_t kBytes>
SY_INTO_CLONE void Pack(const std::int32_t* steps, std::size_t count, std::byte* out) {
  for (std::size_t i = 0; i < count; ++i) StoreAt(out + i * kBytes, static_cast<Integer>(steps[i]));
}

SY_INTO_CLONE std::size_t EncodeBlock(const std::byte* floats, std::size_t count, std::byte* out) {
  const BlockBits found = Look(floats, count);
  const bool finite = found.magnitude < 0x7F800000U;
  std::array<std::int32_t, kBlockFloats> steps;
  std::size_t bytes = found.all == 0 ? 0 : 1;
  int exponent = 0;
  for (; finite && bytes > 0 && bytes <= kGridBytesMax; ++bytes) {
    exponent = FinestGrid(std::bit_cast<float>(found.magnitude), static_cast<int>(bytes));
    if (Steps(floats, count, exponent, steps.data())) break;
  }
  if (!finite) bytes = kRaw;
  *out++ = static_cast<std::byte>(bytes);
  if (bytes == 0) return 1;
  if (bytes == kRaw) {
    std::copy_n(floats, count * kFloatBytes, out);
    return 1 + count * kFloatBytes;
  }
  *out++ = static_cast<std::byte>(exponent);
  if (bytes == 1) Pack<std::int8_t, 1>(steps.data(), count, out);
  if (bytes == 2) Pack<std::int16_t, 2>(steps.data(), count, out);
  if (bytes == 3) Pack<std::int32_t, 3>(steps.data(), count, out);
  return 2 + count * bytes;
}

SY_VECTOR_CLONES
std::size_t EncodeBlocks(const std::byte* floats, std::size_t count, std::byte* out) {
  std::byte* const begin = out;
  for (; count >= kBlockFloats; count -= kBlockFloats, floats += kBlockFloats * kFloatBytes) {
    out += EncodeBlock(floats, kBlockFloats, out);
  }
  if (count > 0) out += EncodeBlock(floats, count, out);
  return static_cast<std::size_t>(out - begin);
}

/// The sign of a 3-byte integer, loaded as 4 bytes, is in bit 23.
SY_INTO_CLONE std::int32_t Widen3(std::int32_t loaded) {
  return static_cast<std::int32_t>(static_cast<std::uint32_t>(loaded) << 8U) >> 8;
}

template <typename Integer, std::size_t kBytes>
SY_INTO_CLONE void Unpack(const std::byte* in, std::size_t count, float step, std::byte* floats) {
  for (std::size_t i = 0; i < count; ++i) {
    const auto loaded = LoadAt<Integer>(in + i * kBytes);
    if constexpr (kBytes == 3) {
      StoreAt(floats + i * kFloatBytes, static_cast<float>(Widen3(loaded)) * step);
    } else {
      StoreAt(floats + i * kFloatBytes, static_cast<float>(loaded) * step);
    }
  }
}

/// `in` has one byte more than the integers.
SY_VECTOR_CLONES
void UnpackBlock(const std::byte* in, std::size_t bytes, std::size_t count, float step,
                 std::byte* floats) {
  if (bytes == 1) Unpack<std::int8_t, 1>(in, count, step, floats);
  if (bytes == 2) Unpack<std::int16_t, 2>(in, count, step, floats);
  if (bytes == 3) Unpack<std::int32_t, 3>(in, count, step, floats);
}

/// A whole block of integers and the byte after them.
constexpr std::size_t kIntegersMax = kBlockFloats * kGridBytesMax + 1;

class Fixed final : public Codec {
 public:
  CodecId id() const override { return CodecId::kFixed; }
  std::string_view name() const override { return "fixed"; }

  std::size_t EncodedBytesMax(std::size_t input_bytes) const override {
    return input_bytes + 2 * (input_bytes / (kBlockFloats * kFloatBytes) + 1) + kFloatBytes;
  }

  std::size_t Encode(Bytes input, std::uint32_t /*width*/,
                     std::span<std::byte> output) const override {
    if (input.empty() || input.size() % kFloatBytes != 0) return 0;
    return EncodeBlocks(input.data(), input.size() / kFloatBytes, output.data());
  }

  Status Decode(Bytes input, std::span<std::byte> output) const override {
    if (output.size() % kFloatBytes != 0) return CorruptSection(name(), "not of floats");
    for (std::size_t done = 0; done < output.size();) {
      const std::size_t block_bytes = std::min(output.size() - done, kBlockFloats * kFloatBytes);
      SY_RETURN_IF_ERROR(DecodeBlock(input, output.subspan(done, block_bytes)));
      done += block_bytes;
    }
    return input.empty() ? Status() : CorruptSection(name(), "bytes after the last block");
  }

 private:
  /// Takes the block's bytes from the front of `input`.
  Status DecodeBlock(Bytes& input, std::span<std::byte> output) const {
    const std::size_t count = output.size() / kFloatBytes;
    const std::size_t bytes = input.empty() ? kRaw + 1 : std::to_integer<std::size_t>(input[0]);
    const std::size_t head = bytes == 0 || bytes == kRaw ? 1 : 2;
    if (bytes > kRaw || input.size() < head + count * bytes) {
      return CorruptSection(name(), "a block leaves the section");
    }
    const Bytes body = input.subspan(head, count * bytes);
    if (bytes == 0) {
      std::ranges::fill(output, std::byte{0});
    } else if (bytes == kRaw) {
      std::ranges::copy(body, output.begin());
    } else {
      const int exponent = (std::to_integer<int>(input[1]) ^ 0x80) - 0x80;  // It has a sign.
      if (exponent < kGridExponentMin || exponent > 128 - GridBits(static_cast<int>(bytes))) {
        return CorruptSection(name(), "no float is on this grid");
      }
      std::array<std::byte, kIntegersMax> last;
      const std::byte* in = body.data();
      if (input.size() == head + body.size()) {  // The last load would pass the end.
        in = std::ranges::copy(body, last.begin()).out - body.size();
      }
      UnpackBlock(in, bytes, count, PowerOfTwo(exponent), output.data());
    }
    input = input.subspan(head + body.size());
    return {};
  }
};

}  // namespace

const Codec& FixedCodec() {
  static const Fixed codec;
  return codec;
}

}  // namespace steelyard::filter
