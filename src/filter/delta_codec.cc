// Sorted keys as differences, in blocks of 128 with one width in bytes each.
//
// Layout: the first key (8 bytes); then for each block of up to 128 following keys one byte, the width w from 0 to 8,
// and w bytes a key: the difference to the key before, less one. So equal neighbours cannot be written at all, and a
// run of consecutive keys takes one byte a block.
//
// Source: frame-of-reference coding with a width per block, as in Lemire and Boytsov, "Decoding billions of integers
// per second through vectorization", 2015; whole bytes, because the widths of hashed keys waste little of them.
#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#include "base/vector_clones.h"
#include "filter/codec.h"
#include "filter/delta_kernels.h"
#include "filter/raw_bytes.h"
#include "steelyard/types.h"

namespace steelyard::filter {
namespace {

constexpr std::size_t kBlockKeys = 128;
constexpr std::size_t kKeyBytes = sizeof(Key);

/// The differences, less one, of the `count` keys after the one at `keys`, or-ed.
SY_VECTOR_CLONES
std::uint64_t BitsOfDifferences(const std::byte* keys, std::size_t count) {
  std::uint64_t bits = 0;
  for (std::size_t i = 0; i < count; ++i) {
    bits |= LoadAt<Key>(keys + (i + 1) * kKeyBytes) - LoadAt<Key>(keys + i * kKeyBytes) - 1;
  }
  return bits;
}

class Delta final : public Codec {
 public:
  CodecId id() const override { return CodecId::kDelta; }
  std::string_view name() const override { return "delta"; }

  std::size_t EncodedBytesMax(std::size_t input_bytes) const override {
    return input_bytes + input_bytes / (kBlockKeys * kKeyBytes) + 2 + kDeltaSlackBytes;
  }

  std::size_t Encode(Bytes input, std::uint32_t /*width*/,
                     std::span<std::byte> output) const override {
    if (input.empty() || input.size() % kKeyBytes != 0) return 0;
    std::byte* out = output.data();
    StoreAt(out, LoadAt<Key>(input.data()));
    out += kKeyBytes;
    const DeltaKernels& kernels = SupportedDeltaKernels().front();
    const std::byte* keys = input.data();
    for (std::size_t left = input.size() / kKeyBytes - 1; left > 0;) {
      const std::size_t count = std::min(left, kBlockKeys);
      const auto width =
          static_cast<std::size_t>(std::bit_width(BitsOfDifferences(keys, count)) + 7) / 8;
      *out++ = static_cast<std::byte>(width);
      kernels.pack(keys, count, width, out);
      out += count * width;
      keys += count * kKeyBytes;
      left -= count;
    }
    return static_cast<std::size_t>(out - output.data());
  }

  Status Decode(Bytes input, std::span<std::byte> output) const override {
    if (output.empty() || output.size() % kKeyBytes != 0 || input.size() < kKeyBytes) {
      return CorruptSection(name(), "too short, or not of keys");
    }
    Key key = LoadAt<Key>(input.data());
    StoreAt(output.data(), key);
    const std::byte* in = input.data() + kKeyBytes;
    std::size_t in_bytes = input.size() - kKeyBytes;
    std::byte* out = output.data() + kKeyBytes;
    const DeltaKernels& kernels = SupportedDeltaKernels().front();
    std::array<std::byte, kBlockKeys * kKeyBytes + kDeltaSlackBytes> last{};
    for (std::size_t left = output.size() / kKeyBytes - 1; left > 0;) {
      const std::size_t count = std::min(left, kBlockKeys);
      const std::size_t width = in_bytes > 0 ? std::to_integer<std::size_t>(*in) : kKeyBytes + 1;
      const std::size_t block_bytes = count * width;
      if (width > kKeyBytes || in_bytes - 1 < block_bytes) {
        return CorruptSection(name(), "a block leaves the section");
      }
      ++in;
      --in_bytes;
      const std::byte* block = in;
      if (in_bytes < block_bytes + kDeltaSlackBytes) {  // Its last loads would pass the end.
        std::memcpy(last.data(), in, block_bytes);
        block = last.data();
      }
      key = kernels.unpack(block, count, width, key, out);
      in += block_bytes;
      in_bytes -= block_bytes;
      out += count * kKeyBytes;
      left -= count;
    }
    return in_bytes == 0 ? Status() : CorruptSection(name(), "bytes after the last block");
  }
};

}  // namespace

const Codec& DeltaCodec() {
  static const Delta codec;
  return codec;
}

}  // namespace steelyard::filter
