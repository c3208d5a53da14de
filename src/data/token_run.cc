// Three loops over a few kilobytes: find blanks and colons, cut digits out as words, turn words into keys eight at a time.
#include "data/token_run.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "base/hash.h"
#include "base/vector_clones.h"
#include "data/number.h"

namespace steelyard::data {
namespace {

static_assert(kScanBytes <= kReadAheadBytes);

/// The up to eight digits between `start` and `stop` as the last bytes of a word; other bytes than digits are 10 or more.
[[gnu::always_inline]] inline std::uint64_t DigitsBetween(const char* text, std::uint32_t start,
                                                          std::uint32_t stop) {
  std::uint64_t word = 0;
  std::memcpy(&word, text + start, sizeof(word));
  return (word ^ kZeros) << (8 * (start - stop) & 63);
}

inline std::uint64_t NotDigits(std::uint64_t word) {
  return ((word + kNinesToSign) | word) & kSigns;
}

/// Turn words of digits into keys, in steps of TokenRun::kSpare. False when there were other bytes than digits.
SY_VECTOR_CLONES
bool WordsToKeys(Key* words, std::size_t count) {
  std::fill_n(words + count, TokenRun::kSpare, 0);
  std::uint64_t others = 0;
  for (std::size_t i = 0; i < count; i += TokenRun::kSpare) {
    // The compiler makes vectors of a loop of fixed length.
    for (std::size_t lane = 0; lane < TokenRun::kSpare; ++lane) {
      const std::uint64_t word = words[i + lane];
      others |= NotDigits(word);
      words[i + lane] = KeyOfId(EightDigits(word));
    }
  }
  return others == 0;
}

/// Ids of more than eight digits. False when one is no id.
bool ReadLongIds(const char* text, const std::uint32_t* stops, std::size_t stride,
                 std::size_t count, Key* keys) {
  for (std::size_t i = 0; i < count; ++i, stops += stride) {
    const char* const start = text + stops[stride - 2] + 1;
    const char* const colon = text + stops[stride - 1];
    std::uint64_t id = 0;
    if (start == colon || ReadUnsigned(start, id) != colon) return false;
    keys[i] = KeyOfId(id);
  }
  return true;
}

constexpr std::size_t kBlock = 64;       // Values on their way at a time.
constexpr std::size_t kFractionMax = 8;  // Digits.

/// Values of up to eight digits, a point and eight more, cut out of the text. The digits wait for vectors.
struct CutValues {
  std::uint64_t before[kBlock];   ///< The point.
  std::uint64_t behind[kBlock];   ///< It.
  std::uint64_t divisor[kBlock];  ///< Index into kDivisors.
};

/// 10^0 to 10^8, and negative ones from kNegative on. Digits that are too many lead to the places between.
constexpr std::size_t kNegative = 16;
constexpr double kDivisors[2 * kNegative] = {
    1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1, 1, 1, 1, 1, 1, 1,
    -1e0, -1e1, -1e2, -1e3, -1e4, -1e5, -1e6, -1e7, -1e8, 1, 1, 1, 1, 1, 1, 1};
constexpr std::uint64_t kScales[kNegative] = {
    1, 10, 100, 1000, 10'000, 100'000, 1'000'000, 10'000'000, 100'000'000, 1, 1, 1, 1, 1, 1, 1};

/// Cut number `lane` out of text[start, end). Not 0 when it has another form.
[[gnu::always_inline]] inline std::uint64_t CutValue(const char* text, std::uint32_t start,
                                                     std::uint32_t end, CutValues& cut,
                                                     std::size_t lane) {
  const std::uint32_t negative = text[start] == '-' ? 1 : 0;
  start += negative;
  const std::uint32_t bytes = end - start;
  const std::uint64_t past = std::uint64_t{1} << (bytes & 63);
  const std::uint64_t points = ShortMaskOf<'.'>(text + start) & (past - 1);
  const auto whole = static_cast<std::uint32_t>(std::countr_zero(points | past));
  const std::uint32_t fraction = bytes - whole - (points != 0 ? 1U : 0U);
  cut.before[lane] = DigitsBetween(text, start, start + whole);
  // All 64 bits must go where nothing stands behind the point: half of the shift, twice.
  const std::uint32_t half = 32 - 4 * (fraction & 15);
  std::uint64_t behind = 0;
  std::memcpy(&behind, text + start + whole + 1, sizeof(behind));
  cut.behind[lane] = (behind ^ kZeros) << (half & 63) << (half & 63);
  cut.divisor[lane] = (fraction & 15) + kNegative * negative;
  return static_cast<std::uint64_t>(whole - 1 > 7) |
         static_cast<std::uint64_t>(fraction > kFractionMax);
}

/// Read the numbers that begin behind starts[i * stride] and end before starts[i * stride + 1], rounded as ReadReal() and
/// a cast do. Not 0 when one has another form than CutValues.
/// Source: W. D. Clinger, "How to read floating point numbers accurately", PLDI 1990: the quotient of two numbers that
///         doubles hold exactly is rounded once.
SY_VECTOR_CLONES
std::uint64_t ReadBlock(const char* text, const std::uint32_t* starts, std::size_t stride,
                        std::size_t count, float* values) {
  CutValues cut;
  std::uint64_t others = 0;
  for (std::size_t i = 0; i < count; ++i, starts += stride) {
    others |= CutValue(text, starts[0] + 1, starts[1], cut, i);
  }
  for (std::size_t i = count; i % TokenRun::kSpare != 0; ++i)
    cut.before[i] = cut.behind[i] = cut.divisor[i] = 0;
  for (std::size_t i = 0; i < count; i += TokenRun::kSpare) {
    for (std::size_t lane = 0; lane < TokenRun::kSpare; ++lane) {
      const std::uint64_t before = cut.before[i + lane];
      const std::uint64_t behind = cut.behind[i + lane];
      const std::uint64_t divisor = cut.divisor[i + lane];
      const std::uint64_t mantissa =
          EightDigits(before) * kScales[divisor % kNegative] + EightDigits(behind);
      others |= NotDigits(before) | NotDigits(behind) | (mantissa >> kExactBits);
      values[i + lane] = static_cast<float>(
          static_cast<double>(static_cast<std::int64_t>(mantissa)) / kDivisors[divisor]);
    }
  }
  return others;
}

/// Read the numbers behind the last colon of each token. False when one is none that is finite as a float.
bool ReadValues(const char* text, const std::uint32_t* stops, std::size_t stride, std::size_t count,
                float* values) {
  const std::uint32_t* starts = stops + stride - 1;
  for (std::size_t first = 0; first < count; first += kBlock, values += kBlock) {
    const std::size_t block = std::min(kBlock, count - first);
    const std::uint32_t* const next = starts + block * stride;
    if (ReadBlock(text, starts, stride, block, values) != 0) {
      for (std::size_t i = 0; i < block; ++i) {
        const char* const number = text + starts[i * stride] + 1;
        const char* const end = text + starts[i * stride + 1];
        double value = 0;
        if (number == end || ReadReal(number, end, value) != end) return false;
        if (!(std::abs(value) <= std::numeric_limits<float>::max())) return false;
        values[i] = static_cast<float>(value);
      }
    }
    starts = next;
  }
  return true;
}

/// A part of a row, no longer than TokenRun::kBytesMax.
struct Piece {
  const char* text;
  std::size_t bytes;
  bool ends_row;
};

struct Words {
  std::size_t count = 0;  ///< 0: not regular.
  std::size_t bytes = 0;  ///< Of the tokens.
  bool long_ids = false;  ///< Some have more than eight digits.
  bool ones = false;      ///< All values are written as "1".
};

/// 0 when ":1 " stands at `colon`.
[[gnu::always_inline]] inline std::uint32_t NotOne(const char* colon) {
  constexpr std::uint32_t kThreeBytes = 0xFFFFFF;
  constexpr std::uint32_t kOneBlank = ':' | '1' << 8 | ' ' << 16;
  std::uint32_t tail = 0;
  std::memcpy(&tail, colon, sizeof(tail));
  return (tail & kThreeBytes) ^ kOneBlank;
}

/// The ids of " id:1" tokens as words; only colons are looked for. Ids may still hold anything but a colon.
SY_VECTOR_CLONES
Words CutOnes(const Piece& piece, std::uint32_t* colons, Key* words) {
  const char* const text = piece.text;
  const std::size_t count = FindAll<':'>(text, piece.bytes, colons);
  if (count == 0 || *text != ' ') return {};
  std::uint32_t start = 1;
  std::uint32_t id_bytes = 0;
  std::uint32_t others = 0;
  const auto cut = [&](std::size_t i) {
    const std::uint32_t colon = colons[i];
    words[i] = DigitsBetween(text, start, colon);
    id_bytes |= colon - start - 1;
    start = colon + 3;
  };
  for (std::size_t i = 0; i + 1 < count; ++i) {
    cut(i);
    others |= NotOne(text + colons[i]);
  }
  cut(count - 1);
  const std::size_t bytes = start - 1;
  const bool ends = piece.ends_row ? bytes == piece.bytes : text[bytes] == ' ';
  if (others != 0 || text[bytes - 1] != '1' || !ends || id_bytes > 7) return {};
  return {.count = count, .bytes = bytes, .ones = true};
}

/// The ids of " id:value" (`kStride` 2) or " field:id:value" (3) tokens as words. Ids may hold anything.
template <std::size_t kStride>
[[gnu::always_inline]] inline Words CutIds(const Piece& piece, std::uint32_t* stops, Key* words) {
  const char* const text = piece.text;
  std::size_t found = FindAll<' ', ':'>(text, piece.bytes, stops);
  // A token ends at the blank of the next one, or at the end of the row.
  if (piece.ends_row) stops[found++] = static_cast<std::uint32_t>(piece.bytes);
  if (found == 0 || stops[0] != 0) return {};
  const std::size_t count = (found - 1) / kStride;
  const std::size_t bytes = stops[count * kStride];
  if (piece.ends_row ? bytes != piece.bytes : text[bytes] != ' ') return {};
  std::uint32_t id_bytes = 0;
  std::uint32_t not_ones = 0;
  std::uint64_t wrong = 0;
  for (std::size_t i = 0; i < count; ++i, stops += kStride) {
    const std::uint32_t blank = stops[kStride - 2];
    const std::uint32_t colon = stops[kStride - 1];
    words[i] = DigitsBetween(text, blank + 1, colon);
    id_bytes |= colon - blank - 2;
    not_ones |= i + 1 < count ? NotOne(text + colon)
                              : (text[colon + 1] ^ '1') | (stops[kStride] - colon - 2);
    wrong |= static_cast<std::uint64_t>((text[stops[0]] ^ ' ') | (text[colon] ^ ':'));
    if constexpr (kStride == 3) {
      const std::uint32_t field_bytes = blank - stops[0] - 1;
      wrong |= static_cast<std::uint64_t>(text[blank] ^ ':') | (field_bytes - 1 > 7 ? 1U : 0U);
      wrong |= NotDigits(DigitsBetween(text, stops[0] + 1, blank));
    }
  }
  if (wrong != 0) return {};
  return {.count = count, .bytes = bytes, .long_ids = id_bytes > 7, .ones = not_ones == 0};
}

SY_VECTOR_CLONES
Words CutPairs(const Piece& piece, std::uint32_t* stops, Key* words) {
  return CutIds<2>(piece, stops, words);
}

SY_VECTOR_CLONES
Words CutTriples(const Piece& piece, std::uint32_t* stops, Key* words) {
  return CutIds<3>(piece, stops, words);
}

}  // namespace

TokenRun::Tokens TokenRun::Read(const char* p, const char* end, bool fields, Key* keys,
                                float* values) {
  const auto left = static_cast<std::size_t>(end - p);
  const Piece piece = {
      .text = p, .bytes = std::min(left, kBytesMax), .ends_row = left <= kBytesMax};
  if (ones_ && !fields) {
    const Words words = CutOnes(piece, stops_.data(), keys);
    if (words.count > 0 && WordsToKeys(keys, words.count)) {
      std::fill_n(values, words.count, 1.0F);
      return {.end = p + words.bytes, .count = words.count};
    }
  }
  const Words words =
      fields ? CutTriples(piece, stops_.data(), keys) : CutPairs(piece, stops_.data(), keys);
  const std::size_t stride = fields ? 3 : 2;
  const Tokens irregular = {.end = p, .count = 0};
  if (words.count == 0) return irregular;
  const bool ids = words.long_ids ? ReadLongIds(p, stops_.data(), stride, words.count, keys)
                                  : WordsToKeys(keys, words.count);
  if (!ids) return irregular;
  ones_ = words.ones;
  if (ones_) {
    std::fill_n(values, words.count, 1.0F);
  } else if (!ReadValues(p, stops_.data(), stride, words.count, values)) {
    return irregular;
  }
  return {.end = p + words.bytes, .count = words.count};
}

}  // namespace steelyard::data
