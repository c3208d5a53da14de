// Goal: a schema means what cli.md says, and each mistake is named with its line. Method: the shipped example, one
// refusal a kind.
#include "data/schema.h"

#include <gtest/gtest.h>

#include <string>

namespace steelyard::data {
namespace {

constexpr const char* kSmall = R"(
[label]
column = "delay"
positive = "> 15"
[weight]
column = "w"
[order]
by = "date"
[features]
zone  = { column = "z" }
hour  = { column = "date", part = "hour", width = 3, alone = false }
miles = { column = "distance", width = 100 }
score = { column = "s", numeric = true }
[crosses]
use = ["zone*hour", "miles * zone*hour"]
)";

TEST(Schema, ReadsEveryTableInTheFilesOrder) {
  const Result<Schema> result = ParseSchema(kSmall, "s.toml");
  ASSERT_TRUE(result.ok()) << result.status().ToString();
  const Schema& schema = result.value();
  EXPECT_EQ(schema.label.column, "delay");
  EXPECT_EQ(schema.label.line, 3);
  EXPECT_EQ(schema.positive, "> 15");
  EXPECT_EQ(schema.weight.column, "w");
  EXPECT_EQ(schema.order.column, "date");
  ASSERT_EQ(schema.features.size(), 4u);
  EXPECT_EQ(schema.features[0].name, "zone");
  EXPECT_TRUE(schema.features[0].alone);
  EXPECT_EQ(schema.features[1].part, Part::kHour);
  EXPECT_EQ(schema.features[1].width, 3);
  EXPECT_FALSE(schema.features[1].alone);
  EXPECT_EQ(schema.features[1].column.line, 11);
  EXPECT_TRUE(schema.features[3].numeric);
  ASSERT_EQ(schema.crosses.size(), 2u);
  EXPECT_EQ(schema.crosses[1].name, "miles*zone*hour");
  EXPECT_EQ(schema.crosses[1].features, (std::vector<std::uint32_t>{2, 0, 1}));
}

struct Mistake {
  const char* text;
  const char* where;
  const char* message;
};

TEST(Schema, NamesTheMistakeAndItsLine) {
  const Mistake mistakes[] = {
      {"[label\n", "s.toml:1", "not TOML"},
      {"", "s.toml", "[features] is missing or empty"},
      {"[features]\n", "s.toml", "[features] is missing or empty"},
      {"[lable]\ncolumn = \"x\"\n", "s.toml:1", "unknown table 'lable'; did you mean 'label'?"},
      {"label = 3\n", "s.toml:1", "'label' must be a table"},
      {"[label]\nkolumn = \"x\"\n", "s.toml:2", "did you mean 'column'?"},
      {"[label]\n", "s.toml:1", "[label] needs column"},
      {"[label]\ncolumn = 3\n", "s.toml:2", "'column' must be text"},
      {"[label]\ncolumn = \"\"\n", "s.toml:2", "names no column"},
      {"[label]\ncolumn = \"y\"\npositive = \"15\"\n", "s.toml:3", "no label rule"},
      {"[label]\ncolumn = \"y\"\npositive = true\n", "s.toml:3", "'positive' must be text"},
      {"[order]\nby = [1]\n", "s.toml:2", "'by' must be text"},
      {"[features]\na = 3\n", "s.toml:2", "feature 'a' must be a table"},
      {"[features]\na = {}\n", "s.toml:2", "feature 'a' needs column"},
      {"[features]\n\"a*b\" = { column = \"x\" }\n", "s.toml:2", "may not be empty or hold"},
      {"[features]\na = { column = \"x\", part = \"houre\" }\n", "s.toml:2",
       "unknown part 'houre'; did you mean 'hour'?"},
      {"[features]\na = { column = \"x\", part = \"decade\" }\n", "s.toml:2",
       "parts of a time are hour, weekday"},
      {"[features]\na = { column = \"x\", widht = 3 }\n", "s.toml:2", "did you mean 'width'?"},
      {"[features]\na = { column = \"x\", width = 0 }\n", "s.toml:2", "above 0"},
      {"[features]\na = { column = \"x\", width = \"3\" }\n", "s.toml:2", "above 0"},
      {"[features]\na = { column = \"x\", width = nan }\n", "s.toml:2", "above 0"},
      {"[features]\na = { column = \"x\", width = 2, part = \"month-day\" }\n", "s.toml:2",
       "month-day has no width"},
      {"[features]\na = { column = \"x\", alone = 1 }\n", "s.toml:2",
       "'alone' must be true or false"},
      {"[features]\na = { column = \"x\", numeric = true, width = 2 }\n", "s.toml:2",
       "numeric feature 'a'"},
      {"[features]\na = { column = \"x\" }\n[crosses]\nuse = 3\n", "s.toml:3", "needs use ="},
      {"[features]\na = { column = \"x\" }\n[crosses]\nuse = [3]\n", "s.toml:4", "must be text"},
      {"[features]\na = { column = \"x\" }\n[crosses]\nuse = [\"a\"]\n", "s.toml:4",
       "at least two"},
      {"[features]\na = { column = \"x\" }\n[crosses]\nuse = [\"a*a\"]\n", "s.toml:4",
       "uses 'a' twice"},
      {"[features]\na = { column = \"x\" }\n[crosses]\nuse = [\"a*\"]\n", "s.toml:4",
       "unknown feature ''"},
      {"[features]\norigin = { column = \"x\" }\n[crosses]\nuse = [\"orgin*origin\"]\n", "s.toml:4",
       "unknown feature 'orgin'; did you mean 'origin'?"},
      {"[features]\na = { column = \"x\" }\nb = { column = \"x\" }\n[crosses]\nuse = [\"a*b\", "
       "\"a*b\"]\n",
       "s.toml:5", "listed twice"},
      {"[features]\na = { column = \"x\" }\nn = { column = \"x\", numeric = true }\n[crosses]\nuse "
       "= [\"a*n\"]\n",
       "s.toml:5", "uses the numeric feature 'n'"},
  };
  for (const Mistake& mistake : mistakes) {
    const Result<Schema> result = ParseSchema(mistake.text, "s.toml");
    ASSERT_FALSE(result.ok()) << mistake.text;
    EXPECT_EQ(result.status().code(), StatusCode::kBadData) << mistake.text;
    EXPECT_EQ(result.status().where(), mistake.where) << mistake.text;
    EXPECT_NE(result.status().message().find(mistake.message), std::string::npos)
        << mistake.text << " -> " << result.status().message();
  }
}

TEST(Schema, FindsColumnsOrTheirNearMisses) {
  const std::vector<std::string> columns = {"date", "origin", "delay", "twice", "twice"};
  EXPECT_EQ(FindColumn({"origin", 4}, columns, "s.toml", "f.csv").value(), 1u);
  const Status typo = FindColumn({"orgin", 4}, columns, "s.toml", "f.csv").status();
  EXPECT_EQ(typo.ToString(), "s.toml:4: no column 'orgin' in f.csv; did you mean 'origin'?");
  const Status far = FindColumn({"temperature", 0}, columns, "s.toml", "f.csv").status();
  EXPECT_EQ(far.where(), "f.csv");
  EXPECT_NE(far.message().find("its columns are date, origin"), std::string::npos);
  EXPECT_NE(
      FindColumn({"twice", 4}, columns, "s.toml", "f.csv").status().message().find("two columns"),
      std::string::npos);
}

TEST(Schema, TheExampleShownToSomeoneWithoutOneIsASchema) {
  const std::vector<std::string> columns = {"y", "a \"b\"", "c\\d", "e", "f"};
  const Result<Schema> schema = ParseSchema(ExampleSchema(columns), "example");
  ASSERT_TRUE(schema.ok()) << schema.status().ToString();
  EXPECT_EQ(schema.value().label.column, "y");
  EXPECT_EQ(schema.value().features.size(), 3u);
  EXPECT_EQ(schema.value().features[1].column.column, "c\\d");
  const std::vector<std::string> odd = {"id", "click", "id", "", "a*b,c=d"};
  const Result<Schema> guessed = ParseSchema(ExampleSchema(odd), "example");
  ASSERT_TRUE(guessed.ok()) << guessed.status().ToString();
  EXPECT_EQ(guessed.value().label.column, "click");
  EXPECT_EQ(guessed.value().features.size(), 2u);
}

}  // namespace
}  // namespace steelyard::data
