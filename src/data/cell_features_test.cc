// Goal: a row read column kind by column kind has the keys, values and complaints of a row read cell by cell. Method:
// FeatureBuilder as the oracle on random rows of random tables: names, numbers, buckets, times, crosses, empty and bad cells.
#include "data/cell_features.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <random>
#include <string>
#include <vector>

#include "data/number.h"

namespace steelyard::data {
namespace {

Schema RandomSchema(std::mt19937_64& random, std::size_t features, bool crosses) {
  constexpr std::array<const char*, 6> kKinds = {
      "", "", ", numeric = true", ", numeric = true", ", width = 10", ", part = \"hour\""};
  std::string text = "[label]\ncolumn = \"y\"\n[features]\n";
  for (std::size_t i = 0; i < features; ++i) {
    // A number cannot be crossed.
    const std::size_t kinds = i < 2 ? 2 : crosses ? kKinds.size() : 1 + random() % 4;
    const std::string kind = kKinds[random() % kinds];
    text +=
        "f" + std::to_string(i) + " = { column = \"c" + std::to_string(i) + "\"" + kind + " }\n";
  }
  Result<Schema> schema = ParseSchema(text, "schema.toml");
  EXPECT_TRUE(schema.ok()) << schema.status().ToString();
  if (crosses && features > 1) schema.value().crosses.push_back({.name = "x", .features = {0, 1}});
  return schema.value();
}

std::string RandomCell(std::mt19937_64& random) {
  constexpr std::array<const char*, 12> kCells = {"",
                                                  "7",
                                                  "-12.5",
                                                  "0.040309",
                                                  "1e-3",
                                                  " 4 ",
                                                  "2001-01-31T23:59",
                                                  "123456789012345678",
                                                  "3.0",
                                                  "1e39",
                                                  "word",
                                                  "a name that is longer than a slot holds"};
  // Words fit into few columns: most rows must be whole.
  return kCells[random() % (random() % 20 == 0 ? kCells.size() : 6)];
}

struct Table {
  std::string text;
  std::vector<std::uint32_t> stops = {kBeforeText};
  std::vector<std::string> cells;

  explicit Table(std::vector<std::string> from) : cells(std::move(from)) {
    for (const std::string& cell : cells) {
      text += cell;
      stops.push_back(static_cast<std::uint32_t>(text.size()));
      text += ',';
    }
    text.append(kReadAheadBytes, '9');
  }
  Cells view() const { return {.text = text.data(), .stops = stops.data(), .count = cells.size()}; }
};

/// Read cell by cell. False when one does not fit.
bool BuildOneByOne(FeatureBuilder& builder, const Schema& schema, const Table& table) {
  std::vector<Component> components(schema.features.size());
  for (std::size_t i = 0; i < components.size(); ++i) {
    if (!builder.OfText(i, table.cells[components.size() - 1 - i], components[i])) return false;
  }
  builder.Build(components);
  return true;
}

template <typename Value>
std::vector<Value> Copy(std::span<const Value> values) {
  return {values.begin(), values.end()};
}

TEST(CellFeatures, AreThoseOfTheCellsAlone) {
  std::mt19937_64 random(23);
  std::size_t whole = 0;
  std::size_t refused = 0;
  for (int round = 0; round < 400; ++round) {
    const std::size_t features = 1 + random() % 90;
    const bool keep_names = random() % 4 == 0;
    const Schema schema = RandomSchema(random, features, random() % 2 == 0);
    std::vector<std::uint32_t> columns(features);  // The last cell is the first feature.
    for (std::uint32_t i = 0; i < features; ++i)
      columns[i] = static_cast<std::uint32_t>(features) - 1 - i;
    CellFeatures together(schema, columns, keep_names);
    FeatureBuilder alone(schema, keep_names);
    for (int row = 0; row < 10; ++row) {
      std::vector<std::string> cells(features);
      for (std::string& cell : cells) cell = RandomCell(random);
      const Table table(std::move(cells));
      const bool fits = BuildOneByOne(alone, schema, table);
      ASSERT_EQ(together.Build(table.view()), fits) << table.text;
      if (fits) {
        ASSERT_EQ(Copy(together.keys()), Copy(alone.keys())) << table.text;
        ASSERT_EQ(Copy(together.values()), Copy(alone.values())) << table.text;
        ++whole;
      } else {
        ASSERT_EQ(together.error(), alone.error());
        ++refused;
      }
    }
    ASSERT_EQ(together.TakeNames(), alone.TakeNames());
  }
  EXPECT_GT(whole, 300u);
  EXPECT_GT(refused, 300u);
}

}  // namespace
}  // namespace steelyard::data
