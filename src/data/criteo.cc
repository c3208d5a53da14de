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

#include "base/vector_clones.h"
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

constexpr std::size_t kShortRowBytes = 1024;

/// The offsets of tabs in a record of up to kShortRowBytes.
SY_VECTOR_CLONES
std::size_t FindTabs(const char* text, std::size_t bytes, std::uint32_t* tabs) {
  return FindAll<'\t'>(text, bytes, tabs);
}

/// Split a record, which bytes follow that may be read.
std::size_t SplitRecordAtTabs(const Record& record, Fields& fields) {
  const char* end = record.end;
  if (end > record.begin && end[-1] == '\r') --end;
  const auto bytes = static_cast<std::size_t>(end - record.begin);
  if (bytes > kShortRowBytes) return Split({record.begin, bytes}, fields);
  std::array<std::uint32_t, kShortRowBytes + kScanBytes> tabs;
  const std::size_t count = FindTabs(record.begin, bytes, tabs.data());
  tabs[count] = static_cast<std::uint32_t>(bytes);
  std::uint32_t first = 0;
  for (std::size_t i = 0; i <= std::min(count, fields.size() - 1); ++i) {
    fields[i] = {record.begin + first, tabs[i] - first};
    first = tabs[i] + 1;
  }
  return count + 1;
}

/// Read all of `field`, behind which bytes may be read.
bool ReadInteger(std::string_view field, std::int64_t& value) {
  const char* const end = field.data() + field.size();
  std::uint64_t digits = 0;
  if (field.size() <= 8 && ReadUnsigned(field.data(), digits) == end) {
    value = static_cast<std::int64_t>(digits);
    return true;
  }
  const auto [stop, error] = std::from_chars(field.data(), end, value);
  return error == std::errc() && stop == end;
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

/// "b7" for every bucket there is.
struct BucketTexts {
  struct Text {
    std::array<char, NameBatch::kHalfBytes> bytes{};
    std::size_t size = 0;
  };
  BucketTexts() {
    for (std::size_t i = 0; i < texts.size(); ++i) {
      Text& text = texts[i];
      text.bytes[0] = 'b';
      const char* const end =
          std::to_chars(text.bytes.data() + 1, text.bytes.data() + text.bytes.size(), i).ptr;
      text.size = static_cast<std::size_t>(end - text.bytes.data());
    }
  }
  static constexpr std::size_t kBuckets = 1908;  ///< ln(2^63)^2 is 1906.9.
  std::array<Text, kBuckets> texts{};
};

}  // namespace

std::uint32_t CriteoBucket(std::uint64_t value) {
  static const SmallBuckets small;
  return value < small.buckets.size() ? small.buckets[value] : BucketOf(value);
}

CriteoParser::CriteoParser(LabelMap labels, bool labels_optional, bool keep_names)
    : labels_(std::move(labels)),
      labels_optional_(labels_optional),
      names_(keep_names),
      batch_(names_) {
  for (std::size_t i = 0; i < kFeatures; ++i) {
    const std::string prefix = i < kCriteoIntegers ? fmt::format("I{}=", i + 1)
                                                   : fmt::format("C{}=", i + 1 - kCriteoIntegers);
    std::copy(prefix.begin(), prefix.end(), prefixes_[i].begin());
    prefix_bytes_[i] = prefix.size();
  }
}

std::string_view CriteoParser::Prefix(std::size_t column) const {
  return {prefixes_[column].data(), prefix_bytes_[column]};
}

bool CriteoParser::Fail(std::string message) {
  error_ = std::move(message);
  return false;
}

bool CriteoParser::AddInteger(std::size_t column, std::string_view field) {
  std::int64_t value = 0;
  if (!ReadInteger(field, value)) {
    return Fail(
        fmt::format("expected a whole number in column I{}, found {}", column + 1, Quoted(field)));
  }
  if (value <= kPlainMax) {
    std::array<char, 2 * NameBatch::kHalfBytes> digits;
    const char* const end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
    batch_.Add(Prefix(column), {digits.data(), static_cast<std::size_t>(end - digits.data())});
    return true;
  }
  static const BucketTexts texts;
  const BucketTexts::Text& text = texts.texts[CriteoBucket(static_cast<std::uint64_t>(value))];
  batch_.Add(Prefix(column), {text.bytes.data(), text.size});
  return true;
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
  batch_.Start(keys_.data());
  std::size_t present = 0;
  const std::span<const std::string_view> features =
      std::span<const std::string_view>(fields).subspan(labelled ? 1 : 0, kFeatures);
  for (std::size_t i = 0; i < kFeatures; ++i) {
    if (features[i].empty()) continue;
    ++present;
    if (i < kCriteoIntegers) {
      if (!AddInteger(i, features[i])) return false;
    } else {
      batch_.Add(Prefix(i), features[i]);
    }
  }
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
