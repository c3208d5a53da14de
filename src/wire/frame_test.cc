// Goal: headers round-trip and every damaged one is refused. Method: golden bytes, all single-bit flips, truncations.
#include "wire/frame.h"

#include <gtest/gtest.h>

#include <cstring>
#include <string>

#include "base/hash.h"

namespace steelyard::wire {
namespace {

FrameHeader Sample() {
  FrameHeader header;
  header.type = MessageType::kPull;
  header.flags = 3;
  header.body_bytes = 800;
  header.cluster_id = 0x1122334455667788;
  header.source = 7;
  header.source_incarnation = 42;
  header.request_id = 99;
  header.body_crc = 0xDEADBEEF;
  return header;
}

TEST(FrameHeader, RoundTrips) {
  const auto bytes = EncodeHeader(Sample());
  const auto header = DecodeHeader(bytes, 800);
  ASSERT_TRUE(header.ok());
  EXPECT_EQ(header.value(), Sample());
}

TEST(FrameHeader, StartsWithTheBytesOfTheDocument) {
  const auto bytes = EncodeHeader(Sample());
  EXPECT_EQ(std::string(reinterpret_cast<const char*>(bytes.data()), 4), "SYD1");
  EXPECT_EQ(bytes[4], std::byte{4});      // Version.
  EXPECT_EQ(bytes[6], std::byte{24});     // PULL.
  EXPECT_EQ(bytes[12], std::byte{0x20});  // 800 = 0x320.
  EXPECT_EQ(bytes[13], std::byte{0x03});
  EXPECT_EQ(bytes[16], std::byte{0x88});
}

TEST(FrameHeader, RefusesEveryFlippedBit) {
  const auto bytes = EncodeHeader(Sample());
  int refused = 0;
  for (std::size_t i = 0; i < bytes.size() * 8; ++i) {
    auto damaged = bytes;
    damaged[i / 8] ^= std::byte{1} << (i % 8);
    refused += !DecodeHeader(damaged, kFrameBytesMax).ok();
  }
  EXPECT_EQ(refused, 512);
}

TEST(FrameHeader, RefusesEveryTruncation) {
  const auto bytes = EncodeHeader(Sample());
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_EQ(DecodeHeader(std::span(bytes).first(size), kFrameBytesMax).status().code(),
              StatusCode::kCorruption);
  }
}

TEST(FrameHeader, NamesTheLimitThatABodyExceeds) {
  const auto header = DecodeHeader(EncodeHeader(Sample()), 799);
  ASSERT_FALSE(header.ok());
  EXPECT_EQ(header.status().message(),
            "PULL frame of 800 bytes is over this connection's limit of 799");
}

TEST(FrameHeader, NamesBothVersions) {
  auto bytes = EncodeHeader(Sample());
  bytes[4] = std::byte{9};
  const std::uint32_t crc = Crc32c(std::span<const std::byte>(bytes).first(60));
  std::memcpy(bytes.data() + 60, &crc, 4);
  EXPECT_EQ(DecodeHeader(bytes, kFrameBytesMax).status().message(),
            "peer speaks protocol version 9, this program speaks 4");
}

TEST(FrameBody, IsCheckedForLengthAndChecksum) {
  Buffer body = Buffer::Allocate(100);
  for (std::byte& b : body.writable()) b = std::byte{5};
  FrameHeader header;
  header.body_bytes = 100;
  header.body_crc = Crc32c(body.bytes());
  EXPECT_TRUE(CheckBody(header, body.bytes()).ok());
  EXPECT_FALSE(CheckBody(header, body.bytes().first(99)).ok());
  body.writable()[50] ^= std::byte{1};
  EXPECT_EQ(CheckBody(header, body.bytes()).code(), StatusCode::kCorruption);
}

}  // namespace
}  // namespace steelyard::wire
