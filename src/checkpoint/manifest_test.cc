// Goal: a manifest comes back as written; every wrong field is refused by name. Method: round trips; texts that are
// edited and given a valid checksum again.
#include "checkpoint/manifest.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <limits>
#include <span>

#include "base/hash.h"

namespace steelyard::checkpoint {
namespace {

constexpr std::size_t kDigitsAt = 22;  // The checksum's digits, after the fixed opening.

ModelManifest Sample() {
  return {.created_by = "steelyard 0.1.0",
          .task = "logistic",
          .solver = "ftrl",
          .key_kind = KeyKind::kNames,
          .data_format = "csv",
          .schema_text = "[label]\ncolumn = \"d\u00e9lai\"\n",
          .nonzeros = 12,
          .parameters = {{"alpha", "0.1"}, {"holdout", "last:10%"}},
          .metrics = {{"valid.auc", 0.76527}, {"valid.log_loss", 0.452109}},
          .tables = {{.name = "w",
                      .width = 1,
                      .row_floats = 2,
                      .updater = {.name = "ftrl", .alpha = 0.1F, .l1 = 1.0F},
                      .rows = 40,
                      .file = {.name = "table-w.rows", .bytes = 900, .hash = ~std::uint64_t{0}}}},
          .names = ManifestFile{.name = "names.bin", .bytes = 80, .hash = 0xabc}};
}

// Replace `from` in the text and make its checksum right again.
std::string Edited(std::string text, const std::string& from, const std::string& to) {
  const std::size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  text.replace(at, from.size(), to);
  text.replace(kDigitsAt, 16, 16, '0');
  const auto hash = HashBytes(std::as_bytes(std::span<const char>(text)));
  text.replace(kDigitsAt, 16, fmt::format("{:016x}", hash));
  return text;
}

TEST(Manifest, ComesBackAsWritten) {
  const auto text = EncodeManifest(Sample());
  ASSERT_TRUE(text.ok()) << text.status().ToString();
  EXPECT_TRUE(LooksLikeManifest(text.value()));
  EXPECT_NE(text.value().find("\"alpha\": 0.1,"), std::string::npos);
  const auto manifest = DecodeManifest(text.value(), "m");
  ASSERT_TRUE(manifest.ok()) << manifest.status().ToString();
  EXPECT_EQ(manifest.value(), Sample());
  EXPECT_TRUE(DecodeManifest(Edited(text.value(), "0.1.0", "0.1.0"), "m").ok());

  ModelManifest with_intercept = Sample();
  with_intercept.tables[0].updater.intercept = true;
  const auto flagged = EncodeManifest(with_intercept);
  ASSERT_TRUE(flagged.ok());
  EXPECT_EQ(DecodeManifest(flagged.value(), "m").value(), with_intercept);
  EXPECT_EQ(text.value().find("\"intercept\""), std::string::npos) << "as before without one";
  EXPECT_FALSE(
      DecodeManifest(Edited(flagged.value(), "\"intercept\": true", "\"intercept\": 1"), "m").ok());

  ModelManifest plain = Sample();
  plain.names.reset();
  plain.tables.clear();
  plain.nonzeros = 0;
  plain.schema_text.clear();
  const auto again = DecodeManifest(EncodeManifest(plain).value(), "m");
  ASSERT_TRUE(again.ok()) << again.status().ToString();
  EXPECT_EQ(again.value(), plain);
}

TEST(Manifest, LeavesOutMetricsThatAreNotFinite) {
  ModelManifest manifest = Sample();
  manifest.metrics["valid.auc"] = std::numeric_limits<double>::quiet_NaN();
  const auto copy = DecodeManifest(EncodeManifest(manifest).value(), "m");
  ASSERT_TRUE(copy.ok());
  EXPECT_FALSE(copy.value().metrics.contains("valid.auc"));
  EXPECT_EQ(copy.value().metrics.size(), 1u);
}

TEST(Manifest, RefusesToWriteWhatItWouldNotRead) {
  const auto refused = [](auto&& change) {
    ModelManifest manifest = Sample();
    change(manifest);
    const auto text = EncodeManifest(manifest);
    return !text.ok() && text.status().code() == StatusCode::kInvalidArgument;
  };
  EXPECT_FALSE(refused([](ModelManifest&) {}));
  EXPECT_TRUE(refused([](ModelManifest& m) { m.schema_text = "caf\xe9"; }));
  EXPECT_TRUE(refused([](ModelManifest& m) { m.tables[0].file.name = "../../etc/passwd"; }));
  EXPECT_TRUE(refused([](ModelManifest& m) { m.tables.push_back(m.tables[0]); }));
  EXPECT_TRUE(refused([](ModelManifest& m) { m.nonzeros = 41; }));
  EXPECT_TRUE(refused([](ModelManifest& m) { m.task = std::string(300, 'x'); }));
}

TEST(Manifest, RefusesEveryWrongFieldByName) {
  const std::string text = EncodeManifest(Sample()).value();
  const struct {
    const char* from;
    const char* to;
    const char* named;
  } edits[] = {
      {"\"task\"", "\"tusk\"", "task"},
      {"\"task\": \"logistic\"", "\"task\": 3", "task"},
      {"\"nonzeros\": 12", "\"nonzeros\": -12", "nonzeros"},
      {"\"nonzeros\": 12", "\"nonzeros\": 1.5", "nonzeros"},
      {"\"nonzeros\": 12", "\"nonzeros\": 99999999999999999999", "nonzeros"},
      {"\"key_kind\": \"names\"", "\"key_kind\": \"other\"", "key_kind"},
      {"\"valid.auc\": 0.76527", "\"valid.auc\": \"high\"", "metrics.valid.auc"},
      {"\"row_floats\": 2", "\"row_floats\": 4000000000", "tables[0].row_floats"},
      {"\"l2\": 0.0", "\"l2\": 1e99", "tables[0].updater.l2"},
      {"\"xxh3\": \"ffffffffffffffff\"", "\"xxh3\": \"fffffffffffffffg\"", "tables[0].file.xxh3"},
      {"table-w.rows", "../table-w.rows", "tables"},
      {"names.bin", "names.bad", "names"},
      {"\"schema\": \"[label]", "\"schema\": \"[lable]", "schema_hash"},
      {"\"solver\"", "\"extra\": 1,\n  \"solver\"", "extra"},
      {"\"tables\": [", "\"tables\": [7,", "tables[0]"},
  };
  for (const auto& edit : edits) {
    const auto manifest = DecodeManifest(Edited(text, edit.from, edit.to), "DIR/manifest.json");
    ASSERT_FALSE(manifest.ok()) << edit.to;
    EXPECT_EQ(manifest.status().code(), StatusCode::kCorruption) << edit.to;
    EXPECT_NE(manifest.status().message().find(edit.named), std::string::npos)
        << edit.to << ": " << manifest.status().message();
    EXPECT_EQ(manifest.status().where(), "DIR/manifest.json");
  }
}

TEST(Manifest, RefusesAnotherVersionAndNamesBoth) {
  const std::string text = EncodeManifest(Sample()).value();
  const auto manifest =
      DecodeManifest(Edited(text, "\"format_version\": 1", "\"format_version\": 9"), "m");
  ASSERT_FALSE(manifest.ok());
  EXPECT_EQ(manifest.status().code(), StatusCode::kBadData);
  EXPECT_NE(manifest.status().message().find("version 9, this program reads version 1"),
            std::string::npos);
}

TEST(Manifest, RefusesTextThatIsNoManifest) {
  for (const std::string text : {"", "{}", "{\n  \"checksum\": \"xxh3-", "null"}) {
    const auto manifest = DecodeManifest(text, "m");
    ASSERT_FALSE(manifest.ok());
    EXPECT_EQ(manifest.status().code(), StatusCode::kCorruption);
  }
  const std::string text = EncodeManifest(Sample()).value();
  EXPECT_FALSE(DecodeManifest(Edited(text, "steelyard-model", "another-model"), "m").ok());
  EXPECT_FALSE(DecodeManifest(Edited(text, "\"format\"", "\"format"), "m").ok());
}

}  // namespace
}  // namespace steelyard::checkpoint
