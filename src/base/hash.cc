#include "base/hash.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <array>
#include <cstring>

namespace steelyard {
namespace {

constexpr std::array<std::uint32_t, 256> MakeCrcTable() {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t crc = i;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) ? 0x82F63B78u : 0u);
    table[i] = crc;
  }
  return table;
}
constexpr auto kCrcTable = MakeCrcTable();

std::uint32_t CrcByTable(std::uint32_t crc, const std::byte* data, std::size_t size) {
  for (std::size_t i = 0; i < size; ++i) {
    crc = (crc >> 8) ^ kCrcTable[(crc ^ static_cast<std::uint32_t>(data[i])) & 0xFF];
  }
  return crc;
}

#if defined(__x86_64__)
/// Bytes of each of the runs that go side by side.
constexpr std::size_t kRunBytes = 2048;

/// The product of two polynomials modulo that of CRC32C; bit 31 is x^0.
constexpr std::uint32_t MultiplyModulo(std::uint32_t a, std::uint32_t b) {
  std::uint32_t product = 0;
  for (std::uint32_t bit = std::uint32_t{1} << 31; bit != 0; bit >>= 1) {
    if (a & bit) product ^= b;
    b = (b >> 1) ^ ((b & 1) ? 0x82F63B78u : 0u);
  }
  return product;
}

/// What kRunBytes zero bytes make of each byte of a register.
constexpr std::array<std::array<std::uint32_t, 256>, 4> MakeRunTables() {
  std::uint32_t power = std::uint32_t{1} << 23;  // x^8: of one zero byte.
  for (std::size_t bytes = 1; bytes < kRunBytes; bytes *= 2) power = MultiplyModulo(power, power);
  std::array<std::array<std::uint32_t, 256>, 4> tables{};
  for (std::uint32_t byte = 0; byte < 4; ++byte) {
    for (std::uint32_t i = 0; i < 256; ++i) tables[byte][i] = MultiplyModulo(power, i << 8 * byte);
  }
  return tables;
}
constexpr auto kRunTables = MakeRunTables();

/// The register `crc` after kRunBytes zero bytes.
std::uint32_t OverRun(std::uint64_t crc) {
  return kRunTables[0][crc & 0xFF] ^ kRunTables[1][crc >> 8 & 0xFF] ^
         kRunTables[2][crc >> 16 & 0xFF] ^ kRunTables[3][crc >> 24 & 0xFF];
}

__attribute__((target("sse4.2"))) inline std::uint64_t CrcStep(std::uint64_t crc,
                                                               const std::byte* data) {
  std::uint64_t word = 0;
  std::memcpy(&word, data, 8);
  return __builtin_ia32_crc32di(crc, word);
}

// The instruction takes 3 cycles but starts every cycle: three runs side by side, joined by linearity.
__attribute__((target("sse4.2"))) std::uint32_t CrcByInstruction(std::uint32_t crc,
                                                                 const std::byte* data,
                                                                 std::size_t size) {
  std::uint64_t wide = crc;
  for (; size >= 3 * kRunBytes; data += 3 * kRunBytes, size -= 3 * kRunBytes) {
    std::uint64_t second = 0, last = 0;
    for (std::size_t i = 0; i < kRunBytes; i += 8) {
      wide = CrcStep(wide, data + i);
      second = CrcStep(second, data + kRunBytes + i);
      last = CrcStep(last, data + 2 * kRunBytes + i);
    }
    wide = OverRun(OverRun(wide) ^ second) ^ last;
  }
  for (; size >= 8; data += 8, size -= 8) wide = CrcStep(wide, data);
  crc = static_cast<std::uint32_t>(wide);
  for (; size > 0; ++data, --size)
    crc = __builtin_ia32_crc32qi(crc, static_cast<unsigned char>(*data));
  return crc;
}
#endif

}  // namespace

Key KeyOfName(std::string_view name) {
  return XXH3_64bits(name.data(), name.size());
}

Hash128 HashKeys(std::span<const Key> keys) {
  const XXH128_hash_t hash = XXH3_128bits(keys.data(), keys.size_bytes());
  return {.low = hash.low64, .high = hash.high64};
}

std::uint64_t HashBytes(std::span<const std::byte> bytes, std::uint64_t seed) {
  return XXH3_64bits_withSeed(bytes.data(), bytes.size(), seed);
}

std::uint32_t Crc32c(std::span<const std::byte> bytes, std::uint32_t crc) {
#if defined(__x86_64__)
  static const bool has_instruction = __builtin_cpu_supports("sse4.2") > 0;
  if (has_instruction) return ~CrcByInstruction(~crc, bytes.data(), bytes.size());
#endif
  return ~CrcByTable(~crc, bytes.data(), bytes.size());
}

}  // namespace steelyard
