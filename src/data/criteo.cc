// Criteo rows: split at tabs, integers to buckets, categories as they are.
#include "data/criteo.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <memory>
#include <optional>
#include <utility>

#include "base/hash.h"
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

/// "I1=" or "C1=".
std::string ColumnPrefix(std::size_t column) {
  return column < kCriteoIntegers ? fmt::format("I{}=", column + 1)
                                  : fmt::format("C{}=", column + 1 - kCriteoIntegers);
}

std::uint32_t BucketOf(std::uint64_t value) {
  const double logarithm = std::log(static_cast<double>(value));
  return static_cast<std::uint32_t>(logarithm * logarithm);
}

}  // namespace

/// The names that integers of at least 0 get: those up to kPlainMax their own, the others that of their bucket.
class CriteoIntegers {
 public:
  CriteoIntegers() {
    for (std::uint32_t i = 0; i < kNames; ++i) {
      texts_[i] = i < kBuckets ? fmt::format("b{}", i) : fmt::format("{}", i - kBuckets);
    }
    for (std::uint32_t value = 0; value < kSmallValues; ++value) {
      small_[value] =
          static_cast<std::uint16_t>(value <= kPlainMax ? kBuckets + value : BucketOf(value));
    }
    std::string name;
    for (std::uint32_t column = 0; column < kCriteoIntegers; ++column) {
      for (std::uint32_t i = 0; i < kNames; ++i) {
        name = ColumnPrefix(column);
        name += texts_[i];
        keys_[column * kNames + i] = KeyOfName(name);
      }
    }
  }
  static const CriteoIntegers& All() {
    static const auto all = std::make_unique<const CriteoIntegers>();
    return *all;
  }

  /// What stands behind "I1=".
  const std::string& TextOf(std::uint64_t value) const { return texts_[IndexOf(value)]; }
  Key KeyOf(std::size_t column, std::uint64_t value) const {
    return keys_.data()[column * kNames + IndexOf(value)];
  }

 private:
  static constexpr std::uint32_t kBuckets = 1908;  ///< ln(2^63)^2 is 1906.9.
  static constexpr std::uint32_t kNames = kBuckets + kPlainMax + 1;
  static constexpr std::uint64_t kSmallValues = 1024;

  std::size_t IndexOf(std::uint64_t value) const {
    return value < kSmallValues ? small_.data()[value] : BucketOf(value);
  }

  std::array<std::uint16_t, kSmallValues>
      small_;  ///< Most integers are: their logarithms are taken once.
  std::array<std::string, kNames> texts_;
  std::array<Key, kCriteoIntegers * kNames> keys_;  ///< As many as fit into the second-level cache.
};

std::uint32_t CriteoBucket(std::uint64_t value) {
  return BucketOf(value);
}

CriteoParser::CriteoParser(LabelMap labels, bool labels_optional, bool keep_names)
    : labels_(std::move(labels)),
      labels_optional_(labels_optional),
      names_(keep_names),
      integers_(CriteoIntegers::All()),
      batch_(names_),
      keys_(kFeatures + NameSlots::kLanes) {
  for (std::uint32_t i = kCriteoIntegers; i < kFeatures; ++i) {
    categories_.emplace_back(ColumnPrefix(i), i);
  }
}

bool CriteoParser::Fail(std::string message) {
  error_ = std::move(message);
  return false;
}

/// Write the keys of the integers in `cells`. False when one holds something else.
bool CriteoParser::ReadIntegers(const Cells& cells, std::size_t& count) {
  integer_names_.clear();
  Key* key = keys_.data();
  for (std::size_t i = 0; i < kCriteoIntegers; ++i) {
    const std::string_view cell = cells[i];
    if (cell.empty()) continue;
    const std::uint64_t digits =
        DigitsBetween(cell.data(), 0, static_cast<std::uint32_t>(cell.size()));
    const bool plain = cell.size() <= 8 && NotDigits(digits) == 0 && !names_.wanted();
    if (plain) {
      *key = integers_.KeyOf(i, EightDigits(digits));
    } else if (!ReadInteger(i, cell, *key)) {
      return false;
    }
    ++key;
  }
  count = static_cast<std::size_t>(key - keys_.data());
  for (const auto& [named, name] : integer_names_) names_.Note(named, name);
  return true;
}

/// The key of any integer.
bool CriteoParser::ReadInteger(std::size_t column, std::string_view cell, Key& key) {
  const char* const end = cell.data() + cell.size();
  std::int64_t value = 0;
  const auto [stop, error] = std::from_chars(cell.data(), end, value);
  if (error != std::errc() || stop != end) {
    return Fail(
        fmt::format("expected a whole number in column I{}, found {}", column + 1, Quoted(cell)));
  }
  key = KeyOfText(column, value < 0 ? fmt::format("{}", value)
                                    : integers_.TextOf(static_cast<std::uint64_t>(value)));
  return true;
}

Key CriteoParser::KeyOfText(std::size_t column, std::string_view text) {
  std::string name = ColumnPrefix(column);
  name += text;
  const Key key = KeyOfName(name);
  if (names_.wanted()) integer_names_.emplace_back(key, std::move(name));
  return key;
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
  std::size_t present = 0;
  if (!ReadIntegers(features, present)) return false;
  batch_.Start(keys_.data() + present);
  present += batch_.AddCells(categories_, features);
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
