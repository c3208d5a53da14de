// The VW text parser: what stands before the first bar, then namespace by namespace.
#include "data/vw.h"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <cstring>
#include <limits>
#include <optional>
#include <utility>

#include "base/hash.h"
#include "data/near_miss.h"
#include "data/number.h"

namespace steelyard::data {
namespace {

constexpr double kFloatMax = std::numeric_limits<float>::max();

bool IsBlank(char c) {
  return c == ' ' || c == '\t' || c == '\r';
}
bool EndsWord(char c) {
  return IsBlank(c) || c == '|';
}

const char* WordEnd(const char* p, const char* end) {
  while (p < end && !EndsWord(*p)) ++p;
  return p;
}

std::string_view Text(const char* begin, const char* end) {
  return {begin, static_cast<std::size_t>(end - begin)};
}

/// What stands before the first bar.
struct Head {
  std::array<std::string_view, 4> words;
  std::size_t count = 0;  ///< Without the tag; one more than words can hold means too many.
  std::string_view tag;
};

Head SplitHead(const char* p, const char* bar) {
  Head head;
  const char* last_end = p;
  for (;;) {
    while (p < bar && IsBlank(*p)) ++p;
    if (p == bar) break;
    last_end = WordEnd(p, bar);
    if (head.count < head.words.size()) head.words[head.count] = Text(p, last_end);
    head.count = std::min(head.count + 1, head.words.size() + 1);
    p = last_end;
  }
  if (head.count == 0 || head.count > head.words.size()) return head;
  // The last word is the tag when it touches the bar or begins with an apostrophe.
  const std::string_view last = head.words[head.count - 1];
  if (last_end != bar && !last.starts_with('\'')) return head;
  head.tag = last;
  --head.count;
  return head;
}

}  // namespace

bool VwParser::Fail(std::string message) {
  error_ = std::move(message);
  return false;
}

bool VwParser::ParseLabel(std::string_view word) {
  const std::optional<double> number = ParseReal(word);
  if (!number) return Fail(fmt::format("expected a label, found {}", Quoted(word)));
  const std::optional<float> label = labels_.OfNumber(*number);
  if (!label) return Fail(labels_.Complaint(word));
  label_ = *label;
  return true;
}

/// "label importance base 'tag", each of which may be missing from its place on.
bool VwParser::ParseHead(const char* p, const char* bar) {
  const Head head = SplitHead(p, bar);
  label_ = std::numeric_limits<float>::quiet_NaN();
  weight_ = 1.0F;
  if (head.count > 3) {
    return Fail(fmt::format("expected label, importance and tag before the first |, found {}",
                            Quoted(Text(p, bar))));
  }
  if (head.count == 0) {
    if (labels_optional_) return true;
    return Fail(head.tag.empty()
                    ? "no label stands before the first |"
                    : fmt::format("no label: {} touches the |, so it is a tag; write a blank "
                                  "before the |",
                                  Quoted(head.tag)));
  }
  if (!ParseLabel(head.words[0])) return false;
  if (head.count == 1) return true;
  const std::optional<double> weight = ParseReal(head.words[1]);
  if (!weight || !(*weight >= 0) || *weight > kFloatMax) {
    return Fail(
        fmt::format("expected an importance of at least 0, found {}", Quoted(head.words[1])));
  }
  weight_ = static_cast<float>(*weight);
  if (head.count == 3 && ParseReal(head.words[2]) != 0.0) {
    return Fail(fmt::format("an initial prediction, here {}, cannot be used; leave it out",
                            Quoted(head.words[2])));
  }
  return true;
}

/// "name:weight" directly behind a bar; a blank there means no namespace.
bool VwParser::ParseNamespace(const char*& p, const char* end) {
  const char* const stop = WordEnd(p, end);
  const std::string_view word = Text(p, stop);
  const std::size_t colon = word.find(':');
  scale_ = 1.0;
  if (colon != std::string_view::npos) {
    const std::optional<double> scale = ParseReal(word.substr(colon + 1));
    if (!scale || !(std::abs(*scale) <= kFloatMax)) {
      return Fail(fmt::format("expected |namespace or |namespace:weight, found {}",
                              Quoted(Text(p - 1, stop))));
    }
    scale_ = *scale;
  }
  name_.assign(word.substr(0, colon));
  if (!name_.empty()) name_ += '=';
  prefix_ = name_.size();
  p = stop;
  return true;
}

bool VwParser::ParseFeature(const char*& p, const char* end) {
  const char* stop = p;
  while (stop < end && !EndsWord(*stop) && *stop != ':') ++stop;
  const std::string_view feature = Text(p, stop);
  if (feature.empty()) {
    return Fail(
        fmt::format("expected name or name:value, found {}", Quoted(Text(p, WordEnd(p, end)))));
  }
  double value = scale_;
  if (stop < end && *stop == ':') {
    const char* const number = stop + 1;
    stop = ReadReal(number, end, value);
    if (stop == number || (stop < end && !EndsWord(*stop))) {
      return Fail(
          fmt::format("expected name or name:value, found {}", Quoted(Text(p, WordEnd(p, end)))));
    }
    value *= scale_;
  }
  if (!(std::abs(value) <= kFloatMax)) {
    return Fail(fmt::format("expected name:value with a finite value, found {}",
                            Quoted(Text(p, WordEnd(p, end)))));
  }
  name_.resize(prefix_);
  name_ += feature;
  const Key key = KeyOfName(name_);
  names_.Note(key, name_);
  keys_.push_back(key);
  values_.push_back(static_cast<float>(value));
  all_ones_ = all_ones_ && values_.back() == 1.0F;
  p = stop;
  return true;
}

bool VwParser::Parse(const Record& record, std::uint64_t row, RowBlock& block) {
  const char* const end = record.end;
  const char* p = record.begin;
  const void* const bar = std::memchr(p, '|', static_cast<std::size_t>(end - p));
  if (bar == nullptr) return Fail("expected a | before the features, found none");
  if (!ParseHead(p, static_cast<const char*>(bar))) return false;
  keys_.clear();
  values_.clear();
  all_ones_ = true;
  for (p = static_cast<const char*>(bar); p < end;) {
    if (*p == '|') {
      if (!ParseNamespace(++p, end)) return false;
    } else if (IsBlank(*p)) {
      ++p;
    } else if (!ParseFeature(p, end)) {
      return false;
    }
  }
  AppendRow({.row = row,
             .label = label_,
             .weight = weight_,
             .keys = keys_,
             .values = std::span<const float>(values_.data(), all_ones_ ? 0 : values_.size())},
            block);
  return true;
}

bool LooksLikeVw(std::string_view line) {
  const std::size_t bar = line.find('|');
  if (bar == std::string_view::npos) return false;
  const Head head = SplitHead(line.data(), line.data() + bar);
  if (head.count > 3) return false;
  for (std::size_t i = 0; i < head.count; ++i) {
    if (!ParseReal(head.words[i])) return false;
  }
  // "a|b|c" is a table with bars between its columns: a tag without a label must say that it is one.
  return head.count > 0 || head.tag.empty() || head.tag.starts_with('\'');
}

}  // namespace steelyard::data
