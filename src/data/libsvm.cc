// The libsvm parser: no allocation per row, colons found 64 bytes and ids read eight digits at a time, ":1" without a
// number parser.
#include "data/libsvm.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

#include "base/hash.h"
#include "data/near_miss.h"
#include "data/number.h"
#include "data/scan.h"

namespace steelyard::data {
namespace {

bool IsBlank(char c) {
  return c == ' ' || c == '\t' || c == '\r';
}
bool EndsToken(char c) {
  return IsBlank(c) || c == '\n' || c == '#';
}

const char* TokenEnd(const char* p, const char* end) {
  while (p < end && !EndsToken(*p)) ++p;
  return p;
}

std::string_view Text(const char* begin, const char* end) {
  return {begin, static_cast<std::size_t>(end - begin)};
}

static_assert(kScanBytes <= kReadAheadBytes);

/// Read the id that fills [start, colon). Nothing before `readable` may be looked at. False when it is no id.
inline bool ReadId(const char* start, const char* colon, const char* readable, std::uint64_t& id) {
  const std::ptrdiff_t digits = colon - start;
  if (digits > 0 && digits <= 8 && colon - readable >= 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, colon - 8, sizeof(word));
    word ^= kZeros;
    const auto foreign = static_cast<int>(64 - 8 * digits);
    word = word >> foreign << foreign;
    if ((((word + kNinesToSign) | word) & kSigns) != 0) return false;
    id = EightDigits(word);
    return true;
  }
  return digits > 0 && ReadUnsigned(start, id) == colon;
}

enum class Tail : std::uint8_t { kNext, kEnd, kOther };

/// What stands at `colon`: ":1 ", ":1" and the line's end, or something else.
inline Tail TailAt(const char* colon) {
  constexpr std::uint32_t kThreeBytes = 0xFFFFFF;
  constexpr std::uint32_t kOneBlank = ':' | '1' << 8 | ' ' << 16;
  constexpr std::uint32_t kOneEnd = ':' | '1' << 8 | '\n' << 16;
  std::uint32_t tail = 0;
  std::memcpy(&tail, colon, sizeof(tail));
  tail &= kThreeBytes;
  if (tail == kOneBlank) return Tail::kNext;
  return tail == kOneEnd ? Tail::kEnd : Tail::kOther;
}

}  // namespace

LibsvmParser::LibsvmParser(LabelMap labels, bool labels_optional, bool fields)
    : labels_(std::move(labels)), labels_optional_(labels_optional), fields_(fields) {
  // Every map takes these three.
  labels_of_ = {*labels_.OfNumber(0.0), *labels_.OfNumber(1.0), *labels_.OfNumber(-1.0)};
}

bool LibsvmParser::Fail(const char* token, const char* end, std::string_view wanted) {
  error_ = fmt::format("expected {}, found {}", wanted, Quoted(Text(token, TokenEnd(token, end))));
  return false;
}

/// Return where the features start, or nullptr.
const char* LibsvmParser::ParseLabel(const char* p, const char* end) {
  const char* const token_end = TokenEnd(p, end);
  const std::string_view token = Text(p, token_end);
  if (labels_optional_) {
    label_ = std::numeric_limits<float>::quiet_NaN();
    if (token == "?") return token_end;
    // "3:1 7:1" has no label. A sign tells a weighted label, "+1:0.5", from a feature.
    const bool signed_label = token.starts_with('+') || token.starts_with('-');
    if (!signed_label && token.find(':') != std::string_view::npos) return p;
  }
  double number = 0;
  const char* const stop = ReadReal(p, end, number);
  if (stop == p || (!EndsToken(*stop) && *stop != ':')) {
    Fail(p, end, "a label");
    return nullptr;
  }
  const std::optional<float> label = labels_.OfNumber(number);
  if (!label) {
    error_ = labels_.Complaint(Text(p, stop));
    return nullptr;
  }
  label_ = *label;
  if (*stop != ':') return stop;
  double weight = 0;
  const char* const weight_end = ReadReal(stop + 1, end, weight);
  const bool usable = weight >= 0 && weight <= std::numeric_limits<float>::max();
  if (weight_end == stop + 1 || !EndsToken(*weight_end) || !usable) {
    Fail(p, end, "label:weight with a weight of at least 0");
    return nullptr;
  }
  weight_ = static_cast<float>(weight);
  return weight_end;
}

const char* LibsvmParser::Wanted() const {
  return fields_ ? "field:id:value" : "id or id:value";
}

bool LibsvmParser::ParseFeature(const char*& p, const char* end, std::size_t index) {
  std::uint64_t id = 0;
  const char* id_begin = p;
  if (fields_) {
    const char* const field_end = ReadUnsigned(p, id);
    if (field_end == p || field_end == nullptr || *field_end != ':') return Fail(p, end, Wanted());
    id_begin = field_end + 1;
  }
  const char* const id_end = ReadUnsigned(id_begin, id);
  if (id_end == id_begin) return Fail(p, end, Wanted());
  if (id_end == nullptr) {
    error_ =
        fmt::format("feature id {} is larger than 2^64 - 1", Quoted(Text(p, TokenEnd(p, end))));
    return false;
  }
  keys_[index] = KeyOfId(id);
  values_[index] = 1.0F;
  if (*id_end != ':') {
    if (fields_ || !EndsToken(*id_end)) return Fail(p, end, Wanted());
    p = id_end;
    return true;
  }
  double value = 0;
  const char* const value_end = ReadReal(id_end + 1, end, value);
  if (value_end == id_end + 1 || !EndsToken(*value_end)) return Fail(p, end, Wanted());
  if (!(std::abs(value) <= std::numeric_limits<float>::max())) {
    return Fail(p, end, "id:value with a finite value");
  }
  values_[index] = static_cast<float>(value);
  p = value_end;
  return true;
}

