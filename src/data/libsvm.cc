// The libsvm parser: rows that are regular in one run, what is left of others token by token.
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

/// Read as much of [p, end) as is regular, which is all of most rows.
const char* LibsvmParser::ParseRun(const char* p, const char* end, std::size_t& count) {
  while (end > p && IsBlank(end[-1])) --end;
  while (p < end) {
    const TokenRun::Tokens tokens =
        run_.Read(p, end, fields_, keys_.data() + count, values_.data() + count);
    if (tokens.count == 0) break;
    count += tokens.count;
    p = tokens.end;
  }
  return p;
}

/// Read " 0", "1", "+1" or "-1" and what ends it, as ParseLabel() would. Return nullptr for another label.
const char* LibsvmParser::ParseShortLabel(const char* p) {
  const bool sign = *p == '+' || *p == '-';
  const char* const digit = p + (sign ? 1 : 0);
  if (digit[1] != ' ' || (*digit != '1' && (*digit != '0' || sign))) return nullptr;
  label_ = *p == '-' ? labels_of_[2] : labels_of_[*digit - '0'];
  return digit + 1;
}

bool LibsvmParser::Parse(const Record& record, std::uint64_t row, RowBlock& block) {
  const char* const end = record.end;
  const char* begin = record.begin;
  while (IsBlank(*begin)) ++begin;
  weight_ = 1.0F;
  const char* p = ParseShortLabel(begin);
  if (p == nullptr) p = ParseLabel(begin, end);
  if (p == nullptr) return false;

  const std::size_t features_max = static_cast<std::size_t>(end - p) / 2 + 1 + TokenRun::kSpare;
  if (keys_.size() < features_max) {
    keys_.resize(2 * features_max);
    values_.resize(2 * features_max);
  }
  std::size_t count = 0;
  p = ParseRun(p, end, count);
  for (;;) {
    while (IsBlank(*p)) ++p;
    if (p >= end || *p == '#') break;
    if (!ParseFeature(p, end, count)) return false;
    ++count;
  }
  const auto is_one = [](float value) { return value == 1.0F; };
  const bool all_ones = std::all_of(values_.data(), values_.data() + count, is_one);
  AppendRow({.row = row,
             .label = label_,
             .weight = weight_,
             .keys = {keys_.data(), count},
             .values = {values_.data(), all_ones ? 0 : count}},
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
