// Goal: libsvm rows are read exactly and bad ones are refused by name. Method: a naive parser as the oracle on random
// rows, one refusal a kind.
#include "data/libsvm.h"

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
};

Parsed ParseLine(const std::string& line, LabelKind kind = LabelKind::kBinary,
                 const std::string& rule = "", bool labels_optional = false) {
  std::optional<LabelRule> label_rule;
  if (!rule.empty()) label_rule = LabelRule::Parse(rule).value();
  LibsvmParser parser(LabelMap(kind, label_rule), labels_optional);
  const std::string text = line + std::string(64, '\n');
  Parsed parsed;
  parsed.ok = parser.Parse({text.data(), text.data() + line.size()}, 5, parsed.block);
  parsed.error = parser.error();
  return parsed;
}

TEST(Libsvm, ReadsLabelsIdsAndValues) {
  const Parsed parsed = ParseLine("+1 3:1 7:0.5  9 18446744073709551615:-2e-3\t0 # note 4:1\r");
  ASSERT_TRUE(parsed.ok) << parsed.error;
  EXPECT_EQ(parsed.block.rows, std::vector<std::uint64_t>{5});
  EXPECT_EQ(parsed.block.labels, std::vector<float>{1});
  const std::vector<Key> keys = {KeyOfId(3), KeyOfId(7), KeyOfId(9), KeyOfId(~0ULL), KeyOfId(0)};
  EXPECT_EQ(parsed.block.keys, keys);
  EXPECT_EQ(parsed.block.values, (std::vector<float>{1, 0.5, 1, -2e-3F, 1}));
  EXPECT_TRUE(parsed.block.weights.empty());
}

TEST(Libsvm, KeepsNoValuesWhenAllAreOne) {
  const Parsed parsed = ParseLine("0 1:1 2:1.0 3");
  ASSERT_TRUE(parsed.ok);
  EXPECT_TRUE(parsed.block.values.empty());
  EXPECT_EQ(parsed.block.keys.size(), 3u);
}

TEST(Libsvm, ARowMayHaveNoFeaturesOrTheSameTwice) {
  EXPECT_EQ(ParseLine("1").block.offsets, (std::vector<std::uint32_t>{0, 0}));
  const Parsed twice = ParseLine("-1 4:1 4:1");
  EXPECT_EQ(twice.block.keys, (std::vector<Key>{KeyOfId(4), KeyOfId(4)}));
  EXPECT_EQ(twice.block.labels[0], 0.0F);
}

TEST(Libsvm, LabelsFollowTheirKindAndRule) {
  EXPECT_EQ(ParseLine("1.0 1").block.labels[0], 1.0F);
  EXPECT_EQ(ParseLine("-1.0 1").block.labels[0], 0.0F);
  EXPECT_EQ(ParseLine("3.5 1", LabelKind::kReal).block.labels[0], 3.5F);
  EXPECT_EQ(ParseLine("-1 1", LabelKind::kReal).block.labels[0], -1.0F);
  EXPECT_EQ(ParseLine("+1 1", LabelKind::kBinary, "> 1").block.labels[0], 0.0F);
  EXPECT_EQ(ParseLine("16 1", LabelKind::kBinary, "> 15").block.labels[0], 1.0F);
  EXPECT_EQ(ParseLine("15 1", LabelKind::kBinary, "> 15").block.labels[0], 0.0F);
  EXPECT_EQ(ParseLine("15 1", LabelKind::kBinary, ">=15").block.labels[0], 1.0F);
  EXPECT_EQ(ParseLine("2 1", LabelKind::kBinary, "== 2").block.labels[0], 1.0F);
  EXPECT_EQ(ParseLine("2 1", LabelKind::kBinary, "!= 2").block.labels[0], 0.0F);
  EXPECT_EQ(ParseLine("2 1", LabelKind::kBinary, "< 3").block.labels[0], 1.0F);
  EXPECT_EQ(ParseLine("4 1", LabelKind::kBinary, " <= 3 ").block.labels[0], 0.0F);
}

