// Goal: ids survive the bijection, checksums match the published vectors. Method: known answers, random round trips.
#include "base/hash.h"

#include <gtest/gtest.h>

#include <cstring>
#include <random>
#include <vector>

namespace steelyard {

TEST(Hash, IdsComeBackFromTheirKeys) {
  std::mt19937_64 random(7);
  for (const std::uint64_t id : {std::uint64_t{0}, std::uint64_t{1}, ~std::uint64_t{0}}) {
    EXPECT_EQ(IdOfKey(KeyOfId(id)), id);
  }
  for (int i = 0; i < 100'000; ++i) {
    const std::uint64_t id = random();
    ASSERT_EQ(IdOfKey(KeyOfId(id)), id);
  }
}

TEST(Hash, DenseIdsSpreadOverTheKeySpace) {
  std::vector<int> counts(16);
  for (std::uint64_t id = 0; id < 16'000; ++id) ++counts[KeyOfId(id) >> 60];
  for (const int count : counts) EXPECT_NEAR(count, 1000, 150);
}

// The vector of XXH3_128bits over nothing; the rest is the library's own test.
TEST(Hash, Of128BitsIsXxh3) {
  EXPECT_EQ(HashBytes128({}), (Hash128{0x6001C324468D497FULL, 0x99AA06D3014798D8ULL}));
  const std::vector<std::byte> bytes(300);
  const std::span<const std::byte> all(bytes);
  EXPECT_NE(HashBytes128(all), HashBytes128(all.first(299)));
}

TEST(Hash, Crc32cOfLongRunsEqualsThatOfTheirPieces) {
  std::vector<std::byte> bytes(200'000);
  for (std::size_t j = 0; j < bytes.size(); ++j) bytes[j] = static_cast<std::byte>(KeyOfId(j));
  const std::span<const std::byte> all(bytes);
  // Blocks of the fastest way have 4 KB, 16 KB and 128 KB.
  for (const std::size_t size :
       {255u, 256u, 257u, 511u, 512u, 4'095u, 4'096u, 4'097u, 6'145u, 12'288u, 16'384u, 32'791u,
        99'999u, 131'071u, 131'072u, 131'073u, 151'808u, 199'990u}) {
    std::uint32_t pieces = 0;
    for (std::size_t at = 0; at < size; at += 100) {
      pieces = Crc32c(all.subspan(at + 3, std::min<std::size_t>(100, size - at)), pieces);
    }
    EXPECT_EQ(Crc32c(all.subspan(3, size)), pieces) << size;
    const std::uint32_t first = Crc32c(all.subspan(3, 100));
    EXPECT_EQ(Crc32c(all.subspan(103, size - 100), first), pieces) << size;
  }
}

// The vectors of RFC 3720, appendix B.4.
TEST(Hash, Crc32cMatchesTheIscsiVectors) {
  std::vector<std::byte> bytes(32, std::byte{0});
  EXPECT_EQ(Crc32c(bytes), 0x8A9136AAu);
  bytes.assign(32, std::byte{0xFF});
  EXPECT_EQ(Crc32c(bytes), 0x62A8AB43u);
  const char digits[] = "123456789";
  std::vector<std::byte> text(9);
  std::memcpy(text.data(), digits, 9);
  EXPECT_EQ(Crc32c(text), 0xE3069283u);
  const std::span<const std::byte> all(text);
  EXPECT_EQ(Crc32c(all.subspan(4), Crc32c(all.first(4))), 0xE3069283u);
}

}  // namespace steelyard
