// Planted data: rows like click logs, drawn from a model that is known, so that a learner can be compared with it.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "data/dataset.h"
#include "steelyard/status.h"

namespace steelyard::data {

struct PlantedOptions {
  std::uint32_t fields = 39;  ///< Each row has one feature of each.
  std::uint64_t features =
      1'000'000;                     ///< Of all fields together; the last fields have most of them.
  double density = 0.3;              ///< Share of the weights that are not 0.
  double bias = -1.6;                ///< The margin of a row of zero weights.
  std::uint64_t model_seed = 1;      ///< Of the weights.
  std::uint32_t integer_fields = 0;  ///< The first so many have at most kIntegerValues values.
};

/// The fields, how often their values occur, and the planted weights. Value 0 of a field is its most frequent one.
///
/// Frequencies follow Zipf's law with an exponent between 1.05 and 1.24, in kSteps steps of equal mass.
/// Threads: safe for concurrent use once made.
/// Cost:    a few nanoseconds a draw; weights are computed, not stored, so memory does not grow with the features.
class PlantedModel {
 public:
  static constexpr std::uint64_t kIntegerValues = 64;

  /// Errors: kInvalidArgument  fewer features than fields, no field.
  static Result<PlantedModel> Make(const PlantedOptions& options);

  std::size_t fields() const { return fields_.size(); }
  double bias() const { return bias_; }
  std::uint64_t cardinality(std::size_t field) const { return fields_[field].cardinality; }
  /// Values of the fields before.
  std::uint64_t first_feature(std::size_t field) const { return fields_[field].first; }
  double Weight(std::size_t field, std::uint64_t value) const;
  /// The value at `draw`, which is uniform over uint64.
  std::uint64_t Draw(std::size_t field, std::uint64_t draw) const;

 private:
  static constexpr std::size_t kSteps = 512;

  struct Field {
    std::uint64_t cardinality = 0;
    std::uint64_t first = 0;
    std::array<double, kSteps + 1> quantiles{};
  };

  std::vector<Field> fields_;
  double bias_ = 0;
  std::uint64_t dense_below_ = 0;  ///< Of 2^32.
  std::uint64_t weight_key_ = 0;
};

struct PlantedRow {
  std::vector<std::uint64_t> values;  ///< [fields]
  double probability = 0;             ///< Of a positive label, by the planted model.
  bool positive = false;
};

/// A sequence of rows that depends on the model and the seed alone.
///
/// Threads: confined to one thread.
class PlantedRows {
 public:
  PlantedRows(const PlantedModel& model, std::uint64_t seed);
  void Next(PlantedRow& row);

 private:
  std::uint64_t Draw();

  const PlantedModel& model_;
  std::uint64_t state_;
};

/// Writes planted rows in one of the text formats. In formats with names, value v of field f is called "f<f>=<v>"; in
/// Criteo's, of 39 fields, "I1=..." and "C1=...".
///
/// Threads: confined to one thread.
class PlantedText {
 public:
  /// Errors: kInvalidArgument  Criteo's format with another number of fields, or a format that is no text.
  static Result<PlantedText> Make(const PlantedModel& model, Format format);

  /// What stands before the first row: the header of CSV.
  std::string Header() const;
  void Append(const PlantedRow& row, std::string& text);
  /// What a model trained on the rows calls a feature: its id or its name.
  std::string FeatureText(std::size_t field, std::uint64_t value) const;
  /// A schema for rows in CSV.
  std::string SchemaText() const;

 private:
  PlantedText(const PlantedModel& model, Format format);
  char* AppendFeature(std::size_t field, std::uint64_t value, char* at) const;

  const PlantedModel* model_;
  Format format_;
  std::vector<std::string> prefixes_;  ///< [fields] what stands before the value.
  std::string suffix_;                 ///< What stands behind it.
  std::vector<std::uint64_t>
      integers_;  ///< [kIntegerValues] Criteo integers, each a feature of its own.
};

}  // namespace steelyard::data
