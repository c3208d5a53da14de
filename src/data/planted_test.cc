// Goal: planted rows are those of the model that is told. Method: counts against frequencies and probabilities, every
// format read back by its own parser, known rows by their seed.
#include "data/planted.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <set>

#include "base/hash.h"
#include "data/criteo.h"
#include "data/test_folder.h"
#include "data/test_reading.h"

namespace steelyard::data {
namespace {

PlantedModel ModelOf(const PlantedOptions& options) {
  Result<PlantedModel> model = PlantedModel::Make(options);
  EXPECT_TRUE(model.ok());
  return std::move(model.value());
}

TEST(Planted, FieldsTogetherHaveAllFeatures) {
  for (const std::uint32_t fields : {1, 2, 7, 39, 100}) {
    for (const std::uint64_t features : {100, 1000, 999'983}) {
      const PlantedModel model = ModelOf({.fields = fields, .features = features});
      std::uint64_t sum = 0;
      for (std::size_t f = 0; f < model.fields(); ++f) {
        EXPECT_EQ(model.first_feature(f), sum);
        EXPECT_GT(model.cardinality(f), 0u);
        sum += model.cardinality(f);
      }
      EXPECT_EQ(sum, features);
    }
  }
  EXPECT_FALSE(PlantedModel::Make({.fields = 0}).ok());
  EXPECT_FALSE(PlantedModel::Make({.fields = 5, .features = 4}).ok());
}

TEST(Planted, FewWeightsAreNotZeroWhereFewAreWanted) {
  for (const double density : {0.0, 0.1, 0.5, 1.0}) {
    const PlantedModel model = ModelOf({.fields = 3, .features = 100'000, .density = density});
    double dense = 0;
    double sum = 0;
    for (std::uint64_t v = 0; v < model.cardinality(2); ++v) {
      dense += model.Weight(2, v) != 0.0 ? 1 : 0;
      sum += model.Weight(2, v);
    }
    const auto count = static_cast<double>(model.cardinality(2));
    EXPECT_NEAR(dense / count, density, 0.01);
    EXPECT_NEAR(sum / count, 0.0, 0.02);
  }
}

TEST(Planted, FrequenciesFollowZipf) {
  const PlantedModel model = ModelOf({.fields = 1, .features = 1000});
  PlantedRows rows(model, 5);
  PlantedRow row;
  std::map<std::uint64_t, int> counts;
  for (int i = 0; i < 200'000; ++i) {
    rows.Next(row);
    ++counts[row.values[0]];
  }
  EXPECT_LT(counts.rbegin()->first, 1000u);
  // Exponent 1.05: twice the rank, about half as often.
  for (const std::uint64_t value : {1, 4, 16, 64}) {
    const double ratio = counts[value - 1] / static_cast<double>(counts[2 * value - 1]);
    EXPECT_GT(ratio, 1.3) << value;
    EXPECT_LT(ratio, 3.0) << value;
  }
}

TEST(Planted, LabelsFollowTheirProbabilities) {
  const PlantedModel model = ModelOf({.features = 5000});
  PlantedRows rows(model, 9);
  PlantedRow row;
  std::array<double, 10> count{};
  std::array<double, 10> expected{};
  std::array<double, 10> positive{};
  for (int i = 0; i < 200'000; ++i) {
    rows.Next(row);
    double margin = model.bias();
    for (std::size_t f = 0; f < model.fields(); ++f) margin += model.Weight(f, row.values[f]);
    ASSERT_NEAR(row.probability, 1 / (1 + std::exp(-margin)), 1e-12);
    const auto bin = static_cast<std::size_t>(std::min(row.probability, 0.999) * 10);
    count[bin] += 1;
    expected[bin] += row.probability;
    positive[bin] += row.positive ? 1 : 0;
  }
  for (std::size_t bin = 0; bin < 10; ++bin) {
    EXPECT_NEAR(positive[bin], expected[bin], 5 * std::sqrt(count[bin] / 4 + 1)) << bin;
  }
}

class PlantedTextTest : public TestFolder {};

TEST_F(PlantedTextTest, EveryFormatIsReadBack) {
  for (const Format format : {Format::kLibsvm, Format::kLibfm, Format::kLibffm, Format::kVw,
                              Format::kCriteo, Format::kCsv}) {
    const PlantedModel model =
        ModelOf({.features = 50'000, .integer_fields = format == Format::kCriteo ? 13u : 0u});
    Result<PlantedText> text = PlantedText::Make(model, format);
    ASSERT_TRUE(text.ok());
    std::string content = text.value().Header();
    PlantedRows rows(model, 3);
    std::vector<PlantedRow> drawn(500);
    for (PlantedRow& row : drawn) {
      rows.Next(row);
      text.value().Append(row, content);
    }
    DatasetOptions options;
    options.paths = {Write("rows", content)};
    options.format = format;
    if (format == Format::kCsv) options.schema_text = text.value().SchemaText();
    const ReadOutcome read = ReadAll(options, 1 << 20);
    ASSERT_TRUE(read.status.ok()) << read.status.ToString();
    ASSERT_EQ(read.rows.size(), drawn.size());
    for (std::size_t i = 0; i < drawn.size(); ++i) {
      EXPECT_EQ(read.rows.labels[i], drawn[i].positive ? 1.0F : 0.0F);
      ASSERT_EQ(read.rows.RowKeys(i).size(), model.fields());
      for (std::size_t f = 0; f < model.fields(); ++f) {
        const std::string name = text.value().FeatureText(f, drawn[i].values[f]);
        const Key key = KeysAreIds(format) ? KeyOfId(std::stoull(name)) : KeyOfName(name);
        ASSERT_EQ(read.rows.RowKeys(i)[f], key) << name;
      }
    }
  }
}

TEST_F(PlantedTextTest, FeaturesHaveNamesOfTheirOwn) {
  const PlantedModel model = ModelOf({.features = 20'000, .integer_fields = 13});
  const Result<PlantedText> text = PlantedText::Make(model, Format::kCriteo);
  ASSERT_TRUE(text.ok());
  std::set<std::string> names;
  for (std::size_t f = 0; f < model.fields(); ++f) {
    if (f < 13) {
      EXPECT_LE(model.cardinality(f), PlantedModel::kIntegerValues);
    }
    for (std::uint64_t v = 0; v < model.cardinality(f); ++v) {
      names.insert(text.value().FeatureText(f, v));
    }
  }
  EXPECT_EQ(names.size(), 20'000u);
}

TEST_F(PlantedTextTest, OtherShapesAreRefused) {
  const PlantedModel model = ModelOf({.fields = 5});
  EXPECT_FALSE(PlantedText::Make(model, Format::kCriteo).ok());
  EXPECT_FALSE(PlantedText::Make(model, Format::kParquet).ok());
  EXPECT_FALSE(PlantedText::Make(model, Format::kAuto).ok());
}

}  // namespace
}  // namespace steelyard::data
