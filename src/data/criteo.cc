// Criteo rows: split at tabs, integers to buckets, categories as they are.
#include "data/criteo.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <optional>
#include <span>
#include <utility>

#include "data/near_miss.h"
#include "data/number.h"

namespace steelyard::data {
namespace {

constexpr std::size_t kFeatures = kCriteoIntegers + kCriteoCategories;
constexpr std::int64_t kPlainMax = 2;  // Larger integers go into buckets.

using Fields = std::array<std::string_view, kFeatures + 1>;

/// Split `line` at tabs. @return how many fields there are; those beyond the array are counted only.
std::size_t Split(std::string_view line, Fields& fields) {
  if (line.ends_with('\r')) line.remove_suffix(1);
  std::size_t count = 0;
  for (std::size_t at = 0;; ++count) {
    const std::size_t tab = std::min(line.find('\t', at), line.size());
    if (count < fields.size()) fields[count] = line.substr(at, tab - at);
    if (tab == line.size()) return count + 1;
    at = tab + 1;
  }
}

std::uint32_t BucketOf(std::uint64_t value) {
  const double logarithm = std::log(static_cast<double>(value));
  return static_cast<std::uint32_t>(logarithm * logarithm);
}

/// What stands behind "I1=" for every bucket, and for the integers that stand for themselves.
class IntegerTexts {
 public:
  static constexpr std::uint64_t kSmallValues = 1024;

  IntegerTexts() {
    for (std::uint32_t i = 0; i < kBuckets; ++i) texts_[i] = TextOf(fmt::format("b{}", i));
    for (std::uint32_t i = 0; i <= kPlainMax; ++i)
      texts_[kBuckets + i] = TextOf(fmt::format("{}", i));
    for (std::uint32_t i = 0; i < kSmallValues; ++i) {
      small_[i] = static_cast<std::uint16_t>(i <= kPlainMax ? kBuckets + i : BucketOf(i));
    }
  }
  /// kHalfBytes of the text are readable.
  std::string_view Of(std::uint64_t value) const {
    const Text& text = texts_[value < kSmallValues ? small_[value] : BucketOf(value)];
    return {text.bytes.data(), text.size};
  }

 private:
  static constexpr std::uint32_t kBuckets = 1908;  ///< ln(2^63)^2 is 1906.9.
  struct Text {
    std::array<char, NameBatch::kHalfBytes> bytes{};
    std::size_t size = 0;
  };

  static Text TextOf(std::string_view from) {
    Text text{.size = from.size()};
    std::copy(from.begin(), from.end(), text.bytes.begin());
    return text;
  }

  std::array<std::uint16_t, kSmallValues>
      small_;  ///< Most integers are: their logarithms are taken once.
  std::array<Text, kBuckets + kPlainMax + 1> texts_;
};

const IntegerTexts& TextsOfIntegers() {
  static const IntegerTexts texts;
  return texts;
}

}  // namespace

std::uint32_t CriteoBucket(std::uint64_t value) {
  return BucketOf(value);
}

CriteoParser::CriteoParser(LabelMap labels, bool labels_optional, bool keep_names)
    : labels_(std::move(labels)),
      labels_optional_(labels_optional),
      names_(keep_names),
      batch_(names_),
      keys_(kFeatures + NameSlots::kLanes) {
  for (std::uint32_t i = 0; i < kFeatures; ++i) {
    const bool integer = i < kCriteoIntegers;
    columns_.emplace_back(
        fmt::format("{}{}=", integer ? 'I' : 'C', integer ? i + 1 : i + 1 - kCriteoIntegers), i);
  }
}

bool CriteoParser::Fail(std::string message) {
  error_ = std::move(message);
  return false;
}
bool CriteoParser::AddInteger(const NameBatch::Column& column, std::string_view cell) {
  const char* const end = cell.data() + cell.size();
  std::uint64_t digits = 0;
  if (cell.size() <= 8 && ReadUnsigned(cell.data(), digits) == end) {
    batch_.Add(column.prefix, TextsOfIntegers().Of(digits));
    return true;
  }
  std::int64_t value = 0;
  const auto [stop, error] = std::from_chars(cell.data(), end, value);
  if (error != std::errc() || stop != end) {
    return Fail(fmt::format("expected a whole number in column I{}, found {}", column.cell + 1,
                            Quoted(cell)));
  }
  if (value > kPlainMax) {
    batch_.Add(column.prefix, TextsOfIntegers().Of(static_cast<std::uint64_t>(value)));
    return true;
  }
  std::array<char, 2 * NameBatch::kHalfBytes> text;
  const char* const text_end = std::to_chars(text.data(), text.data() + text.size(), value).ptr;
  batch_.Add(column.prefix, {text.data(), static_cast<std::size_t>(text_end - text.data())});
  return true;
}

bool CriteoParser::ReadLabel(std::string_view cell, float& label) {
  if (labels_optional_ && cell.empty()) return true;
  const std::optional<double> number = ParseReal(cell);
  if (!number) return Fail(fmt::format("expected a label, found {}", Quoted(cell)));
  const std::optional<float> mapped = labels_.OfNumber(*number);
  if (!mapped) return Fail(labels_.Complaint(cell));
  label = *mapped;
  return true;
}

bool CriteoParser::Parse(const Record& record, std::uint64_t row, RowBlock& block) {
  const char* end = record.end;
  if (end > record.begin && end[-1] == '\r') --end;
  const Cells cells =
      SplitAt('\t', {record.begin, static_cast<std::size_t>(end - record.begin)}, stops_);
  const bool labelled = cells.count == kFeatures + 1;
  if (!labelled && !(labels_optional_ && cells.count == kFeatures)) {
    return Fail(
        fmt::format("found {} fields; a Criteo row has {}: label, {} integers, {} "
                    "categories, with tabs between them",
                    cells.count, kFeatures + 1, kCriteoIntegers, kCriteoCategories));
  }
  float label = std::numeric_limits<float>::quiet_NaN();
  if (labelled && !ReadLabel(cells[0], label)) return false;
  const Cells features = {
      .text = cells.text, .stops = cells.stops + (labelled ? 1 : 0), .count = kFeatures};
  const std::span<const NameBatch::Column> columns = columns_;
  batch_.Start(keys_.data());
  std::size_t present = 0;
  for (const NameBatch::Column& column : columns.first(kCriteoIntegers)) {
    const std::string_view cell = features[column.cell];
    if (cell.empty()) continue;
    if (!AddInteger(column, cell)) return false;
    ++present;
  }
  present += batch_.AddCells(columns.subspan(kCriteoIntegers), features);
  batch_.Finish();
  AppendRow(
      {.row = row, .label = label, .weight = 1.0F, .keys = {keys_.data(), present}, .values = {}},
      block);
  return true;
}

bool LooksLikeCriteo(std::string_view line) {
  Fields fields;
  const std::size_t count = Split(line, fields);
  if (count != kFeatures + 1 && count != kFeatures) return false;
  const std::size_t first = count - kFeatures;
  if (first == 1 && fields[0] != "0" && fields[0] != "1") return false;
  for (std::size_t i = 0; i < kFeatures; ++i) {
    const std::string_view field = fields[first + i];
    const bool integer = i < kCriteoIntegers;
    const bool fits = field.empty() ||
                      (integer ? ParseInteger(field).has_value()
                               : field.size() == 8 && field.find_first_not_of("0123456789abcdef") ==
                                                          std::string_view::npos);
    if (!fits) return false;
  }
  return true;
}

}  // namespace steelyard::data
