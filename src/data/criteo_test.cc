// Goal: Criteo rows give the features that their fields say. Method: rows by hand, buckets against exact bounds.
#include "data/criteo.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "base/hash.h"

namespace steelyard::data {
namespace {

struct Parsed {
  bool ok = false;
  RowBlock block;
  std::string error;
  std::vector<std::pair<Key, std::string>> names;
};

Parsed ParseLine(const std::string& line, bool labels_optional = false, bool keep_names = true) {
  CriteoParser parser(LabelMap(LabelKind::kBinary, std::nullopt), labels_optional, keep_names);
  const std::string text = line + std::string(64, '\n');
  Parsed parsed;
  parsed.ok = parser.Parse({text.data(), text.data() + line.size()}, 5, parsed.block);
  parsed.error = parser.error();
  parsed.names = parser.TakeNames();
  return parsed;
}

/// Label, then fields; missing ones are empty.
std::string Line(const std::string& label, const std::vector<std::string>& integers,
                 const std::vector<std::string>& categories) {
  std::string line = label;
  for (std::size_t i = 0; i < 13; ++i) line += '\t' + (i < integers.size() ? integers[i] : "");
  for (std::size_t i = 0; i < 26; ++i) line += '\t' + (i < categories.size() ? categories[i] : "");
  return line;
}

TEST(Criteo, EveryFieldIsAFeature) {
  const Parsed parsed =
      ParseLine(Line("1", {"1", "", "3", "-2", "0", "1382"}, {"68fd1e64", "", "fb936136"}) + "\r");
  ASSERT_TRUE(parsed.ok) << parsed.error;
  EXPECT_EQ(parsed.block.labels, std::vector<float>{1});
  EXPECT_TRUE(parsed.block.values.empty());
  const std::vector<std::string> names = {"I1=1",   "I3=b1",       "I4=-2",      "I5=0",
                                          "I6=b52", "C1=68fd1e64", "C3=fb936136"};
  ASSERT_EQ(parsed.block.keys.size(), names.size());
  for (std::size_t i = 0; i < names.size(); ++i) {
    EXPECT_EQ(parsed.block.keys[i], KeyOfName(names[i])) << names[i];
    EXPECT_EQ(parsed.names[i].second, names[i]);
  }
}

TEST(Criteo, KeysAreThoseOfTheNamesWhetherOrNotTheseAreKept) {
  std::mt19937_64 random(12);
  const std::vector<std::int64_t> edges = {0,    2,          3,           -1,        1023,
                                           1024, 99'999'999, 100'000'000, INT64_MAX, INT64_MIN};
  std::size_t compared = 0;
  for (int round = 0; round < 2'000; ++round) {
    std::vector<std::string> integers(13);
    for (std::string& cell : integers) {
      // Of every size.
      const auto value = static_cast<std::int64_t>(random() >> random() % 64);
      const auto choice = random() % 8;
      if (choice > 0) cell = std::to_string(choice > 1 ? value : edges[random() % edges.size()]);
    }
    std::vector<std::string> categories(26, "68fd1e64");
    categories[random() % 26].clear();
    const std::string line = Line("1", integers, categories);
    const Parsed named = ParseLine(line);
    const Parsed bare = ParseLine(line, false, /*keep_names=*/false);
    ASSERT_TRUE(named.ok && bare.ok) << named.error << bare.error;
    EXPECT_TRUE(bare.names.empty());
    ASSERT_EQ(bare.block.keys, named.block.keys) << line;
    ASSERT_EQ(named.names.size(), named.block.keys.size());
    for (const auto& [key, name] : named.names) ASSERT_EQ(key, KeyOfName(name)) << name;
    compared += named.block.keys.size();
  }
  EXPECT_GT(compared, 60'000u);
}

TEST(Criteo, ARefusedRowLeavesNoNames) {
  const Parsed parsed = ParseLine(Line("1", {"4", "x"}, {"68fd1e64"}));
  EXPECT_FALSE(parsed.ok);
  EXPECT_TRUE(parsed.names.empty());
}

TEST(Criteo, BucketsGrowWithTheSquareOfTheLogarithm) {
  EXPECT_EQ(CriteoBucket(3), 1u);
  EXPECT_EQ(CriteoBucket(1000), 47u);
  EXPECT_EQ(CriteoBucket(1023), CriteoBucket(1024));
  std::uint32_t last = 0;
  for (std::uint64_t value = 1; value < 5000; ++value) {
    const double logarithm = std::log(static_cast<double>(value));
    EXPECT_EQ(CriteoBucket(value), static_cast<std::uint32_t>(logarithm * logarithm));
    EXPECT_GE(CriteoBucket(value), last);
    last = CriteoBucket(value);
  }
  EXPECT_EQ(CriteoBucket(INT64_MAX), 1906u);
}

TEST(Criteo, ARowOfEmptyFieldsHasNoFeatures) {
  const Parsed parsed = ParseLine(Line("0", {}, {}));
  ASSERT_TRUE(parsed.ok) << parsed.error;
  EXPECT_TRUE(parsed.block.keys.empty());
}

TEST(Criteo, LabelsMayBeMissingWhereNobodyAsks) {
  const std::string line = Line("1", {"5"}, {"05db9164"});
  for (const std::string& bare : {line.substr(2), line.substr(1)}) {
    const Parsed parsed = ParseLine(bare, true);
    ASSERT_TRUE(parsed.ok) << parsed.error;
    EXPECT_TRUE(std::isnan(parsed.block.labels[0]));
    EXPECT_EQ(parsed.block.keys.size(), 2u);
    EXPECT_FALSE(ParseLine(bare).ok);
  }
}

TEST(Criteo, RefusalsSayWhatWasFound) {
  EXPECT_NE(ParseLine("1\t2\t3").error.find("found 3 fields; a Criteo row has 40"),
            std::string::npos);
  EXPECT_NE(ParseLine(Line("1", {}, {}) + "\t").error.find("found 41 fields"), std::string::npos);
  EXPECT_NE(ParseLine(Line("1", {"", "x7"}, {})).error.find("column I2, found 'x7'"),
            std::string::npos);
  EXPECT_NE(ParseLine(Line("1", {"1.5"}, {})).error.find("column I1, found '1.5'"),
            std::string::npos);
  EXPECT_NE(ParseLine(Line("", {}, {})).error.find("expected a label"), std::string::npos);
  EXPECT_NE(ParseLine(Line("2", {}, {})).error.find("neither 0/1"), std::string::npos);
}

TEST(Criteo, LooksLikeCriteo) {
  const std::string line = Line("1", {"5", "-1"}, {"05db9164"});
  EXPECT_TRUE(LooksLikeCriteo(line));
  EXPECT_TRUE(LooksLikeCriteo(line.substr(2)));
  EXPECT_FALSE(LooksLikeCriteo(Line("2", {}, {})));
  EXPECT_FALSE(LooksLikeCriteo(Line("1", {"a"}, {})));
  EXPECT_FALSE(LooksLikeCriteo(Line("1", {}, {"05DB9164"})));
  EXPECT_FALSE(LooksLikeCriteo("1\t2"));
}

}  // namespace
}  // namespace steelyard::data
