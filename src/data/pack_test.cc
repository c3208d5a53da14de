// Goal: what is packed piece by piece unpacks to the same text. Method: round trips of random text, all sizes of pieces.
#include "data/pack.h"

#include <gtest/gtest.h>

#include <random>

namespace steelyard::data {
namespace {

std::string RandomText(std::size_t bytes, std::uint32_t seed) {
  std::mt19937 draw(seed);
  std::string text(bytes, ' ');
  for (char& c : text) c = static_cast<char>('a' + draw() % 16);
  return text;
}

std::string Packed(Packing packing, std::string_view text, std::size_t piece) {
  const std::unique_ptr<Packer> packer = MakePacker(packing);
  std::string packed;
  for (std::size_t at = 0; at < text.size(); at += piece) {
    EXPECT_TRUE(packer->Add(text.substr(at, piece), packed).ok());
  }
  EXPECT_TRUE(packer->Finish(packed).ok());
  return packed;
}

TEST(Pack, UnpacksToTheSameText) {
  for (const Packing packing : {Packing::kGzip, Packing::kZstd}) {
    for (const std::size_t bytes : {0, 1, 1000, 700'000}) {
      const std::string text = RandomText(bytes, 1);
      for (const std::size_t piece : {1000, 1'000'000}) {
        const std::string packed = Packed(packing, text, piece);
        EXPECT_EQ(DetectPacking(packed), packing);
        if (bytes > 1000) {
          EXPECT_LT(packed.size(), bytes * 2 / 3);
        }
        const std::unique_ptr<ByteSource> source = Unpack(packing, FromMemory(packed), "packed");
        std::string back;
        ASSERT_TRUE(ReadUpTo(*source, bytes + 1, back).ok());
        EXPECT_EQ(back, text);
      }
    }
  }
  EXPECT_EQ(Packed(Packing::kNone, "abc", 2), "abc");
}

TEST(Pack, NamesSayHow) {
  EXPECT_EQ(PackingOfName("a.svm.gz"), Packing::kGzip);
  EXPECT_EQ(PackingOfName("a.zst"), Packing::kZstd);
  EXPECT_EQ(PackingOfName("gz"), Packing::kNone);
}

}  // namespace
}  // namespace steelyard::data
