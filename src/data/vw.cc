// The VW text parser: what stands before the first bar, then namespace by namespace.
#include "data/vw.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <limits>
#include <optional>
#include <utility>

#include "data/near_miss.h"
#include "data/number.h"
#include "data/scan.h"

namespace steelyard::data {
namespace {

constexpr double kFloatMax = std::numeric_limits<float>::max();

bool IsBlank(char c) {
  return c == ' ' || c == '\t' || c == '\r';
}
bool EndsWord(char c) {
  return IsBlank(c) || c == '|';
}

/// Does `stop` end a word of the row that ends at `end`?
bool IsWordEnd(const char* stop, const char* end) {
  return stop == end || EndsWord(*stop);
}

/// The bytes of the name at `p`: up to a blank, bar, colon or the line's end.
std::size_t NameBytes(const char* p) {
  return BytesBefore<' ', '|', ':', '\t', '\r', '\n'>(p);
}

/// The end of the word at `p`, found 16 bytes at a time.
const char* WordStop(const char* p) {
  return p + BytesBefore<' ', '|', '\t', '\r', '\n'>(p);
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
  const std::size_t bytes = NameBytes(p);
  const char* stop = p + bytes;
  scale_ = 1.0;
  if (*stop == ':') {
    const char* const number = stop + 1;
    stop = ReadReal(number, end, scale_);
    if (stop == number || !IsWordEnd(stop, end) || !(std::abs(scale_) <= kFloatMax)) {
      return Fail(fmt::format("expected |namespace or |namespace:weight, found {}",
                              Quoted(Text(p - 1, WordEnd(p, end)))));
    }
  }
  prefix_bytes_ = bytes > 0 ? bytes + 1 : 0;
  if (prefix_.size() < bytes + 2 * kCopyBytes) prefix_.resize(2 * (bytes + 2 * kCopyBytes));
  CopyShort(prefix_.data(), p, bytes);
  prefix_[bytes] = '=';
  p = stop;
  return true;
}

bool VwParser::ParseFeature(const char*& p, const char* end, std::size_t index) {
  const std::size_t bytes = NameBytes(p);
  const char* stop = p + bytes;
  double value = scale_;
  bool fits = bytes > 0;
  if (*stop == ':') {
    const char* const number = stop + 1;
    stop = WordStop(number);
    if (!ReadPlainReal(number, static_cast<std::size_t>(stop - number), value)) {
      stop = ReadReal(number, end, value);
    }
    fits = fits && stop != number && IsWordEnd(stop, end);
    value *= scale_;
  }
  if (!fits || !(std::abs(value) <= kFloatMax)) {
    return Fail(fmt::format("expected {}, found {}",
                            fits ? "name:value with a finite value" : "name or name:value",
                            Quoted(Text(p, WordEnd(p, end)))));
  }
  batch_.Add({prefix_.data(), prefix_bytes_}, {p, bytes});
  values_[index] = static_cast<float>(value);
  p = stop;
  return true;
}

bool VwParser::Parse(const Record& record, std::uint64_t row, RowBlock& block) {
  const char* const end = record.end;
  const char* p = record.begin;
  const void* const bar = std::memchr(p, '|', static_cast<std::size_t>(end - p));
  if (bar == nullptr) return Fail("expected a | before the features, found none");
  if (!ParseHead(p, static_cast<const char*>(bar))) return false;
  p = static_cast<const char*>(bar);
  const std::size_t features_max = static_cast<std::size_t>(end - p) / 2 + 1;
  if (keys_.size() < features_max) {
    keys_.resize(2 * features_max);
    values_.resize(2 * features_max);
  }
  batch_.Start(keys_.data());
  prefix_.resize(std::max(prefix_.size(), NameBatch::kHalfBytes));
  std::size_t count = 0;
  bool all_ones = true;
  while (p < end) {
    if (*p == '|') {
      if (!ParseNamespace(++p, end)) return false;
    } else if (IsBlank(*p)) {
      ++p;
    } else {
      if (!ParseFeature(p, end, count)) return false;
      all_ones = all_ones && values_[count] == 1.0F;
      ++count;
    }
  }
  batch_.Finish();
  AppendRow({.row = row,
             .label = label_,
             .weight = weight_,
             .keys = {keys_.data(), count},
             .values = std::span<const float>(values_.data(), all_ones ? 0 : count)},
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
