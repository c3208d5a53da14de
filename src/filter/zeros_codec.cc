// A bitmap of the floats that are not zero, then those floats.
//
// Layout: one bit a float, lowest bit first, padded with zeros to a multiple of 4 bytes; the floats whose bit is 1.
// What follows the bitmap is an array of floats again, so `fixed` may be stacked on it.
#include <bit>

#include "filter/codec.h"
#include "filter/raw_bytes.h"
#include "filter/zeros_kernels.h"

namespace steelyard::filter {
namespace {

constexpr std::size_t kFloatBytes = 4;

std::size_t BitmapBytes(std::size_t float_count) {
  return (float_count + 31) / 32 * 4;
}

std::size_t CountOnes(Bytes bitmap) {
  std::size_t ones = 0;
  std::size_t i = 0;
  for (; i + 8 <= bitmap.size(); i += 8) {
    ones += static_cast<std::size_t>(std::popcount(LoadAt<std::uint64_t>(bitmap.data() + i)));
  }
  if (i < bitmap.size()) {
    ones += static_cast<std::size_t>(std::popcount(LoadAt<std::uint32_t>(bitmap.data() + i)));
  }
  return ones;
}

class Zeros final : public Codec {
 public:
  CodecId id() const override { return CodecId::kZeros; }
  std::string_view name() const override { return "zeros"; }

  std::size_t EncodedBytesMax(std::size_t input_bytes) const override {
    return input_bytes + BitmapBytes(input_bytes / kFloatBytes) + 16 * kFloatBytes;
  }

  std::size_t Encode(Bytes input, std::uint32_t /*width*/,
                     std::span<std::byte> output) const override {
    if (input.empty() || input.size() % kFloatBytes != 0) return 0;
    const std::size_t count = input.size() / kFloatBytes;
    const std::size_t bitmap_bytes = BitmapBytes(count);
    StoreAt<std::uint32_t>(output.data() + bitmap_bytes - 4, 0);
    const std::size_t kept = SupportedZeroKernels().front().squeeze(
        input.data(), count, output.data(), output.data() + bitmap_bytes);
    return bitmap_bytes + kept * kFloatBytes;
  }

  Status Decode(Bytes input, std::span<std::byte> output) const override {
    const std::size_t count = output.size() / kFloatBytes;
    const std::size_t bitmap_bytes = BitmapBytes(count);
    if (output.empty() || output.size() % kFloatBytes != 0 || input.size() < bitmap_bytes) {
      return CorruptSection(name(), "too short, or not of floats");
    }
    const Bytes bitmap = input.first(bitmap_bytes);
    const Bytes nonzeros = input.subspan(bitmap_bytes);
    const auto last = LoadAt<std::uint32_t>(bitmap.data() + bitmap_bytes - 4);
    if (count % 32 != 0 && last >> (count % 32) != 0) {
      return CorruptSection(name(), "the bitmap has bits of no float");
    }
    const std::size_t ones = CountOnes(bitmap);
    if (nonzeros.size() != ones * kFloatBytes) {
      return CorruptSection(name(), "the bitmap and the floats differ in number");
    }
    SupportedZeroKernels().front().spread(bitmap.data(), nonzeros.data(), ones, count,
                                          output.data());
    return {};
  }
};

}  // namespace

const Codec& ZerosCodec() {
  static const Zeros codec;
  return codec;
}

}  // namespace steelyard::filter