TEST(Libsvm, WeightsFollowTheLabel) {
  const Parsed parsed = ParseLine("-1:2.5 1:1");
  ASSERT_TRUE(parsed.ok) << parsed.error;
  EXPECT_EQ(parsed.block.weights, std::vector<float>{2.5});
  EXPECT_EQ(parsed.block.labels[0], 0.0F);
  EXPECT_TRUE(ParseLine("1:1 1:1").block.weights.empty());
  for (const char* bad : {"1:-1 2:1", "1:nan 2:1", "1: 2:1", "1:x 2:1", "1:inf 2", "1:1e39 2"}) {
    EXPECT_FALSE(ParseLine(bad).ok) << bad;
  }
}

TEST(Libsvm, LabelsMayBeMissingOnlyWhenOptional) {
  EXPECT_FALSE(ParseLine("?").ok);
  for (const char* line : {"3:1 7:1", "? 3:1 7:1", " 3:1 7"}) {
    const Parsed parsed = ParseLine(line, LabelKind::kBinary, "", true);
    ASSERT_TRUE(parsed.ok) << line << parsed.error;
    EXPECT_TRUE(std::isnan(parsed.block.labels[0])) << line;
    EXPECT_EQ(parsed.block.keys, (std::vector<Key>{KeyOfId(3), KeyOfId(7)})) << line;
  }
  EXPECT_EQ(ParseLine("+1:0.5 3:1", LabelKind::kBinary, "", true).block.labels[0], 1.0F);
  EXPECT_EQ(ParseLine("0 3:1", LabelKind::kBinary, "", true).block.labels[0], 0.0F);
}

TEST(Libsvm, RefusesBadRowsAndQuotesTheToken) {
  const std::pair<const char*, const char*> cases[] = {
      {"7 1:1", "label '7' is neither 0/1 nor -1/+1"},
      {"one 1:1", "expected a label, found 'one'"},
      {"nan 1:1", "label 'nan'"},
      {"1 18446744073709551616:1", "'18446744073709551616:1' is larger than 2^64 - 1"},
      {"1 -3:1", "found '-3:1'"},
      {"1 a:1", "found 'a:1'"},
      {"1 3:", "found '3:'"},
      {"1 3:x", "found '3:x'"},
      {"1 3:1:1", "found '3:1:1'"},
      {"1 3:nan", "finite"},
      {"1 3:inf", "finite"},
      {"1 3:1e39", "finite"},
      {"1 3;1", "found '3;1'"},
      {"1 qid:3 1:1", "found 'qid:3'"},
  };
  for (const auto& [line, message] : cases) {
    const Parsed parsed = ParseLine(line);
    EXPECT_FALSE(parsed.ok) << line;
    EXPECT_NE(parsed.error.find(message), std::string::npos) << line << " -> " << parsed.error;
    EXPECT_TRUE(parsed.block.empty() && parsed.block.keys.empty()) << line;
  }
  const std::string length(100, 'x');
  EXPECT_LT(ParseLine("1 " + length).error.size(), 90u);
  EXPECT_NE(ParseLine(std::string("1 \0:1", 5)).error.find("'\\x00:1'"), std::string::npos);
}

TEST(Libsvm, BlocksGainColumnsWhenARowNeedsThem) {
  LibsvmParser parser(LabelMap(LabelKind::kBinary, {}), false);
  RowBlock block;
  for (const std::string line : {"1 1:1 2:1", "0:3 5:2", "1 6:1"}) {
    const std::string text = line + std::string(64, '\n');
    ASSERT_TRUE(parser.Parse({text.data(), text.data() + line.size()}, block.size(), block));
  }
  EXPECT_EQ(block.values, (std::vector<float>{1, 1, 2, 1}));
  EXPECT_EQ(block.weights, (std::vector<float>{1, 3, 1}));
  EXPECT_EQ(block.offsets, (std::vector<std::uint32_t>{0, 2, 3, 4}));
}

