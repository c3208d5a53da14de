// Goal: sizes mean what people type, and nothing else is taken for one.
#include "base/byte_size.h"

#include <gtest/gtest.h>

namespace steelyard {
namespace {

std::uint64_t BytesOf(std::string_view text) {
  const auto size = ParseByteSize(text);
  return size.ok() ? size.value().bytes : 0;
}

TEST(ByteSize, ReadsNumbersWithUnits) {
  EXPECT_EQ(BytesOf("1B"), 1u);
  EXPECT_EQ(BytesOf("8GB"), 8'000'000'000u);
  EXPECT_EQ(BytesOf("8 gb"), 8'000'000'000u);
  EXPECT_EQ(BytesOf("1.5GiB"), 1'610'612'736u);
  EXPECT_EQ(BytesOf("512MiB"), 536'870'912u);
  EXPECT_EQ(BytesOf("20kb"), 20'000u);
  EXPECT_EQ(BytesOf("3TB"), 3'000'000'000'000u);
}

TEST(ByteSize, TextReadsBackAsTheSame) {
  for (const std::uint64_t bytes :
       {std::uint64_t{1}, std::uint64_t{123'456'789}, std::uint64_t{1} << 53}) {
    EXPECT_EQ(BytesOf(ByteSizeText({bytes})), bytes);
  }
}

TEST(ByteSize, RefusesEverythingElseAndSaysWhatItFound) {
  for (const char* text : {"", "8", "GB", "8 GB x", "-8GB", "0GB", "0.1B", "1e3GB", "nanGB", "infB",
                           "99999999TiB", "8G", "0x10B"}) {
    EXPECT_EQ(BytesOf(text), 0u) << text;
  }
  EXPECT_EQ(ParseByteSize("8 apples").status().message(), "got 8 apples");
  EXPECT_EQ(ParseByteSize("").status().message(), "got nothing");
}

}  // namespace
}  // namespace steelyard