/// Read as many " id:1" as follow each other, the bulk of most files. Colons are found 64 bytes at a time, so that one
/// feature need not wait for the end of the one before.
const char* LibsvmParser::ParseOnes(const char* p, const Record& record, std::size_t& count) {
  if (*p != ' ') return p;
  const char* start = p + 1;  // Of an id.
  Key* key = keys_.data() + count;
  for (const char* block = start; block < record.end; block += kScanBytes) {
    for (std::uint64_t colons = MaskOf(block, ':'); colons != 0; colons &= colons - 1) {
      const char* const colon = block + std::countr_zero(colons);
      std::uint64_t id = 0;
      const bool known = colon < record.end && ReadId(start, colon, record.begin, id);
      const Tail tail = known ? TailAt(colon) : Tail::kOther;
      if (tail == Tail::kOther) {
        count = static_cast<std::size_t>(key - keys_.data());
        return start - 1;
      }
      *key++ = KeyOfId(id);
      start = colon + 3;
      if (tail == Tail::kEnd) {
        count = static_cast<std::size_t>(key - keys_.data());
        return colon + 2;
      }
    }
  }
  count = static_cast<std::size_t>(key - keys_.data());
  return start - 1;
}

bool LibsvmParser::Parse(const Record& record, std::uint64_t row, RowBlock& block) {
  const char* const end = record.end;
  const char* p = record.begin;
  while (IsBlank(*p)) ++p;
  weight_ = 1.0F;
  const bool sign = *p == '+' || *p == '-';
  const char* const digit = p + (sign ? 1 : 0);
  if (digit[1] == ' ' && (*digit == '1' || (*digit == '0' && !sign))) {
    label_ = *p == '-' ? labels_of_[2] : labels_of_[*digit - '0'];
    p = digit + 1;
  } else {
    p = ParseLabel(p, end);
    if (p == nullptr) return false;
  }

  const std::size_t features_max = static_cast<std::size_t>(end - p) / 2 + 1;
  if (keys_.size() < features_max) {
    keys_.resize(2 * features_max);
    values_.resize(2 * features_max);
  }
  std::size_t count = 0;
  bool all_ones = true;
  bool ones_follow = !fields_;  // Where one value was another, the next one will be.
  for (;;) {
    if (ones_follow) {
      const std::size_t first = count;
      p = ParseOnes(p, record, count);
      if (!all_ones) std::fill(values_.data() + first, values_.data() + count, 1.0F);
    }
    while (IsBlank(*p)) ++p;
    if (p >= end || *p == '#') break;
    if (!ParseFeature(p, end, count)) return false;
    const bool one = values_[count] == 1.0F;
    if (!one && all_ones) std::fill(values_.data(), values_.data() + count, 1.0F);
    all_ones = all_ones && one;
    ones_follow = one && !fields_;
    ++count;
  }
  const std::span<const float> values(values_.data(), all_ones ? 0 : count);
  AppendRow({.row = row,
             .label = label_,
             .weight = weight_,
             .keys = {keys_.data(), count},
             .values = values},
            block);
  return true;
}

bool LooksLikeLibsvm(std::string_view line) {
  std::size_t at = 0;
  for (int token = 0;; ++token) {
    at = line.find_first_not_of(" \t\r", at);
    if (at == std::string_view::npos || line[at] == '#') return token > 0;
    const std::size_t stop = std::min(line.find_first_of(" \t\r#", at), line.size());
    const std::string_view text = line.substr(at, stop - at);
    const std::size_t colon = std::min(text.find(':'), text.size());
    if (!ParseReal(text.substr(0, colon)) && !(token == 0 && text == "?")) return false;
    if (colon < text.size() && !ParseReal(text.substr(colon + 1))) return false;
    at = stop;
  }
}

bool LooksLikeLibffm(std::string_view line) {
  std::size_t features = 0;
  std::size_t at = 0;
  for (int token = 0;; ++token) {
    at = line.find_first_not_of(" \t\r", at);
    if (at == std::string_view::npos || line[at] == '#') return features > 0;
    const std::size_t stop = std::min(line.find_first_of(" \t\r#", at), line.size());
    const std::string_view text = line.substr(at, stop - at);
    at = stop;
    const bool label = token == 0 && (ParseReal(text) || text == "?");
    if (label) continue;
    const std::size_t first = std::min(text.find(':'), text.size());
    const std::size_t second = text.find(':', first + 1);
    if (second == std::string_view::npos || !ParseInteger(text.substr(0, first)) ||
        !ParseInteger(text.substr(first + 1, second - first - 1)) ||
        !ParseReal(text.substr(second + 1))) {
      return false;
    }
    ++features;
  }
}

}  // namespace steelyard::data
