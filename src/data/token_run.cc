// Three loops over a few kilobytes: find blanks and colons, cut digits out as words, turn words into keys eight at a time.
#include "data/token_run.h"

#include <algorithm>
#include <cstring>

#include "base/hash.h"
#include "base/vector_clones.h"
#include "data/number.h"
#include "data/real_run.h"
#include "data/stops.h"

namespace steelyard::data {
namespace {

static_assert(kScanBytes <= kReadAheadBytes);

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
  const std::size_t count = FindStops<':'>(text, piece.bytes, colons);
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
  std::size_t found = FindStops<' ', ':'>(text, piece.bytes, stops);
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
  } else if (ReadReals({.text = p,
                        .befores = stops_.data() + stride - 1,
                        .ends = stops_.data() + stride,
                        .stride = stride,
                        .count = words.count},
                       values) < words.count) {
    return irregular;
  }
  return {.end = p + words.bytes, .count = words.count};
}

}  // namespace steelyard::data
