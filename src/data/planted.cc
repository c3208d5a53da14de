// Drawing and writing planted rows.
#include "data/planted.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>

#include "base/hash.h"
#include "data/criteo.h"
#include "data/input_files.h"

namespace steelyard::data {
namespace {

constexpr std::uint64_t kGolden = 0x9E3779B97F4A7C15ULL;
constexpr double kLargestToSmallest = 60'000;  // Values of the last field to those of the first.
constexpr std::uint64_t kValuesMin = 4;
constexpr double kWeightScale = 1.25;

double Sigmoid(double margin) {
  return 1.0 / (1.0 + std::exp(-margin));
}

/// How many values each field has: growing geometrically, together `features`.
std::vector<std::uint64_t> Cardinalities(const PlantedOptions& options) {
  const auto fields = static_cast<double>(options.fields);
  const std::uint64_t least = std::min(kValuesMin, options.features / options.fields);
  const double spread = static_cast<double>(options.features - least * options.fields);
  std::vector<double> shares(options.fields, 1.0);
  double sum = 0;
  for (std::uint32_t f = 0; f < options.fields; ++f) {
    if (options.fields > 1) shares[f] = std::pow(kLargestToSmallest, f / (fields - 1));
    sum += shares[f];
  }
  std::vector<std::uint64_t> counts;
  std::uint64_t total = 0;
  for (std::uint32_t f = 0; f < options.fields; ++f) {
    std::uint64_t count = least + static_cast<std::uint64_t>(spread * (shares[f] / sum));
    if (f < options.integer_fields) count = std::min(count, PlantedModel::kIntegerValues);
    counts.push_back(count);
    total += count;
  }
  if (total < options.features) counts.back() += options.features - total;
  return counts;
}

/// Eight hexadecimal digits that differ for every value below 2^32.
char* AppendHex(std::size_t field, std::uint64_t value, char* at) {
  auto mixed =
      static_cast<std::uint32_t>(value) ^ static_cast<std::uint32_t>(field * kGolden >> 32);
  mixed = (mixed ^ (mixed >> 16)) * 0x7FEB352DU;
  mixed = (mixed ^ (mixed >> 15)) * 0x846CA68BU;
  mixed ^= mixed >> 16;
  for (int shift = 28; shift >= 0; shift -= 4) *at++ = "0123456789abcdef"[mixed >> shift & 15U];
  return at;
}

constexpr std::size_t kDigitsMax = 20;

}  // namespace

Result<PlantedModel> PlantedModel::Make(const PlantedOptions& options) {
  if (options.fields == 0 || options.features < options.fields) {
    return Status(StatusCode::kInvalidArgument,
                  fmt::format("{} fields need as many features at least, got {}", options.fields,
                              options.features));
  }
  PlantedModel model;
  model.bias_ = options.bias;
  model.dense_below_ = static_cast<std::uint64_t>(options.density * 0x1.0p32);
  model.weight_key_ = KeyOfId(options.model_seed);
  std::uint64_t first = 0;
  for (const std::uint64_t count : Cardinalities(options)) {
    Field field{.cardinality = count, .first = first};
    const double exponent = 1.05 + 0.01 * static_cast<double>(model.fields_.size() % 20);
    const double end = std::pow(static_cast<double>(count) + 1.0, 1.0 - exponent);
    for (std::size_t i = 0; i <= kSteps; ++i) {
      const double mass = static_cast<double>(i) / kSteps;
      field.quantiles[i] = std::pow(1.0 - mass * (1.0 - end), 1.0 / (1.0 - exponent)) - 1.0;
    }
    model.fields_.push_back(field);
    first += count;
  }
  return model;
}

double PlantedModel::Weight(std::size_t field, std::uint64_t value) const {
  const std::uint64_t hash = KeyOfId((fields_[field].first + value) ^ weight_key_);
  if (hash >> 32 >= dense_below_) return 0.0;
  // Two uniform numbers in [0, 1): their sum has a peak in the middle.
  const auto sum = static_cast<double>((hash & 0xFFFF) + (hash >> 16 & 0xFFFF));
  return (sum * 0x1.0p-16 - 1.0) * kWeightScale;
}

std::uint64_t PlantedModel::Draw(std::size_t field, std::uint64_t draw) const {
  constexpr int kStepBits = 9;
  static_assert(kSteps == std::size_t{1} << kStepBits);
  const Field& of = fields_[field];
  const std::size_t step = draw >> (64 - kStepBits);
  const double share = static_cast<double>(draw << kStepBits >> 11) * 0x1.0p-53;
  const double at = of.quantiles[step] + (of.quantiles[step + 1] - of.quantiles[step]) * share;
  return std::min(static_cast<std::uint64_t>(at), of.cardinality - 1);
}

PlantedRows::PlantedRows(const PlantedModel& model, std::uint64_t seed)
    : model_(model), state_(KeyOfId(seed)) {}

std::uint64_t PlantedRows::Draw() {
  const std::uint64_t draw = KeyOfId(state_);
  state_ += kGolden;
  return draw;
}

void PlantedRows::Next(PlantedRow& row) {
  const std::size_t fields = model_.fields();
  row.values.resize(fields);
  double margin = model_.bias();
  for (std::size_t f = 0; f < fields; ++f) {
    row.values[f] = model_.Draw(f, Draw());
    margin += model_.Weight(f, row.values[f]);
  }
  row.probability = Sigmoid(margin);
  row.positive = static_cast<double>(Draw() >> 11) * 0x1.0p-53 < row.probability;
}

PlantedText::PlantedText(const PlantedModel& model, Format format)
    : model_(&model), format_(format) {
  for (std::size_t f = 0; f < model.fields(); ++f) {
    switch (format) {
      case Format::kVw:
        prefixes_.push_back(fmt::format(" |f{} ", f));
        break;
      case Format::kLibffm:
        prefixes_.push_back(fmt::format(" {}:", f));
        break;
      case Format::kCriteo:
        prefixes_.emplace_back("\t");
        break;
      case Format::kCsv:
        prefixes_.emplace_back(",");
        break;
      default:
        prefixes_.emplace_back(" ");
    }
  }
  if (KeysAreIds(format)) suffix_ = ":1";
  std::uint64_t integer = 0;
  for (std::uint64_t value = 0; value < PlantedModel::kIntegerValues; ++value) {
    while (value > 2 && CriteoBucket(integer) < value - 2) ++integer;
    integers_.push_back(value > 2 ? integer : value);
    integer = integers_.back() + 1;
  }
}

Result<PlantedText> PlantedText::Make(const PlantedModel& model, Format format) {
  if (format == Format::kAuto || format == Format::kParquet) {
    return Status(StatusCode::kInvalidArgument,
                  "--format must be one of libsvm, libfm, libffm, vw, criteo, csv");
  }
  if (format == Format::kCriteo && model.fields() != kCriteoIntegers + kCriteoCategories) {
    return Status(StatusCode::kInvalidArgument,
                  fmt::format("a Criteo row has {} fields, got --fields {}",
                              kCriteoIntegers + kCriteoCategories, model.fields()));
  }
  return PlantedText(model, format);
}

std::string PlantedText::Header() const {
  if (format_ != Format::kCsv) return {};
  std::string header = "label";
  for (std::size_t f = 0; f < model_->fields(); ++f) header += fmt::format(",f{}", f);
  return header + '\n';
}

char* PlantedText::AppendFeature(std::size_t field, std::uint64_t value, char* at) const {
  if (format_ == Format::kCriteo && field >= kCriteoIntegers) return AppendHex(field, value, at);
  std::uint64_t number = value;
  if (format_ == Format::kCriteo) number = integers_[value];
  if (KeysAreIds(format_)) number = model_->first_feature(field) + value + 1;
  return std::to_chars(at, at + kDigitsMax, number).ptr;
}

void PlantedText::Append(const PlantedRow& row, std::string& text) {
  constexpr std::size_t kFeatureBytesMax = 16 + kDigitsMax + 2;  // Prefix, number, suffix.
  const std::size_t before = text.size();
  text.resize(before + 4 + row.values.size() * kFeatureBytesMax);
  char* at = text.data() + before;
  if (!row.positive && format_ == Format::kVw) *at++ = '-';
  *at++ = row.positive || format_ == Format::kVw ? '1' : '0';
  for (std::size_t f = 0; f < row.values.size(); ++f) {
    const std::string& prefix = prefixes_[f];
    at = std::copy_n(prefix.data(), prefix.size(), at);
    at = AppendFeature(f, row.values[f], at);
    at = std::copy_n(suffix_.data(), suffix_.size(), at);
  }
  *at++ = '\n';
  text.resize(static_cast<std::size_t>(at - text.data()));
}

std::string PlantedText::FeatureText(std::size_t field, std::uint64_t value) const {
  char digits[kDigitsMax];
  std::string text(digits, AppendFeature(field, value, digits));
  if (KeysAreIds(format_)) return text;
  if (format_ != Format::kCriteo) return fmt::format("f{}={}", field, text);
  if (field >= kCriteoIntegers) return fmt::format("C{}={}", field - kCriteoIntegers + 1, text);
  return value > 2 ? fmt::format("I{}=b{}", field + 1, CriteoBucket(integers_[value]))
                   : fmt::format("I{}={}", field + 1, text);
}

std::string PlantedText::SchemaText() const {
  std::string schema = "[label]\ncolumn = \"label\"\n\n[features]\n";
  for (std::size_t f = 0; f < model_->fields(); ++f) {
    schema += fmt::format("f{} = {{ column = \"f{}\" }}\n", f, f);
  }
  return schema;
}

}  // namespace steelyard::data