TEST(Libsvm, MatchesANaiveParserOnRandomRows) {
  std::mt19937_64 random(20141006);
  for (int i = 0; i < 3000; ++i) {
    std::ostringstream line;
    line << (random() % 2 ? "+1" : "-1");
    const int count = static_cast<int>(random() % 30);
    for (int f = 0; f < count; ++f) {
      line << std::string(1 + random() % 2, random() % 5 ? ' ' : '\t')
           << (random() >> (random() % 64));
      if (random() % 4 == 0) line << ":" << (static_cast<double>(random() % 2000) - 1000) / 8;
      if (random() % 8 == 0) line << " " << random() % 9 << ":1";
    }
    const Parsed parsed = ParseLine(line.str());
    ASSERT_TRUE(parsed.ok) << line.str() << parsed.error;

    std::istringstream words(line.str());
    std::string word;
    words >> word;
    ASSERT_EQ(parsed.block.labels[0], word == "+1" ? 1.0F : 0.0F);
    std::size_t at = 0;
    for (; words >> word; ++at) {
      const std::size_t colon = word.find(':');
      ASSERT_LT(at, parsed.block.keys.size());
      ASSERT_EQ(IdOfKey(parsed.block.keys[at]), std::stoull(word.substr(0, colon)));
      const float value = colon == std::string::npos ? 1.0F : std::stof(word.substr(colon + 1));
      ASSERT_EQ(parsed.block.Value(at), value);
    }
    ASSERT_EQ(at, parsed.block.keys.size());
  }
}

/// A token as files have it, or one that is nearly right.
std::string RandomToken(std::mt19937_64& random, bool fields) {
  const char* const kValues[] = {"1",
                                 "1",
                                 "1",
                                 "0.25",
                                 "-0",
                                 "5.",
                                 ".5",
                                 "1e-05",
                                 "-2.5E3",
                                 "12345678.9",
                                 "0.123456789012",
                                 "1.0",
                                 "99999999.99999999",
                                 "+3",
                                 "123456789"};
  const char* const kOdd[] = {"7",       "7:",  ":1",     "7:x", "7:1:", "7;1",
                              "7:1.2.3", "7:-", "7:1e39", "x:1", "7:nan"};
  if (random() % 400 == 0) return kOdd[random() % std::size(kOdd)];
  std::string token;
  if (fields) token = std::to_string(random() % 40) + ':';
  token += std::to_string(random() >> (random() % 16 == 0 ? random() % 64 : 40 + random() % 24));
  return token + ':' + kValues[random() % (random() % 3 == 0 ? std::size(kValues) : 3)];
}

/// Rows that the fast reader takes whole, in pieces, or not at all, beside the same rows with a tab in front of the first
/// feature, which only the careful one takes.
TEST(Libsvm, FastAndCarefulReadersAgree) {
  std::mt19937_64 random(20261122);
  for (int i = 0; i < 20'000; ++i) {
    const bool fields = i % 2 == 1;
    std::string features;
    const std::size_t count = i % 50 == 0 ? 100 + random() % 900 : random() % 60;
    for (std::size_t f = 0; f < count; ++f) {
      features += std::string(random() % 500 == 0 ? 2 : 1, ' ') + RandomToken(random, fields);
    }
    features +=
        std::string(random() % 8 == 0 ? 1 + random() % 2 : 0, random() % 2 == 0 ? ' ' : '\r');
    Parsed parsed[2];
    for (const bool careful : {false, true}) {
      LibsvmParser parser(LabelMap(LabelKind::kBinary, {}), false, fields);
      const std::string line = (careful ? "1\t" : "1") + features;
      const std::string text = line + '\n' + std::string(64, "0:1 \n"[random() % 5]);
      Parsed& one = parsed[careful ? 1 : 0];
      one.ok = parser.Parse({text.data(), text.data() + line.size()}, 5, one.block);
      one.error = parser.error();
    }
    ASSERT_EQ(parsed[0].ok, parsed[1].ok) << features << parsed[0].error << parsed[1].error;
    ASSERT_EQ(parsed[0].error, parsed[1].error) << features;
    ASSERT_EQ(parsed[0].block.keys, parsed[1].block.keys) << features;
    ASSERT_EQ(parsed[0].block.values, parsed[1].block.values) << features;
  }
}

}  // namespace
}  // namespace steelyard::data
