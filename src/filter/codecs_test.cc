// Goal: each codec gives back the bytes it took, shrinks what it is for, and answers foreign bytes with a Status.
// Method: inputs around every block and vector, all kernels against the portable one, every cut and many flips.
#include <gtest/gtest.h>

#include <cstring>
#include <string>

#include "filter/codec.h"
#include "filter/delta_kernels.h"
#include "filter/test_inputs.h"
#include "filter/zeros_kernels.h"

namespace steelyard::filter {
namespace {

using Memory = std::vector<std::byte>;

template <typename T>
Memory MemoryOf(const std::vector<T>& values) {
  const auto bytes = std::as_bytes(std::span(values));
  return {bytes.begin(), bytes.end()};
}

/// What Encode() wrote, in memory that ends where it ends: a sanitizer sees a read past it.
Memory Encoded(const Codec& codec, const Memory& input, std::uint32_t width = 1) {
  Memory room(codec.EncodedBytesMax(input.size()));
  const std::size_t bytes = codec.Encode(input, width, room);
  EXPECT_LE(bytes, room.size());
  return {room.begin(), room.begin() + static_cast<std::ptrdiff_t>(bytes)};
}

void ExpectComesBack(const Codec& codec, const Memory& input, std::uint32_t width = 1) {
  const Memory encoded = Encoded(codec, input, width);
  if (encoded.empty()) return;  // Left out.
  Memory decoded(input.size(), std::byte{0xA5});
  const Status status = codec.Decode(encoded, decoded);
  ASSERT_TRUE(status.ok()) << codec.name() << ": " << status.ToString();
  ASSERT_TRUE(decoded == input) << codec.name() << ", " << input.size() << " bytes";
}

std::vector<Memory> FloatInputs(std::size_t count) {
  std::vector<Memory> inputs{MemoryOf(OddFloats(count)), MemoryOf(std::vector<float>(count))};
  for (const double zeros : {0.0, 0.5, 0.9, 0.99}) {
    inputs.push_back(MemoryOf(NormalFloats(count, zeros, count)));
  }
  for (const int bytes : {1, 2, 3}) {
    for (const int exponent : {-126, -20, 0, 100}) {
      inputs.push_back(MemoryOf(GridFloats(count, bytes, exponent, count)));
    }
  }
  return inputs;
}

std::vector<Memory> KeyInputs(std::size_t count) {
  std::vector<Memory> inputs{MemoryOf(SpreadKeys(count, count))};
  for (const unsigned bits : {0U, 1U, 8U, 16U, 17U, 30U, 40U, 48U}) {
    inputs.push_back(MemoryOf(SteppedKeys(count, bits, count)));
  }
  return inputs;
}

TEST(Codecs, EveryCodecGivesBackWhatItTook) {
  for (int id = 1; id < static_cast<int>(kCodecIdCount); ++id) {
    const Codec* const codec = FindCodec(static_cast<CodecId>(id));
    ASSERT_NE(codec, nullptr);
    EXPECT_EQ(static_cast<int>(codec->id()), id);
    for (const std::size_t count : kCounts) {
      for (const Memory& input : FloatInputs(count)) ExpectComesBack(*codec, input);
      for (const Memory& input : KeyInputs(count)) ExpectComesBack(*codec, input);
    }
    Memory text(1001, std::byte{'x'});  // A length that is of no number.
    ExpectComesBack(*codec, text);
  }
  EXPECT_EQ(FindCodec(CodecId::kNone), nullptr);
  EXPECT_EQ(FindCodec(static_cast<CodecId>(kCodecIdCount)), nullptr);
}

TEST(Codecs, ColumnsTurnEveryWidth) {
  const Memory input = MemoryOf(std::vector<float>{1, 2, 3, 4, 5, 6});
  const Memory turned = Encoded(ColumnsCodec(), input, 2);
  ASSERT_EQ(turned.size(), input.size() + 4);
  EXPECT_TRUE(std::equal(turned.begin() + 4, turned.end(),
                         MemoryOf(std::vector<float>{1, 3, 5, 2, 4, 6}).begin()));
  for (const std::uint32_t width : {2U, 3U, 7U, 64U}) {
    for (const std::size_t rows : {1U, 2U, 255U, 256U, 257U, 1000U}) {
      ExpectComesBack(ColumnsCodec(), MemoryOf(NormalFloats(rows * width, 0, rows)), width);
    }
  }
  EXPECT_TRUE(Encoded(ColumnsCodec(), input, 1).empty());
  EXPECT_TRUE(Encoded(ColumnsCodec(), input, 4).empty());
}

TEST(Codecs, SizesAreThoseOfTheirLayouts) {
  // The first key, then two blocks of 128 differences with a width each; the least width that holds them.
  EXPECT_EQ(Encoded(DeltaCodec(), MemoryOf(SteppedKeys(257, 0, 1))).size(), 8U + 2 * 1);
  EXPECT_EQ(Encoded(DeltaCodec(), MemoryOf(SteppedKeys(257, 8, 1))).size(), 8U + 2 * (1 + 128));
  EXPECT_EQ(Encoded(DeltaCodec(), MemoryOf(std::vector<Key>{5, 5 + 256, 5 + 512})).size(),
            8U + 1 + 2);
  EXPECT_EQ(Encoded(DeltaCodec(), MemoryOf(std::vector<Key>{5, 5 + 257})).size(), 8U + 1 + 2);
  EXPECT_EQ(Encoded(DeltaCodec(), MemoryOf(std::vector<Key>{0, kKeyMax})).size(), 8U + 1 + 8);
  // A bit a float in whole words, and what is not zero; -0 is not.
  EXPECT_EQ(Encoded(ZerosCodec(), MemoryOf(std::vector<float>(33))).size(), 8U);
  EXPECT_EQ(Encoded(ZerosCodec(), MemoryOf(std::vector<float>{0, -0.0F, 1})).size(), 4U + 8);
  // Two bytes a block of 64, and one, two or three a float; one a block of zeros; floats elsewhere.
  for (const int bytes : {1, 2, 3}) {
    for (const int exponent : {-126, 0, 121 - 8 * (bytes - 1)}) {
      std::vector<float> floats = GridFloats(128, bytes, exponent, 3);
      floats[5] = floats[100] =
          static_cast<float>((1 << GridBits(bytes)) - 1) * PowerOfTwo(exponent);
      floats[6] = floats[101] = PowerOfTwo(exponent);
      EXPECT_EQ(Encoded(FixedCodec(), MemoryOf(floats)).size(),
                2 * (2 + 64 * static_cast<std::size_t>(bytes)))
          << bytes << " " << exponent;
    }
  }
  EXPECT_EQ(Encoded(FixedCodec(), MemoryOf(std::vector<float>(65))).size(), 2U);
  EXPECT_EQ(Encoded(FixedCodec(), MemoryOf(std::vector<float>{1, -0.0F})).size(), 1U + 8);
}

TEST(Codecs, BitsOfNoFloatAreRefused) {
  // Three floats; the bit of a fourth, and one float for it.
  Memory encoded = MemoryOf(std::vector<std::uint32_t>{8, 0x3F800000});
  Memory decoded(3 * sizeof(float));
  EXPECT_EQ(ZerosCodec().Decode(encoded, decoded).code(), StatusCode::kCorruption);
  encoded[0] = std::byte{4};
  EXPECT_TRUE(ZerosCodec().Decode(encoded, decoded).ok());
}

TEST(Codecs, GridsOfNoFloatAreRefused) {
  Memory decoded(sizeof(float));
  for (const int exponent : {-128, -127, -126, 121, 122, 127}) {
    const Memory encoded{std::byte{1}, static_cast<std::byte>(exponent), std::byte{1}};
    EXPECT_EQ(FixedCodec().Decode(encoded, decoded).ok(), exponent >= -126 && exponent <= 121)
        << exponent;
  }
}

TEST(Codecs, ZeroKernelsAgree) {
  for (const ZeroKernels& kernels : SupportedZeroKernels()) {
    for (const std::size_t count : kCounts) {
      for (const Memory& floats : FloatInputs(count)) {
        Memory bitmap((count + 7) / 8), expected_bitmap(bitmap.size());
        Memory nonzeros(4 * (count + 16)), expected(nonzeros.size());
        const std::size_t kept =
            kernels.squeeze(floats.data(), count, bitmap.data(), nonzeros.data());
        ASSERT_EQ(SupportedZeroKernels().back().squeeze(floats.data(), count,
                                                        expected_bitmap.data(), expected.data()),
                  kept);
        ASSERT_TRUE(bitmap == expected_bitmap) << kernels.name << " " << count;
        ASSERT_TRUE(std::equal(expected.begin(),
                               expected.begin() + 4 * static_cast<std::ptrdiff_t>(kept),
                               nonzeros.begin()))
            << kernels.name;
        const Memory exact(nonzeros.begin(),
                           nonzeros.begin() + 4 * static_cast<std::ptrdiff_t>(kept));
        Memory spread(floats.size(), std::byte{0xA5});
        kernels.spread(bitmap.data(), exact.data(), kept, count, spread.data());
        ASSERT_TRUE(spread == floats) << kernels.name << " " << count;
      }
    }
  }
}

TEST(Codecs, DeltaKernelsAgree) {
  for (const DeltaKernels& kernels : SupportedDeltaKernels()) {
    for (std::size_t width = 0; width <= 8; ++width) {
      for (std::size_t count = 1; count <= 128; ++count) {
        const Memory keys = MemoryOf(
            SteppedKeys(count + 1, static_cast<unsigned>(width == 8 ? 55 : 8 * width), count));
        Memory packed(count * width + kDeltaSlackBytes), expected(packed.size());
        kernels.pack(keys.data(), count, width, packed.data());
        SupportedDeltaKernels().back().pack(keys.data(), count, width, expected.data());
        ASSERT_TRUE(std::equal(packed.begin(), packed.end() - kDeltaSlackBytes, expected.begin()))
            << kernels.name << " " << width << " " << count;
        Memory unpacked(count * sizeof(Key));
        Key first = 0, last = 0;
        std::memcpy(&first, keys.data(), sizeof first);
        std::memcpy(&last, keys.data() + count * sizeof last, sizeof last);
        ASSERT_EQ(kernels.unpack(packed.data(), count, width, first, unpacked.data()), last);
        ASSERT_TRUE(std::equal(unpacked.begin(), unpacked.end(), keys.begin() + sizeof(Key)))
            << kernels.name << " " << width << " " << count;
      }
    }
  }
}

TEST(Codecs, CutsAndFlipsAreAnsweredByAStatusOrFillTheOutput) {
  const std::vector<std::pair<const Codec*, Memory>> cases{
      {&DeltaCodec(), MemoryOf(SteppedKeys(300, 20, 1))},
      {&ColumnsCodec(), MemoryOf(NormalFloats(300, 0, 1))},
      {&ZerosCodec(), MemoryOf(NormalFloats(300, 0.8, 1))},
      {&FixedCodec(), MemoryOf(GridFloats(300, 2, 0, 1))},
      {&Lz4Codec(), MemoryOf(NormalFloats(300, 0.8, 1))},
      {&SnappyCodec(), MemoryOf(NormalFloats(300, 0.8, 1))}};
  for (const auto& [codec, input] : cases) {
    Memory encoded = Encoded(*codec, input, 3);
    ASSERT_FALSE(encoded.empty());
    Memory decoded(input.size());
    for (std::size_t bytes = 0; bytes < encoded.size(); ++bytes) {
      const Memory cut(encoded.begin(), encoded.begin() + static_cast<std::ptrdiff_t>(bytes));
      const Status status = codec->Decode(cut, decoded);
      ASSERT_EQ(status.code(), StatusCode::kCorruption) << codec->name() << " " << bytes;
      ASSERT_TRUE(status.message().starts_with(codec->name()));
    }
    for (std::size_t bit = 0; bit < 8 * encoded.size(); ++bit) {
      encoded[bit / 8] ^= std::byte{1} << (bit % 8);
      const Status status = codec->Decode(encoded, decoded);
      ASSERT_TRUE(status.ok() || status.code() == StatusCode::kCorruption);
      encoded[bit / 8] ^= std::byte{1} << (bit % 8);
    }
    // Into other memory than it is the encoding of; how much that is stands in the section.
    for (const std::size_t bytes : {std::size_t{0}, input.size() / 2, 2 * input.size()}) {
      Memory other(bytes);
      ASSERT_FALSE(codec->Decode(encoded, other).ok()) << codec->name() << " " << bytes;
    }
    encoded.push_back(std::byte{0});
    ASSERT_FALSE(codec->Decode(encoded, decoded).ok()) << codec->name();
  }
}

}  // namespace
}  // namespace steelyard::filter
