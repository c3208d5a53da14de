// Keys of features and crosses, and their names when they are wanted.
#include "data/feature_builder.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <cstring>

#include "data/calendar.h"
#include "data/near_miss.h"
#include "data/number.h"

namespace steelyard::data {
namespace {

constexpr double kWholeMax = 9007199254740992.0;  // 2^53: beyond, a double skips integers.

}  // namespace

FeatureBuilder::FeatureBuilder(const Schema& schema, bool keep_names)
    : schema_(schema),
      keep_names_(keep_names),
      number_keys_(schema.features.size()),
      repeated_(schema.features.size()) {
  for (std::uint32_t i = 0; i < schema_.features.size(); ++i) {
    const FeatureSpec& feature = schema_.features[i];
    if (feature.alone) alone_.push_back(i);
    has_numeric_ = has_numeric_ || feature.numeric;
    prefixes_.push_back(feature.numeric ? feature.name : feature.name + '=');
    prefix_sizes_.push_back(prefixes_.back().size());
    own_keys_.push_back(KeyOfName(feature.name));
    const bool whole = feature.width == std::floor(feature.width) && feature.width < kWholeMax;
    whole_widths_.push_back(whole ? static_cast<std::int64_t>(feature.width) : 0);
  }
  keys_.resize(alone_.size() + schema_.crosses.size() +
               1);  // An absent last one is written, then not counted.
  values_.assign(keys_.size(), 1.0F);
}

void FeatureBuilder::Named(std::size_t index, std::string_view value, Component& component) {
  std::string& name = prefixes_[index];
  name.resize(prefix_sizes_[index]);
  name.append(value);
  component = {.key = KeyOfName(name), .value = 1.0F, .present = true};
  if (keep_names_) texts_.try_emplace(component.key, value);
}

bool FeatureBuilder::Number(std::size_t index, std::int64_t number, Component& component) {
  const bool cached = number >= 0 && number < static_cast<std::int64_t>(kCachedNumbers);
  if (cached) {
    component = {.key = number_keys_[index][static_cast<std::size_t>(number)],
                 .value = 1.0F,
                 .present = true};
    if (component.key != 0) return true;
  }
  Named(index, PartText(number, schema_.features[index].part), component);
  if (cached) number_keys_[index][static_cast<std::size_t>(number)] = component.key;
  return true;
}

bool FeatureBuilder::Numeric(std::size_t index, double value, Component& component) {
  const auto narrow = static_cast<float>(value);
  if (!std::isfinite(narrow)) {
    error_ = fmt::format("feature '{}': {} is not finite", schema_.features[index].name, value);
    return false;
  }
  component = {.key = own_keys_[index], .value = narrow, .present = true};
  return true;
}

bool FeatureBuilder::Bucket(std::size_t index, double value, Component& component) {
  const double bucket = std::floor(value / schema_.features[index].width);
  if (!(std::abs(bucket) < kWholeMax)) {
    error_ = fmt::format("feature '{}': {} has no bucket of width {}", schema_.features[index].name,
                         value, schema_.features[index].width);
    return false;
  }
  return Number(index, static_cast<std::int64_t>(bucket), component);
}

bool FeatureBuilder::OfText(std::size_t index, std::string_view cell, Component& component) {
  component.present = false;
  if (cell.empty()) return true;
  const FeatureSpec& feature = schema_.features[index];
  if (feature.part != Part::kWhole) {
    Repeated& last = repeated_[index];  // Rows in time order repeat their time.
    if (last.text == cell) {
      component = last.component;
      return true;
    }
    const std::optional<std::int64_t> time = ParseTime(cell);
    if (time && !OfTime(index, *time, component)) return false;
    if (time) {
      last = {.text = std::string(cell), .component = component};
      return true;
    }
    error_ = fmt::format("column '{}': {} is no time; write 2001-01-31T23:59 or seconds since 1970",
                         feature.column.column, Quoted(cell));
    return false;
  }
  if (!feature.numeric && feature.width == 0) {
    Named(index, cell, component);
    return true;
  }
  if (whole_widths_[index] > 0) {
    const std::optional<std::int64_t> integer = ParseInteger(cell);
    if (integer) return OfInteger(index, *integer, component);
  }
  const std::optional<double> real = ParseReal(cell);
  if (real)
    return feature.numeric ? Numeric(index, *real, component) : Bucket(index, *real, component);
  error_ = fmt::format("column '{}': {} is no number", feature.column.column, Quoted(cell));
  return false;
}

bool FeatureBuilder::OfInteger(std::size_t index, std::int64_t cell, Component& component) {
  const FeatureSpec& feature = schema_.features[index];
  if (feature.part != Part::kWhole) return OfTime(index, cell, component);
  if (feature.numeric) return Numeric(index, static_cast<double>(cell), component);
  const std::int64_t width = whole_widths_[index];
  if (width > 0) return Number(index, cell / width - (cell % width < 0 ? 1 : 0), component);
  if (feature.width > 0) return Bucket(index, static_cast<double>(cell), component);
  return Number(index, cell, component);
}

bool FeatureBuilder::OfUnsigned(std::size_t index, std::uint64_t cell, Component& component) {
  if (cell <= static_cast<std::uint64_t>(INT64_MAX)) {
    return OfInteger(index, static_cast<std::int64_t>(cell), component);
  }
  const bool bucketed = whole_widths_[index] > 1 && schema_.features[index].part == Part::kWhole;
  if (bucketed) {
    const auto width = static_cast<std::uint64_t>(whole_widths_[index]);
    return Number(index, static_cast<std::int64_t>(cell / width), component);
  }
  char text[24];
  const std::to_chars_result end = std::to_chars(text, text + sizeof(text), cell);
  return OfText(index, {text, static_cast<std::size_t>(end.ptr - text)}, component);
}

bool FeatureBuilder::OfReal(std::size_t index, double cell, Component& component) {
  component.present = false;
  if (std::isnan(cell)) return true;  // How data frames write an empty cell.
  const FeatureSpec& feature = schema_.features[index];
  if (feature.part != Part::kWhole) return OfText(index, fmt::format("{}", cell), component);
  if (feature.numeric) return Numeric(index, cell, component);
  if (feature.width > 0) return Bucket(index, cell, component);
  if (cell == std::floor(cell) && std::abs(cell) < kWholeMax) {
    return Number(index, static_cast<std::int64_t>(cell), component);
  }
  Named(index, fmt::format("{}", cell), component);
  return true;
}

bool FeatureBuilder::OfTime(std::size_t index, std::int64_t seconds, Component& component) {
  const FeatureSpec& feature = schema_.features[index];
  if (!IsCalendarTime(seconds)) {
    error_ = fmt::format("column '{}': {} seconds since 1970 is no time of the years 1 to 9999",
                         feature.column.column, seconds);
    return false;
  }
  if (feature.part == Part::kWhole && feature.width == 0 && !feature.numeric) {
    Named(index, TimeText(seconds), component);
    return true;
  }
  const std::int64_t number = PartOfTime(seconds, feature.part);
  if (feature.numeric) return Numeric(index, static_cast<double>(number), component);
  const std::int64_t width = whole_widths_[index];
  if (width > 1) return Number(index, number / width - (number % width < 0 ? 1 : 0), component);
  if (width == 0 && feature.width > 0) return Bucket(index, static_cast<double>(number), component);
  return Number(index, number, component);
}

void FeatureBuilder::Build(std::span<const Component> components) {
  const Component* const parts =
      components.data();  // Unchecked: this loop is most of a row's cost.
  Key* key = keys_.data();
  float* value = values_.data();
  for (const std::uint32_t index : alone_) {
    *key = parts[index].key;
    *value = parts[index].value;
    const std::size_t step = parts[index].present ? 1 : 0;
    key += step;
    value += step;
  }
  for (const CrossSpec& cross : schema_.crosses) {
    const std::uint32_t* index = cross.features.data();
    const std::uint32_t* const end = index + cross.features.size();
    Key folded = parts[*index].key;
    bool present = parts[*index].present;
    for (++index; index != end; ++index) {
      folded = CrossKey(folded, parts[*index].key);
      present = present && parts[*index].present;
    }
    *key = folded;
    key += present ? 1 : 0;
  }
  count_ = static_cast<std::size_t>(key - keys_.data());
  if (has_numeric_) std::fill(value, values_.data() + count_, 1.0F);
  if (keep_names_) NameRow(components);
}

void FeatureBuilder::NameRow(std::span<const Component> components) {
  // Walks the features as Build() did, so that keys_[at] is the key of each present one in turn.
  std::size_t at = 0;
  for (const std::uint32_t index : alone_) {
    if (!components[index].present) continue;
    const Key key = keys_[at++];
    if (!named_.Add(key)) continue;
    const FeatureSpec& feature = schema_.features[index];
    names_.emplace_back(key, feature.numeric ? feature.name : feature.name + '=' + texts_.at(key));
  }
  for (const CrossSpec& cross : schema_.crosses) {
    bool present = true;
    for (const std::uint32_t index : cross.features) present = present && components[index].present;
    if (!present) continue;
    const Key key = keys_[at++];
    if (named_.Add(key)) names_.emplace_back(key, NameOfCross(cross, components));
  }
}

std::string FeatureBuilder::NameOfCross(const CrossSpec& cross,
                                        std::span<const Component> components) const {
  std::string name = cross.name;
  char separator = '=';
  for (const std::uint32_t index : cross.features) {
    name += separator;
    name += texts_.at(components[index].key);
    separator = ',';
  }
  return name;
}

}  // namespace steelyard::data
