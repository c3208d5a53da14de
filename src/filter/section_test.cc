// Goal: a section of any stack gives back its keys or floats; nothing foreign gets past the limits or the order of
// keys. Method: all stacks on all inputs and widths; every cut, every flip; headers written by hand.
#include "filter/section.h"

#include <gtest/gtest.h>

#include <cstring>

#include "filter/test_inputs.h"

namespace steelyard::filter {
namespace {

const std::vector<std::vector<const Codec*>> kFloatStacks{
    {},
    {&ZerosCodec()},
    {&FixedCodec()},
    {&Lz4Codec()},
    {&SnappyCodec()},
    {&ZerosCodec(), &Lz4Codec()},
    {&ColumnsCodec(), &FixedCodec()},
    {&ColumnsCodec(), &ZerosCodec(), &FixedCodec(), &SnappyCodec()}};
const std::vector<std::vector<const Codec*>> kKeyStacks{
    {}, {&DeltaCodec()}, {&Lz4Codec()}, {&DeltaCodec(), &SnappyCodec()}};

std::vector<std::byte> Kept(Bytes section) {
  return {section.begin(), section.end()};
}

bool SameBits(std::span<const float> a, std::span<const float> b) {
  return a.size() == b.size() &&
         (a.empty() || std::memcmp(a.data(), b.data(), a.size_bytes()) == 0);
}

TEST(Section, FloatsOfEveryStackAndWidthComeBack) {
  for (const auto& stack : kFloatStacks) {
    SectionEncoder encoder(stack);
    SectionDecoder decoder;
    for (const std::size_t count : kCounts) {
      for (const std::uint32_t width : {1U, 2U, 3U, 16U}) {
        const std::size_t floats = count * width;
        for (const auto& input :
             {OddFloats(floats), NormalFloats(floats, 0.9, count), NormalFloats(floats, 0, count),
              GridFloats(floats, 2, -9, count), std::vector<float>(floats)}) {
          const auto section = Kept(encoder.Encode(input, width));
          ASSERT_EQ(section.size() % kSectionAlignment, 0U);
          ASSERT_LE(section.size(), input.size() * sizeof(float) + 16 + 8);
          Bytes rest = section;
          const auto decoded = decoder.DecodeFloats(rest, floats);
          ASSERT_TRUE(decoded.ok()) << encoder.ToString() << ": " << decoded.status().ToString();
          ASSERT_TRUE(SameBits(decoded.value(), input)) << encoder.ToString() << " " << floats;
          ASSERT_TRUE(rest.empty());
        }
      }
    }
  }
}

TEST(Section, KeysOfEveryStackComeBack) {
  for (const auto& stack : kKeyStacks) {
    SectionEncoder encoder(stack);
    SectionDecoder decoder;
    for (const std::size_t count : kCounts) {
      for (const auto& input : {SpreadKeys(count, 1), SteppedKeys(count, 0, 1),
                                SteppedKeys(count, 6, 1), SteppedKeys(count, 33, 1)}) {
        const auto section = Kept(encoder.Encode(input));
        Bytes rest = section;
        const auto decoded = decoder.DecodeKeys(rest, count);
        ASSERT_TRUE(decoded.ok()) << encoder.ToString() << ": " << decoded.status().ToString();
        ASSERT_TRUE(std::ranges::equal(decoded.value(), input))
            << encoder.ToString() << " " << count;
      }
    }
  }
}

TEST(Section, WhatFollowsASectionIsLeftAlone) {
  SectionEncoder encoder({&ZerosCodec()});
  const std::vector<float> floats = NormalFloats(100, 0.9, 1);
  std::vector<std::byte> two = Kept(encoder.Encode(floats, 1));
  const std::size_t one = two.size();
  two.insert(two.end(), two.begin(), two.begin() + static_cast<std::ptrdiff_t>(one));
  SectionDecoder decoder;
  Bytes rest = two;
  ASSERT_TRUE(decoder.DecodeFloats(rest, 100).ok());
  EXPECT_EQ(rest.size(), one);
  ASSERT_TRUE(decoder.DecodeFloats(rest, 100).ok());
  EXPECT_TRUE(rest.empty());
}

TEST(Section, ASectionThatLiesAtAnOddAddressIsRead) {
  SectionEncoder encoder({});
  const std::vector<Key> keys = SteppedKeys(50, 9, 1);
  std::vector<std::byte> shifted = Kept(encoder.Encode(keys));
  shifted.insert(shifted.begin(), std::byte{0});
  SectionDecoder decoder;
  Bytes rest = Bytes(shifted).subspan(1);
  const auto decoded = decoder.DecodeKeys(rest, keys.size());
  ASSERT_TRUE(decoded.ok());
  EXPECT_TRUE(std::ranges::equal(decoded.value(), keys));
}

TEST(Section, CodecsThatShrinkNothingAreLeftOutAndCounted) {
  SectionEncoder encoder({&ZerosCodec(), &Lz4Codec()});
  const std::vector<float> floats = NormalFloats(1000, 0, 1);
  const Bytes section = encoder.Encode(floats, 1);
  EXPECT_EQ(section.size(), 16 + 4000U);
  EXPECT_EQ(std::to_integer<int>(section[0]), 0);
  EXPECT_EQ(encoder.counts()[0].left_out, 1U);
  EXPECT_EQ(encoder.counts()[0].bytes_after, 4000U);
  const std::vector<float> sparse = NormalFloats(1000, 0.9, 1);
  EXPECT_LT(encoder.Encode(sparse, 1).size(), 700U);
  EXPECT_EQ(encoder.counts()[0].left_out, 1U);
  EXPECT_LT(encoder.counts()[0].bytes_after, 4700U);
}

TEST(Section, NoSectionDecodesToMoreThanTheRatio) {
  const std::vector<float> zeros(100'000);
  for (const std::size_t ratio : {8U, 1000U}) {
    SectionEncoder encoder({&ZerosCodec(), &Lz4Codec()}, {.ratio_max = ratio});
    const auto section = Kept(encoder.Encode(zeros, 1));
    EXPECT_LE(section.size(), 400'000 / ratio + 8);
    SectionDecoder strict;
    Bytes rest = section;
    EXPECT_EQ(strict.DecodeFloats(rest, zeros.size()).ok(), ratio == 8);
    SectionDecoder trusting({.ratio_max = 1000});
    rest = section;
    EXPECT_TRUE(trusting.DecodeFloats(rest, zeros.size()).ok());
  }
}

// 4 ids, section bytes, decoded bytes, and what each codec left.
std::vector<std::byte> HandWritten(std::vector<std::uint32_t> words, std::size_t bytes) {
  std::vector<std::byte> section(bytes);
  std::memcpy(section.data(), words.data(), words.size() * sizeof(std::uint32_t));
  return section;
}

TEST(Section, DeclaredSizesAreCheckedBeforeAnythingElse) {
  struct Case {
    const char* what;
    std::vector<std::byte> section;
    std::size_t floats;
  };
  constexpr std::uint32_t kHuge = 0xFFFFFFFC;
  const std::vector<Case> cases{
      {"too short", HandWritten({0, 8}, 8), 0},
      {"longer than it is", HandWritten({0, 24, 4}, 16), 1},
      {"not a multiple of 8", HandWritten({0, 20, 4}, 24), 1},
      {"shorter than its header", HandWritten({0, 8, 0}, 16), 0},
      {"decodes to 4 GB", HandWritten({5, 64, kHuge, 40}, 64), kHuge / 4},
      {"a stage of 4 GB", HandWritten({0x0503, 64, 400, kHuge, 30}, 64), 100},
      {"raw of other length", HandWritten({0, 32, 8}, 32), 3},
      {"payload leaves it", HandWritten({3, 64, 400, 60}, 64), 100},
      {"an unknown codec", HandWritten({200, 64, 400, 40}, 64), 100},
      {"a gap in the codecs", HandWritten({0x0300, 64, 400, 40}, 64), 100},
      {"padding not zero", HandWritten({0, 24, 4, 0, 1, 7}, 24), 1}};
  for (const Case& each : cases) {
    SectionDecoder decoder;
    Bytes rest = each.section;
    const auto decoded = decoder.DecodeFloats(rest, each.floats);
    ASSERT_FALSE(decoded.ok()) << each.what;
    EXPECT_EQ(decoded.status().code(), StatusCode::kCorruption) << each.what;
    EXPECT_EQ(rest.size(), each.section.size()) << each.what;
    EXPECT_LE(decoder.scratch_bytes(), 8 * each.section.size() + 64) << each.what;
  }
  SectionDecoder small({.decoded_bytes_max = 64});
  const std::vector<std::byte> large = HandWritten({0, 16 + 72, 72}, 16 + 72);
  Bytes rest = large;
  EXPECT_FALSE(small.DecodeFloats(rest, 18).ok());
  EXPECT_TRUE(SectionDecoder().DecodeFloats(rest, 18).ok());
}

TEST(Section, KeysOutOfOrderAreRefusedInEveryCodec) {
  for (const auto& stack : kKeyStacks) {
    SectionEncoder encoder(stack);
    std::vector<Key> keys = SteppedKeys(300, 10, 1);
    std::swap(keys[200], keys[201]);
    const auto section = Kept(encoder.Encode(keys));
    SectionDecoder decoder;
    Bytes rest = section;
    EXPECT_FALSE(decoder.DecodeKeys(rest, keys.size()).ok()) << encoder.ToString();
    EXPECT_EQ(rest.size(), section.size());
  }
}

TEST(Section, CutsAndFlipsAreAStatusOrAsManyOrderedKeys) {
  for (const auto& stack : kKeyStacks) {
    SectionEncoder encoder(stack);
    const std::vector<Key> keys = SteppedKeys(140, 10, 1);
    std::vector<std::byte> section = Kept(encoder.Encode(keys));
    SectionDecoder decoder;
    for (std::size_t bytes = 0; bytes < section.size(); ++bytes) {
      const std::vector<std::byte> cut(section.begin(),
                                       section.begin() + static_cast<std::ptrdiff_t>(bytes));
      Bytes rest = cut;
      ASSERT_FALSE(decoder.DecodeKeys(rest, keys.size()).ok())
          << encoder.ToString() << " " << bytes;
    }
    for (std::size_t bit = 0; bit < 8 * section.size(); ++bit) {
      section[bit / 8] ^= std::byte{1} << (bit % 8);
      Bytes rest = section;
      const auto decoded = decoder.DecodeKeys(rest, keys.size());
      if (decoded.ok()) {
        ASSERT_EQ(decoded.value().size(), keys.size());
        ASSERT_TRUE(std::ranges::is_sorted(decoded.value(), std::less_equal<>()));
      }
      section[bit / 8] ^= std::byte{1} << (bit % 8);
    }
  }
}

TEST(Section, NamesItsStack) {
  EXPECT_EQ(SectionEncoder({}).ToString(), "raw");
  EXPECT_EQ(SectionEncoder({&ZerosCodec(), &Lz4Codec()}).ToString(), "zeros+lz4");
}

}  // namespace
}  // namespace steelyard::filter
