// Goal: VW text gives the names, values, labels and weights that it says, and bad rows are refused by name. Method: rows
// by hand, a naive parser as the oracle on random rows.
#include "data/vw.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <sstream>

#include "base/hash.h"

namespace steelyard::data {
namespace {

struct Parsed {
  bool ok = false;
  RowBlock block;
  std::string error;
  std::vector<std::pair<Key, std::string>> names;
};

Parsed ParseLine(const std::string& line, bool labels_optional = false) {
  VwParser parser(LabelMap(LabelKind::kBinary, std::nullopt), labels_optional, true);
  const std::string text = line + std::string(64, '\n');
  Parsed parsed;
  parsed.ok = parser.Parse({text.data(), text.data() + line.size()}, 5, parsed.block);
  parsed.error = parser.error();
  parsed.names = parser.TakeNames();
  return parsed;
}

std::vector<Key> KeysOf(const std::vector<std::string>& names) {
  std::vector<Key> keys;
  for (const std::string& name : names) keys.push_back(KeyOfName(name));
  return keys;
}

TEST(Vw, ReadsNamespacesNamesAndValues) {
  const Parsed parsed =
      ParseLine("1 |user age:0.5 from=NY  |ad:2 id_7 size:3 | plain |x\tlast:-1e-2\r");
  ASSERT_TRUE(parsed.ok) << parsed.error;
  EXPECT_EQ(parsed.block.labels, std::vector<float>{1});
  EXPECT_EQ(parsed.block.rows, std::vector<std::uint64_t>{5});
  const std::vector<std::string> names = {"user=age", "user=from=NY", "ad=id_7",
                                          "ad=size",  "plain",        "x=last"};
  EXPECT_EQ(parsed.block.keys, KeysOf(names));
  EXPECT_EQ(parsed.block.values, (std::vector<float>{0.5, 1, 2, 6, 1, -1e-2F}));
  ASSERT_EQ(parsed.names.size(), names.size());
  for (std::size_t i = 0; i < names.size(); ++i) EXPECT_EQ(parsed.names[i].second, names[i]);
}

TEST(Vw, KeepsNoValuesWhenAllAreOne) {
  EXPECT_TRUE(ParseLine("0 |f a b:1 |g:1.0 c").block.values.empty());
}

TEST(Vw, ARowMayHaveNoFeatures) {
  const Parsed parsed = ParseLine("-1 |");
  ASSERT_TRUE(parsed.ok) << parsed.error;
  EXPECT_EQ(parsed.block.labels, std::vector<float>{0});
  EXPECT_EQ(parsed.block.offsets, (std::vector<std::uint32_t>{0, 0}));
}

TEST(Vw, ABarEndsAWord) {
  EXPECT_EQ(ParseLine("1 |a x|b y:2|c z").block.keys, KeysOf({"a=x", "b=y", "c=z"}));
}

TEST(Vw, ImportanceIsTheWeight) {
  EXPECT_EQ(ParseLine("1 0.25 |f a").block.weights, std::vector<float>{0.25});
  EXPECT_EQ(ParseLine("1 2 0 |f a").block.weights, std::vector<float>{2});
  EXPECT_EQ(ParseLine("1 0.25 tag|f a").block.weights, std::vector<float>{0.25});
}

TEST(Vw, TagsArePassedOver) {
  EXPECT_TRUE(ParseLine("1 tag|f a").ok);
  EXPECT_TRUE(ParseLine("1 'tag |f a").ok);
  EXPECT_EQ(ParseLine("-1 0.5 'the_tag|f a").block.weights, std::vector<float>{0.5});
}

TEST(Vw, LabelsMayBeMissingWhereNobodyAsks) {
  for (const char* line : {"|f a", "'tag |f a", "tag|f a", " |f a"}) {
    const Parsed parsed = ParseLine(line, true);
    ASSERT_TRUE(parsed.ok) << line << ": " << parsed.error;
    EXPECT_TRUE(std::isnan(parsed.block.labels[0])) << line;
    EXPECT_FALSE(ParseLine(line).ok) << line;
  }
}

TEST(Vw, RefusalsSayWhatWasFound) {
  const auto error = [](const std::string& line) {
    const Parsed parsed = ParseLine(line);
    EXPECT_FALSE(parsed.ok) << line;
    EXPECT_TRUE(parsed.block.empty() && parsed.block.keys.empty());
    return parsed.error;
  };
  EXPECT_EQ(error("1 a b"), "expected a | before the features, found none");
  EXPECT_NE(error("x |f a").find("expected a label, found 'x'"), std::string::npos);
  EXPECT_NE(error("2 |f a").find("neither 0/1 nor -1/+1"), std::string::npos);
  EXPECT_NE(error("1|f a").find("'1' touches the |"), std::string::npos);
  EXPECT_EQ(error("|f a"), "no label stands before the first |");
  EXPECT_NE(error("1 -2 |f a").find("importance of at least 0, found '-2'"), std::string::npos);
  EXPECT_NE(error("1 1 0.5 |f a").find("initial prediction, here '0.5'"), std::string::npos);
  EXPECT_NE(error("1 1 0 7 'tag |f a").find("before the first |"), std::string::npos);
  EXPECT_NE(error("1 |f :0.5").find("name:value, found ':0.5'"), std::string::npos);
  EXPECT_NE(error("1 |f a:x").find("found 'a:x'"), std::string::npos);
  EXPECT_NE(error("1 |f a :2 b").find("name:value, found ':2'"), std::string::npos);
  EXPECT_NE(error("1 |f a:0.5 b: c").find("found 'b:'"), std::string::npos);
  EXPECT_NE(error("1 |f a:0.5 b::2").find("found 'b::2'"), std::string::npos);
  EXPECT_NE(error("1 |f:2:3 a").find("found '|f:2:3'"), std::string::npos);
  EXPECT_NE(error("1 |f a:1 |: b").find("found '|:'"), std::string::npos);
  // The first fault counts, whichever is seen first.
  EXPECT_NE(error("1 |f a:x b:1:2").find("found 'a:x'"), std::string::npos);
  EXPECT_NE(error("1 |f a:1:2").find("found 'a:1:2'"), std::string::npos);
  EXPECT_NE(error("1 |f a:inf").find("finite"), std::string::npos);
  EXPECT_NE(error("1 |f a:nan").find("finite"), std::string::npos);
  EXPECT_NE(error("1 |f:x a").find("|namespace:weight, found '|f:x'"), std::string::npos);
  EXPECT_NE(error("1 |f:1e30 a:1e30").find("finite"), std::string::npos);
}

TEST(Vw, RandomRowsAgainstANaiveParser) {
  std::mt19937 draw(7);
  for (int round = 0; round < 3000; ++round) {
    std::string line = draw() % 2 == 0 ? "1" : "-1";
    double weight = 1;
    if (draw() % 3 == 0) {
      weight = static_cast<double>(draw() % 100) / 8;
      line += " " + std::to_string(weight);
    }
    if (draw() % 3 == 0) line += " 'tag" + std::to_string(draw() % 10);
    line += ' ';
    std::vector<std::string> names;
    std::vector<float> values;
    const auto spaces = draw() % 4 + 1;
    for (std::size_t s = 0; s < spaces; ++s) {
      const bool named = draw() % 4 != 0;
      const std::string space = named ? "n" + std::to_string(draw() % 20) : "";
      line += "|" + space;
      double scale = 1;
      if (named && draw() % 4 == 0) {
        scale = 0.5 * static_cast<double>(draw() % 9);
        line += ":" + std::to_string(scale);
      }
      const auto count = draw() % 6;
      for (std::size_t f = 0; f < count; ++f) {
        const std::string name = "feature" + std::to_string(draw() % 1000);
        double value = 1;
        line += std::string(draw() % 3 + 1, draw() % 2 == 0 ? ' ' : '\t') + name;
        if (draw() % 2 == 0) {
          value = (static_cast<double>(draw() % 2000) - 1000) / 16;
          line += ":" + std::to_string(value);
        }
        names.push_back(named ? space + "=" + name : name);
        values.push_back(static_cast<float>(value * scale));
      }
      line += std::string(draw() % 2, ' ');
    }
    const Parsed parsed = ParseLine(line);
    ASSERT_TRUE(parsed.ok) << line << "\n" << parsed.error;
    EXPECT_EQ(parsed.block.keys, KeysOf(names)) << line;
    EXPECT_EQ(parsed.block.Weight(0), static_cast<float>(weight));
    for (std::size_t i = 0; i < values.size(); ++i) {
      EXPECT_EQ(parsed.block.Value(i), values[i]) << line;
    }
  }
}

TEST(Vw, LooksLikeVw) {
  for (const char* line :
       {"1 |f a b:2", "|f a", "-1 0.5 'tag|f a", "1 tag| a", "0 | 1:2", "'t |x y"}) {
    EXPECT_TRUE(LooksLikeVw(line)) << line;
  }
  for (const char* line :
       {"1 1:1", "a|b|c", "5.1|3.5|1.4", "x |f a", "1 2 3 4 5|f", "id,a|b", "1\nx|f a"}) {
    EXPECT_FALSE(LooksLikeVw(line)) << line;
  }
}

}  // namespace
}  // namespace steelyard::data
