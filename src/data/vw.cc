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
#include "data/real_run.h"
#include "data/stops.h"

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

/// The word at `word`, for messages.
std::string VwParser::WordAt(const char* word) const {
  return Quoted(Text(word, WordEnd(word, end_)));
}

/// Read what stands between two stops, for which there is a colon between them: "name:number".
bool VwParser::ReadNumber(std::string_view number, double& value) const {
  const char* const stop = number.data() + number.size();
  // Two colons in one word.
  if (number.empty() || (stop != end_ && *stop == ':')) return false;
  return ReadPlainReal(number.data(), number.size(), value) ||
         ReadReal(number.data(), stop, value) == stop;
}

/// "name:weight" directly behind a bar; a blank there means no namespace.
bool VwParser::TakeNamespace(std::string_view name, const std::string_view* weight) {
  space_ = name;
  scale_ = 1.0;
  if (weight == nullptr) return true;
  if (ReadNumber(*weight, scale_) && std::abs(scale_) <= kFloatMax) return true;
  return Fail(fmt::format("expected |namespace or |namespace:weight, found {}",
                          Quoted(Text(name.data() - 1, WordEnd(name.data(), end_)))));
}

bool VwParser::TakeValue(std::string_view name, std::string_view number) {
  double value = 0;
  const bool fits = !name.empty() && ReadNumber(number, value);
  value *= scale_;
  if (!fits || !(std::abs(value) <= kFloatMax)) {
    return Fail(fmt::format("expected {}, found {}",
                            fits ? "name:value with a finite value" : "name or name:value",
                            WordAt(name.data())));
  }
  values_[count_ - 1] = static_cast<float>(value);
  return true;
}

/// The features of a row in which no namespace has a weight. What a stop begins depends on it alone, so that rows of one shape
/// take the same way however long their names are; numbers are read together. False, with nothing said: it needs
/// ParseFeatures().
bool VwParser::ParseRegular(std::string_view row, std::size_t stop_count) {
  const char* const text = row.data();
  const std::uint32_t* const stops = stops_.data();
  std::uint32_t* const befores = number_befores_.data();
  std::uint32_t* const ends = number_ends_.data();
  std::uint32_t* const numbered = numbered_.data();
  std::string_view space;
  std::uint32_t count = 0;
  std::size_t number_count = 0;
  bool irregular = false;
  batch_.Start(keys_.data());
  for (std::size_t i = 0; i < stop_count; ++i) {
    const std::uint32_t stop = stops[i];
    const std::uint32_t next = stops[i + 1];
    const std::string_view word(text + stop + 1, next - stop - 1);
    if (text[stop] == '|') {
      space = word;
    } else if (text[stop] == ':') {
      const std::uint32_t last = stops[i - 1];  // The first stop is a bar.
      irregular = irregular || last + 1 == stop || text[last] == '|' || text[last] == ':';
      befores[number_count] = stop;
      ends[number_count] = next;
      numbered[number_count++] = count - 1;
    } else if (!word.empty()) {
      batch_.AddIn(space, word);
      ++count;
    }
  }
  count_ = count;
  if (irregular || !ReadValues(text, number_count)) return false;
  batch_.Finish();
  return true;
}

/// Read the numbers of a regular row into their places.
bool VwParser::ReadValues(const char* text, std::size_t count) {
  const bool all = count == count_;
  float* const numbers = all ? values_.data() : numbers_.data();
  const std::size_t read = ReadReals({.text = text,
                                      .befores = number_befores_.data(),
                                      .ends = number_ends_.data(),
                                      .stride = 1,
                                      .count = count},
                                     numbers);
  if (read < count || all) return read == count;
  std::fill_n(values_.data(), count_, 1.0F);
  for (std::size_t i = 0; i < count; ++i) values_[numbered_[i]] = numbers[i];
  return true;
}

/// The features of any row, one by one.
bool VwParser::ParseFeatures(std::string_view row, std::size_t stop_count) {
  const char* const text = row.data();
  const std::uint32_t* const stops = stops_.data();
  batch_.Start(keys_.data());
  count_ = 0;
  for (std::size_t i = 0; i < stop_count; ++i) {
    const std::uint32_t first = stops[i] + 1;
    const std::string_view name(text + first, stops[i + 1] - first);
    const bool numbered = i + 1 < stop_count && text[stops[i + 1]] == ':';
    std::string_view number;
    if (numbered) number = {text + stops[i + 1] + 1, stops[i + 2] - stops[i + 1] - 1};
    if (text[stops[i]] == '|') {
      if (!TakeNamespace(name, numbered ? &number : nullptr)) return false;
    } else if (!name.empty() || numbered) {
      values_[count_++] = static_cast<float>(scale_);
      if (numbered && !TakeValue(name, number)) return false;
      batch_.AddIn(space_, name);
    }
    i += numbered ? 1 : 0;
  }
  batch_.Finish();
  return true;
}

bool VwParser::Parse(const Record& record, std::uint64_t row, RowBlock& block) {
  end_ = record.end;
  const void* const bar =
      std::memchr(record.begin, '|', static_cast<std::size_t>(end_ - record.begin));
  if (bar == nullptr) return Fail("expected a | before the features, found none");
  const std::string_view features = Text(static_cast<const char*>(bar), end_);
  if (!ParseHead(record.begin, features.data())) return false;
  const std::size_t stop_count = FindStops<' ', '|', ':', '\t', '\r'>(features, 0, stops_);
  stops_[stop_count] = stops_[stop_count + 1] = static_cast<std::uint32_t>(features.size());
  if (values_.size() < stop_count + RealRun::kSpare) Grow(2 * stop_count);
  if (!ParseRegular(features, stop_count) && !ParseFeatures(features, stop_count)) return false;
  const auto is_one = [](float value) { return value == 1.0F; };
  const bool all_ones = std::all_of(values_.data(), values_.data() + count_, is_one);
  AppendRow({.row = row,
             .label = label_,
             .weight = weight_,
             .keys = {keys_.data(), count_},
             .values = std::span<const float>(values_.data(), all_ones ? 0 : count_)},
            block);
  return true;
}

/// Make room for rows of `stops` stops.
void VwParser::Grow(std::size_t stops) {
  keys_.resize(stops + NameSlots::kLanes);
  values_.resize(stops + RealRun::kSpare);
  numbers_.resize(stops + RealRun::kSpare);
  number_befores_.resize(stops);
  number_ends_.resize(stops);
  numbered_.resize(stops);
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
