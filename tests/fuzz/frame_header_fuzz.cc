// Fuzz target of wire::DecodeHeader() and CheckBody().
// Input: a header, then its body. The header is decoded as it is, and once more with its checksum mended, so that the
// fuzzer gets past the checksum.
#include <array>

#include "base/hash.h"
#include "fuzz/fuzz_target.h"
#include "wire/frame.h"

namespace steelyard::fuzz {

void FuzzFrameHeader(Bytes input) {
  (void)wire::DecodeHeader(input, wire::kFrameBytesMax);
  if (input.size() < wire::kHeaderBytes) return;

  constexpr std::size_t kCrcAt = wire::kHeaderBytes - sizeof(std::uint32_t);
  std::array<std::byte, wire::kHeaderBytes> mended;
  std::memcpy(mended.data(), input.data(), mended.size());
  const std::uint32_t crc = Crc32c(std::span<const std::byte>(mended).first(kCrcAt));
  std::memcpy(mended.data() + kCrcAt, &crc, sizeof crc);

  const auto header = wire::DecodeHeader(mended, wire::kFrameBytesMax);
  if (!header.ok()) return;
  SY_CHECK(header.value().body_bytes <= wire::kFrameBytesMax);
  SY_CHECK(SameBytes(wire::EncodeHeader(header.value()), mended));

  const Buffer body = AlignedCopy(input.subspan(wire::kHeaderBytes));
  (void)wire::CheckBody(header.value(), body.bytes());
}

}  // namespace steelyard::fuzz
