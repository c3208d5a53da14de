// Criteo rows: split at tabs, integers to buckets, categories as they are.
#include "data/criteo.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <limits>
#include <optional>
#include <span>
#include <utility>

#include "base/hash.h"
#include "data/near_miss.h"
#include "data/number.h"
#include "data/scan.h"

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

/// Split a record, which bytes follow that may be read.
std::size_t SplitRecordAtTabs(const Record& record, Fields& fields) {
  const char* end = record.end;
  if (end > record.begin && end[-1] == '\r') --end;
  std::size_t count = 0;
  const char* field = record.begin;
  for (const char* block = record.begin; block < end; block += kScanBytes) {
    for (std::uint64_t tabs = MaskOf<'\t'>(block); tabs != 0; tabs &= tabs - 1) {
      const char* const tab = block + std::countr_zero(tabs);
      if (tab >= end) break;
      if (count < fields.size()) fields[count] = {field, static_cast<std::size_t>(tab - field)};
      ++count;
      field = tab + 1;
    }
  }
  if (count < fields.size()) fields[count] = {field, static_cast<std::size_t>(end - field)};
  return count + 1;
}

std::uint32_t BucketOf(std::uint64_t value) {
  const double logarithm = std::log(static_cast<double>(value));
  return static_cast<std::uint32_t>(logarithm * logarithm);
}

/// Most integers are small: their logarithms are taken once.
struct SmallBuckets {
  SmallBuckets() {
    for (std::size_t i = 1; i < buckets.size(); ++i) buckets[i] = BucketOf(i);
  }
  std::array<std::uint32_t, 1024> buckets{};
};

}  // namespace

std::uint32_t CriteoBucket(std::uint64_t value) {
  static const SmallBuckets small;
  return value < small.buckets.size() ? small.buckets[value] : BucketOf(value);
}

CriteoParser::CriteoParser(LabelMap labels, bool labels_optional, bool keep_names)
    : labels_(std::move(labels)), labels_optional_(labels_optional), names_(keep_names) {
  for (std::size_t i = 0; i < kFeatures; ++i) {
    prefixes_[i] = i < kCriteoIntegers ? fmt::format("I{}=", i + 1)
                                       : fmt::format("C{}=", i + 1 - kCriteoIntegers);
  }
}

bool CriteoParser::Fail(std::string message) {
  error_ = std::move(message);
  return false;
}

void CriteoParser::AddFeature(std::string_view name) {
  const Key key = KeyOfName(name);
  names_.Note(key, name);
  keys_.push_back(key);
}

bool CriteoParser::AddInteger(std::size_t column, std::string_view field) {
  std::int64_t value = 0;
  const auto [stop, error] = std::from_chars(field.data(), field.data() + field.size(), value);
  if (error != std::errc() || stop != field.data() + field.size()) {
    return Fail(
        fmt::format("expected a whole number in column I{}, found {}", column + 1, Quoted(field)));
  }
  std::array<char, 32> text{};
  const std::string& prefix = prefixes_[column];
  char* at = std::copy(prefix.begin(), prefix.end(), text.data());
  if (value > kPlainMax) {
    *at++ = 'b';
    value = CriteoBucket(static_cast<std::uint64_t>(value));
  }
  at = std::to_chars(at, text.data() + text.size(), value).ptr;
  AddFeature({text.data(), static_cast<std::size_t>(at - text.data())});
  return true;
}

void CriteoParser::AddCategory(std::size_t column, std::string_view field) {
  const std::string& prefix = prefixes_[column];
  const std::size_t bytes = prefix.size() + field.size();
  if (name_.size() < bytes + 2 * kCopyBytes) name_.resize(2 * (bytes + 2 * kCopyBytes));
  std::copy(prefix.begin(), prefix.end(), name_.begin());
  CopyShort(name_.data() + prefix.size(), field.data(), field.size());
  AddFeature({name_.data(), bytes});
}

bool CriteoParser::Parse(const Record& record, std::uint64_t row, RowBlock& block) {
  Fields fields;
  const std::size_t count = SplitRecordAtTabs(record, fields);
  const bool labelled = count == kFeatures + 1;
  if (!labelled && !(labels_optional_ && count == kFeatures)) {
    return Fail(
        fmt::format("found {} fields; a Criteo row has {}: label, {} integers, {} "
                    "categories, with tabs between them",
                    count, kFeatures + 1, kCriteoIntegers, kCriteoCategories));
  }
  float label = std::numeric_limits<float>::quiet_NaN();
  if (labelled && !(labels_optional_ && fields[0].empty())) {
    const std::optional<double> number = ParseReal(fields[0]);
    if (!number) return Fail(fmt::format("expected a label, found {}", Quoted(fields[0])));
    const std::optional<float> mapped = labels_.OfNumber(*number);
    if (!mapped) return Fail(labels_.Complaint(fields[0]));
    label = *mapped;
  }
  keys_.clear();
  const std::span<const std::string_view> features =
      std::span<const std::string_view>(fields).subspan(labelled ? 1 : 0, kFeatures);
  for (std::size_t i = 0; i < kFeatures; ++i) {
    if (features[i].empty()) continue;
    if (i < kCriteoIntegers) {
      if (!AddInteger(i, features[i])) return false;
    } else {
      AddCategory(i, features[i]);
    }
  }
  AppendRow({.row = row, .label = label, .weight = 1.0F, .keys = keys_, .values = {}}, block);
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
