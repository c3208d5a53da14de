// Goal: keys and names are what the documentation says they are, for every kind of cell. Method: keys computed from
// names here, twins that must agree, refusals.
#include "data/feature_builder.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>

namespace steelyard::data {
namespace {

Schema SchemaFrom(const std::string& features, const std::string& crosses = "") {
  const std::string text =
      "[features]\n" + features + (crosses.empty() ? "" : "[crosses]\nuse = [" + crosses + "]\n");
  Result<Schema> schema = ParseSchema(text, "test");
  EXPECT_TRUE(schema.ok()) << schema.status().ToString();
  return schema.value();
}

TEST(FeatureBuilder, AKeyIsTheHashOfItsName) {
  FeatureBuilder builder(
      SchemaFrom("a = { column = \"x\" }\nb = { column = \"y\", width = 10 }\n", "\"a*b\""), false);
  std::vector<Component> row(2);
  ASSERT_TRUE(builder.OfText(0, "ATL", row[0]));
  ASSERT_TRUE(builder.OfText(1, "-3", row[1]));
  builder.Build(row);
  const Key a = KeyOfName("a=ATL");
  const Key b = KeyOfName("b=-1");
  const std::vector<Key> wanted = {a, b, CrossKey(a, b)};
  EXPECT_EQ(std::vector<Key>(builder.keys().begin(), builder.keys().end()), wanted);
  EXPECT_TRUE(builder.values().empty());
  EXPECT_NE(CrossKey(a, b), CrossKey(b, a));
}

TEST(FeatureBuilder, TextIntegersAndRealsOfTheSameValueHaveTheSameKey) {
  for (const std::string options : {"", ", width = 7", ", width = 0.5", ", numeric = true"}) {
    FeatureBuilder builder(SchemaFrom("a = { column = \"x\"" + options + " }\n"), false);
    for (const std::int64_t value :
         {0LL, 1LL, -1LL, 6LL, 7LL, -7LL, -8LL, 2047LL, 2048LL, 123'456'789'012LL}) {
      Component text;
      Component integer;
      Component real;
      ASSERT_TRUE(builder.OfText(0, std::to_string(value), text));
      ASSERT_TRUE(builder.OfInteger(0, value, integer));
      ASSERT_TRUE(builder.OfReal(0, static_cast<double>(value), real));
      EXPECT_EQ(text.key, integer.key) << options << value;
      EXPECT_EQ(text.key, real.key) << options << value;
      EXPECT_EQ(text.value, integer.value);
      EXPECT_EQ(text.value, real.value);
      if (value >= 0) {
        Component bits;
        ASSERT_TRUE(builder.OfUnsigned(0, static_cast<std::uint64_t>(value), bits));
        EXPECT_EQ(text.key, bits.key);
      }
    }
  }
}

TEST(FeatureBuilder, BucketsRoundDown) {
  FeatureBuilder builder(SchemaFrom("a = { column = \"x\", width = 100 }\n"), false);
  const std::pair<std::int64_t, const char*> cases[] = {
      {0, "a=0"},     {99, "a=0"},    {100, "a=1"},  {-1, "a=-1"},
      {-100, "a=-1"}, {-101, "a=-2"}, {2176, "a=21"}};
  for (const auto& [value, name] : cases) {
    Component component;
    ASSERT_TRUE(builder.OfInteger(0, value, component));
    EXPECT_EQ(component.key, KeyOfName(name)) << value;
    ASSERT_TRUE(builder.OfReal(0, static_cast<double>(value) + 0.25, component));
    EXPECT_EQ(component.key, KeyOfName(name)) << value;
  }
  Component large;
  ASSERT_TRUE(builder.OfUnsigned(0, 18'446'744'073'709'551'615ULL, large));
  EXPECT_TRUE(large.present);
}

TEST(FeatureBuilder, LargeUnsignedIdsKeepAllTheirDigits) {
  FeatureBuilder builder(SchemaFrom("id = { column = \"x\" }\n"), false);
  Component component;
  ASSERT_TRUE(builder.OfUnsigned(0, 18'446'744'073'709'551'615ULL, component));
  EXPECT_EQ(component.key, KeyOfName("id=18446744073709551615"));
}

TEST(FeatureBuilder, PartsOfTimesAgreeWhateverTheirForm) {
  const std::string features =
      "h = { column = \"t\", part = \"hour\" }\nw = { column = \"t\", part = \"weekday\" }\n"
      "d = { column = \"t\", part = \"month-day\" }\nm = { column = \"t\", part = "
      "\"minute-of-day\", width = 10 }\n"
      "t = { column = \"t\" }\nn = { column = \"t\", part = \"hour\", numeric = true }\n";
  const Schema schema = SchemaFrom(features);
  const std::vector<std::string> names = {"h=19", "w=3", "d=6-13", "m=115", "t=2001-06-13T19:18:00",
                                          "n"};
  FeatureBuilder builder(schema, false);
  const std::int64_t seconds = 992'459'880;
  for (std::size_t i = 0; i < names.size(); ++i) {
    Component time;
    ASSERT_TRUE(builder.OfTime(i, seconds, time));
    EXPECT_EQ(time.key, KeyOfName(names[i])) << names[i];
    if (names[i].starts_with("t=")) continue;  // As text, the whole is the cell itself.
    for (const char* text :
         {"2001-06-13T19:18", "2001-06-13T19:18", "2001-06-13 19:18:00", "992459880"}) {
      Component twin;
      ASSERT_TRUE(builder.OfText(i, text, twin));
      EXPECT_EQ(twin.key, time.key) << names[i] << text;
    }
    Component epoch;
    ASSERT_TRUE(builder.OfInteger(i, seconds, epoch));
    EXPECT_EQ(epoch.key, time.key);
    ASSERT_TRUE(builder.OfReal(i, static_cast<double>(seconds) + 0.5, epoch));
    EXPECT_EQ(epoch.key, time.key);
    EXPECT_EQ(time.value, names[i] == "n" ? 19.0F : 1.0F);
  }
}

TEST(FeatureBuilder, AnEmptyCellGivesNoFeatureAndNoCross) {
  FeatureBuilder builder(SchemaFrom("a = { column = \"x\" }\nn = { column = \"y\", numeric = true "
                                    "}\nb = { column = \"z\" }\n",
                                    "\"a*b\""),
                         true);
  std::vector<Component> row(3);
  ASSERT_TRUE(builder.OfText(0, "", row[0]));
  ASSERT_TRUE(builder.OfReal(1, 2.5, row[1]));
  ASSERT_TRUE(builder.OfReal(2, std::nan(""), row[2]));
  builder.Build(row);
  ASSERT_EQ(builder.keys().size(), 1u);
  EXPECT_EQ(builder.keys()[0], KeyOfName("n"));
  EXPECT_EQ(builder.values()[0], 2.5F);

  ASSERT_TRUE(builder.OfText(2, "q", row[2]));
  ASSERT_TRUE(builder.OfText(1, "", row[1]));
  builder.Build(row);
  ASSERT_EQ(builder.keys().size(), 1u);
  EXPECT_EQ(builder.keys()[0], KeyOfName("b=q"));
  EXPECT_EQ(builder.values()[0], 1.0F);

  ASSERT_TRUE(builder.OfText(0, "p", row[0]));
  ASSERT_TRUE(builder.OfText(1, "-4", row[1]));
  builder.Build(row);
  EXPECT_EQ(std::vector<float>(builder.values().begin(), builder.values().end()),
            (std::vector<float>{1, -4, 1, 1}));
}

TEST(FeatureBuilder, NamesAreGivenOnceAndReadable) {
  FeatureBuilder builder(
      SchemaFrom(
          "hour = { column = \"t\", part = \"hour\" }\norigin = { column = \"o\" }\n"
          "dest = { column = \"d\", alone = false }\nmiles = { column = \"m\", numeric = true }\n",
          "\"origin*dest\", \"hour*origin*dest\""),
      true);
  std::vector<Component> row(4);
  std::map<std::string, int> times;
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(builder.OfText(0, "2001-01-01 07:30", row[0]));
    ASSERT_TRUE(builder.OfText(1, "ATL", row[1]));
    ASSERT_TRUE(builder.OfText(2, i < 3 ? "PHL" : "SAV", row[2]));
    ASSERT_TRUE(builder.OfText(3, "100", row[3]));
    builder.Build(row);
    for (const auto& [key, name] : builder.TakeNames()) {
      ++times[name];
      if (name.find('*') == std::string::npos) {
        EXPECT_EQ(key, KeyOfName(name));
      }
    }
  }
  const std::map<std::string, int> wanted = {{"hour=7", 1},
                                             {"origin=ATL", 1},
                                             {"miles", 1},
                                             {"origin*dest=ATL,PHL", 1},
                                             {"origin*dest=ATL,SAV", 1},
                                             {"hour*origin*dest=7,ATL,PHL", 1},
                                             {"hour*origin*dest=7,ATL,SAV", 1}};
  EXPECT_EQ(times, wanted);
}

TEST(FeatureBuilder, ManyNamesAreEachGivenOnce) {
  FeatureBuilder builder(SchemaFrom("a = { column = \"x\" }\n"), true);
  std::vector<Component> row(1);
  std::size_t names = 0;
  for (int i = 0; i < 20'000; ++i) {
    ASSERT_TRUE(builder.OfInteger(0, i % 7'000, row[0]));
    builder.Build(row);
    names += builder.TakeNames().size();
  }
  EXPECT_EQ(names, 7'000u);
}

TEST(FeatureBuilder, RefusesCellsThatDoNotFit) {
  FeatureBuilder builder(
      SchemaFrom("h = { column = \"t\", part = \"hour\" }\nm = { column = \"x\", width = 10 }\n"
                 "n = { column = \"x\", numeric = true }\nf = { column = \"x\", width = 0.001 }\n"),
      false);
  Component component;
  EXPECT_FALSE(builder.OfText(0, "noon", component));
  EXPECT_NE(builder.error().find("column 't': 'noon' is no time"), std::string::npos)
      << builder.error();
  EXPECT_FALSE(builder.OfInteger(0, INT64_MAX, component));
  EXPECT_FALSE(builder.OfText(0, "9223372036854775807", component));
  EXPECT_FALSE(builder.OfReal(0, 1e300, component));
  EXPECT_FALSE(builder.OfText(1, "ten", component));
  EXPECT_NE(builder.error().find("column 'x': 'ten' is no number"), std::string::npos)
      << builder.error();
  EXPECT_FALSE(builder.OfText(1, "inf", component));
  EXPECT_FALSE(builder.OfText(2, "nan", component));
  EXPECT_FALSE(builder.OfReal(2, 1e39, component));
  EXPECT_FALSE(builder.OfReal(3, 1e300, component));
}

}  // namespace
}  // namespace steelyard::data
