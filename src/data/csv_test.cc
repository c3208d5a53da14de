// Goal: CSV of RFC 4180 becomes the right rows whatever the cut, and mistakes are named. Method: random tables written
// with quotes and read back, a splitter without tricks as the oracle, refusals.
#include "data/csv.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <set>

#include "data/test_folder.h"
#include "data/test_reading.h"

namespace steelyard::data {
namespace {

using Csv = TestFolder;

constexpr const char* kSchema =
    "[label]\ncolumn = \"y\"\n[features]\na = { column = \"a\" }\nb = { column = \"b\" "
    "}\n[crosses]\nuse = [\"a*b\"]\n";

DatasetOptions WithSchema(std::vector<std::string> paths, const std::string& schema = kSchema) {
  DatasetOptions options = OptionsFor(std::move(paths));
  options.schema_text = schema;
  options.schema_name = "s.toml";
  return options;
}

std::vector<std::string> Split(const std::string& text, char delimiter = ',') {
  std::vector<std::string_view> fields;
  std::string unquoted;
  const std::string padded = text + "\n";
  EXPECT_TRUE(
      SplitRecord({padded.data(), padded.data() + text.size()}, delimiter, fields, unquoted))
      << text;
  return {fields.begin(), fields.end()};
}

TEST_F(Csv, SplitsFieldsAndQuotes) {
  using Fields = std::vector<std::string>;
  EXPECT_EQ(Split("a,b,c"), (Fields{"a", "b", "c"}));
  EXPECT_EQ(Split(""), (Fields{""}));
  EXPECT_EQ(Split(","), (Fields{"", ""}));
  EXPECT_EQ(Split("a,\r"), (Fields{"a", ""}));
  EXPECT_EQ(Split("\"a,b\",\"\",c"), (Fields{"a,b", "", "c"}));
  EXPECT_EQ(Split("\"say \"\"hi\"\"\",\"\"\"\""), (Fields{"say \"hi\"", "\""}));
  EXPECT_EQ(Split("\"a\nb\",c"), (Fields{"a\nb", "c"}));
  EXPECT_EQ(Split("5\" pipe,6\""), (Fields{"5\" pipe", "6\""}));
  EXPECT_EQ(Split("a\tb,c", '\t'), (Fields{"a", "b,c"}));
  std::vector<std::string_view> fields;
  std::string unquoted;
  const std::string bad = "\"a\"b,c\n";
  EXPECT_FALSE(SplitRecord({bad.data(), bad.data() + bad.size() - 1}, ',', fields, unquoted));
}

/// A cell with everything that needs care in it; empty now and then.
std::string RandomCell(std::mt19937_64& random) {
  const std::string letters = "ab,\"\n\r x#";
  std::string cell;
  for (auto n = random() % 8; n > 0; --n) cell += letters[random() % letters.size()];
  return cell;
}

std::string Quote(const std::string& cell, bool always) {
  const bool needed = cell.find_first_of(",\"\n\r") != std::string::npos;
  if (!needed && !always) return cell;
  std::string quoted = "\"";
  for (const char c : cell) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
  return quoted + '"';
}

TEST_F(Csv, RandomTablesComeBackWhateverTheCut) {
  std::mt19937_64 random(20141006);
  for (int round = 0; round < 20; ++round) {
    std::string text = "b,\"y\",a\n";
    std::vector<std::vector<Key>> wanted;
    const char* const line_end = round % 2 ? "\n" : "\r\n";
    for (int i = 0; i < 50; ++i) {
      const std::string a = RandomCell(random);
      const std::string b = RandomCell(random);
      text += Quote(b, random() % 4 == 0) + "," + (i % 2 ? "1" : "\"0\"") + "," +
              Quote(a, random() % 4 == 0) + line_end;
      if (random() % 5 == 0) text += line_end;  // A blank line is no row.
      std::vector<Key> keys;
      if (!a.empty()) keys.push_back(KeyOfName("a=" + a));
      if (!b.empty()) keys.push_back(KeyOfName("b=" + b));
      if (!a.empty() && !b.empty()) keys.push_back(CrossKey(keys[0], keys[1]));
      wanted.push_back(keys);
    }
    if (round % 3 == 0) text.erase(text.find_last_not_of("\r\n") + 1);
    const DatasetOptions options = WithSchema({Write("t.csv", text)});
    for (const std::uint64_t rows : {1, 2, 7, 1000}) {
      const ReadOutcome all = ReadAll(options, rows, 3);
      ASSERT_TRUE(all.status.ok()) << all.status.ToString();
      ASSERT_EQ(all.rows.size(), wanted.size());
      for (std::size_t i = 0; i < wanted.size(); ++i) {
        const auto keys = all.rows.RowKeys(i);
        ASSERT_EQ(std::vector<Key>(keys.begin(), keys.end()), wanted[i]) << "row " << i;
        ASSERT_EQ(all.rows.rows[i], i);
        ASSERT_EQ(all.rows.labels[i], i % 2 ? 1.0F : 0.0F);
      }
    }
    EXPECT_EQ(OpenDataset(options).value()->CountRows().value(), wanted.size());
  }
}

/// A cell without quotes, or a number; empty now and then. Long ones take the way around of NameBatch.
std::string PlainCell(std::mt19937_64& random, bool number) {
  if (random() % 8 == 0) return "";
  if (number) {
    const auto value =
        static_cast<double>(static_cast<std::int64_t>(random() % 2'000'001) - 1'000'000);
    return fmt::format("{:.{}g}", value / std::pow(10.0, static_cast<double>(random() % 9)),
                       1 + random() % 17);
  }
  std::string cell;
  for (auto n = random() % (random() % 16 == 0 ? 60 : 20); n > 0; --n)
    cell += static_cast<char>('a' + random() % 26);
  return cell;
}

// Rows without quotes have a short way through splitting, numbers and hashing; quotes, and names that are wanted, take
// the long one. Both must give the same bits, beyond the sizes that the short one is made for, too.
TEST_F(Csv, TheShortWayGivesTheRowsOfTheLongOne) {
  std::mt19937_64 random(20221101);
  std::size_t features = 0;
  for (const std::size_t columns : {1, 3, 39, 300}) {
    for (const char delimiter : {',', ';', '\t'}) {
      std::string schema = "[label]\ncolumn = \"y\"\n[features]\n";
      std::string plain = "y";
      for (std::size_t i = 0; i < columns; ++i) {
        schema += fmt::format("{0}{1} = {{ column = \"x{1}\"{2} }}\n",
                              i % 5 == 4 ? "a_name_of_many_letters" : "f", i,
                              i % 3 == 1 ? ", numeric = true" : "");
        plain += fmt::format("{}x{}", delimiter, i);
      }
      if (columns > 2) schema += "[crosses]\nuse = [\"f0*f2\"]\n";
      std::string quoted = plain + "\n";
      plain += '\n';
      for (int row = 0; row < 60; ++row) {
        plain += std::to_string(row % 2);
        quoted += std::to_string(row % 2);
        for (std::size_t i = 0; i < columns; ++i) {
          const std::string cell = PlainCell(random, i % 3 == 1);
          plain += delimiter + cell;
          quoted += delimiter + Quote(cell, true);
        }
        plain += row % 3 ? "\n" : "\r\n";
        quoted += '\n';
      }
      DatasetOptions options = WithSchema({Write("plain.csv", plain)}, schema);
      const ReadOutcome fast = ReadAll(options, 17);
      ASSERT_TRUE(fast.status.ok()) << fast.status.ToString();
      options.keep_names = true;
      const ReadOutcome named = ReadAll(options, 17);
      const ReadOutcome careful = ReadAll(WithSchema({Write("quoted.csv", quoted)}, schema), 17);
      ASSERT_TRUE(careful.status.ok()) << careful.status.ToString();
      ASSERT_EQ(fast.rows.size(), 60u);
      ExpectSameRows(fast.rows, named.rows);
      ExpectSameRows(fast.rows, careful.rows);
      features += fast.rows.keys.size();
    }
  }
  EXPECT_GT(features, 30'000u);
}

TEST_F(Csv, KeysDependOnContentNotOnFilesOrTheirColumnOrder) {
  const std::string one = Write("1.csv", "y,a,b\n1,p,q\n0,r,s\n");
  const std::string two = Write("2.tsv", "b\textra\ta\ty\ns\t\tr\t0\nq\t7\tp\t1\n");
  const ReadOutcome both = ReadAll(WithSchema({one, two}), 1);
  ASSERT_TRUE(both.status.ok()) << both.status.ToString();
  ASSERT_EQ(both.rows.size(), 4u);
  const auto row = [&](std::size_t i) {
    const auto keys = both.rows.RowKeys(i);
    return std::vector<Key>(keys.begin(), keys.end());
  };
  EXPECT_EQ(row(0), row(3));
  EXPECT_EQ(row(1), row(2));
  EXPECT_NE(row(0), row(1));
  Result<std::unique_ptr<Dataset>> dataset = OpenDataset(WithSchema({one}));
  EXPECT_EQ(dataset.value()->format(), Format::kCsv);
  EXPECT_FALSE(dataset.value()->keys_are_ids());
}

TEST_F(Csv, SemicolonsTabsAndMarksAreUnderstood) {
  const std::string rows[] = {"y;a;b\n1;p,1;q\n", "y\ta\tb\n1\tp,1\tq\n",
                              "\xef\xbb\xbfy,a,b\n1,\"p,1\",q\n"};
  for (const std::string& text : rows) {
    const ReadOutcome all = ReadAll(WithSchema({Write("t.csv", text)}), 10);
    ASSERT_TRUE(all.status.ok()) << all.status.ToString();
    ASSERT_EQ(all.rows.keys.size(), 3u) << text;
    EXPECT_EQ(all.rows.keys[0], KeyOfName("a=p,1"));
  }
  // Of tab-separated text, a line of tabs is a row of empty cells.
  const ReadOutcome tabs = ReadAll(WithSchema({Write("t.tsv", "y\ta\tb\n1\t\t\n\t\t\n")}), 10);
  EXPECT_NE(tabs.status.message().find("is empty"), std::string::npos) << tabs.status.ToString();
}

TEST_F(Csv, LabelsWeightsAndNumericFeatures) {
  const std::string text = "y,a,b,w\n20,3.5,q,2\n15,,q,1\n-3,0,,0.5\n";
  DatasetOptions options = WithSchema(
      {Write("t.csv", text)},
      "[label]\ncolumn = \"y\"\npositive = \"> 15\"\n[weight]\ncolumn = \"w\"\n[features]\n"
      "n = { column = \"a\", numeric = true }\nb = { column = \"b\" }\n");
  ReadOutcome all = ReadAll(options, 10);
  ASSERT_TRUE(all.status.ok()) << all.status.ToString();
  EXPECT_EQ(all.rows.labels, (std::vector<float>{1, 0, 0}));
  EXPECT_EQ(all.rows.weights, (std::vector<float>{2, 1, 0.5}));
  EXPECT_EQ(all.rows.values, (std::vector<float>{3.5, 1, 1, 0}));
  EXPECT_EQ(all.rows.offsets, (std::vector<std::uint32_t>{0, 2, 3, 4}));

  options.label_rule = "< 0";  // The command line overrides the schema.
  EXPECT_EQ(ReadAll(options, 10).rows.labels, (std::vector<float>{0, 0, 1}));
  options.label_rule.clear();
  options.label_kind = LabelKind::kReal;  // A regression takes the number itself.
  EXPECT_EQ(ReadAll(options, 10).rows.labels, (std::vector<float>{20, 15, -3}));
  options.weight_column = "a";
  EXPECT_EQ(ReadAll(options, 10).status.code(), StatusCode::kBadData);
  options.weight_column = "ww";
  EXPECT_EQ(ReadAll(options, 10).status.where(), options.paths[0]);
}

TEST_F(Csv, TextLabelsCanBeCompared) {
  DatasetOptions options = WithSchema({Write("t.csv", "y,a,b\nyes,1,2\nno,1,2\n")});
  EXPECT_NE(ReadAll(options, 10).status.message().find("label 'yes'"), std::string::npos);
  options.label_rule = "== yes";
  EXPECT_EQ(ReadAll(options, 10).rows.labels, (std::vector<float>{1, 0}));
  options.label_rule = "!= yes";
  EXPECT_EQ(ReadAll(options, 10).rows.labels, (std::vector<float>{0, 1}));
  options.label_rule = "> yes";
  EXPECT_EQ(OpenDataset(options).status().code(), StatusCode::kInvalidArgument);
}

TEST_F(Csv, ALabelMayBeMissingOnlyForPredict) {
  DatasetOptions options = WithSchema({Write("t.csv", "y,a,b\n,1,2\n1,1,2\n")});
  EXPECT_NE(ReadAll(options, 10).status.message().find("column 'y', is empty"), std::string::npos);
  options.labels_optional = true;
  EXPECT_TRUE(std::isnan(ReadAll(options, 10).rows.labels[0]));
  options.paths = {Write("u.csv", "a,b\n1,2\n")};  // No label column at all.
  const ReadOutcome unlabelled = ReadAll(options, 10);
  ASSERT_TRUE(unlabelled.status.ok()) << unlabelled.status.ToString();
  EXPECT_TRUE(std::isnan(unlabelled.rows.labels[0]));
  EXPECT_EQ(unlabelled.rows.keys.size(), 3u);
  options.labels_optional = false;
  EXPECT_EQ(ReadAll(options, 10).status.message().substr(0, 13), "no column 'y'");
}

TEST_F(Csv, MistakesAreNamedWithTheirLine) {
  const auto status = [&](const std::string& text, const std::string& schema = kSchema) {
    return ReadAll(WithSchema({Write("t.csv", text)}, schema), 10).status;
  };
  const std::pair<Status, const char*> cases[] = {
      {status("y,a,b\n1,p\n"), "found 2 fields, the header has 3"},
      {status("y,a,b\n1,p,q,r\n"), "found 4 fields, the header has 3"},
      {status("y,a,b\n7,p,q\n"), "label '7' is neither"},
      {status("y,a,b\n1,\"p\"x,q\n"), "text follows a closing quote"},
      {status("y,a,b\n1,p,\"q\n0,r,s\n"), "never closes"},
  };
  for (const auto& [found, message] : cases) {
    EXPECT_EQ(found.code(), StatusCode::kBadData);
    EXPECT_EQ(found.where(), Path("t.csv") + ":2") << message;
    EXPECT_NE(found.message().find(message), std::string::npos) << found.ToString();
  }
  const Status typo =
      status("y,a,bee\n1,p,q\n", "[label]\ncolumn=\"y\"\n[features]\na={column=\"be\"}\n");
  EXPECT_EQ(typo.where(), "s.toml:4");
  EXPECT_NE(typo.message().find("did you mean 'bee'?"), std::string::npos) << typo.ToString();
  EXPECT_EQ(status("y,a,b\n").code(), StatusCode::kBadData);
  EXPECT_EQ(status("y,a,b\n1,p,q\n", "[features]\na={column=\"a\"}\n").where(), "s.toml");
}

TEST_F(Csv, WithoutASchemaOneIsShown) {
  const Status status =
      OpenDataset(OptionsFor({Write("t.csv", "clicked,age,town\n1,2,3\n")})).status();
  EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
  EXPECT_NE(status.message().find("--schema"), std::string::npos);
  EXPECT_NE(status.message().find("column = \"clicked\""), std::string::npos);
  EXPECT_NE(status.message().find("town = { column = \"town\" }"), std::string::npos)
      << status.message();
}

TEST_F(Csv, BadRowsKeepTheirNumbersAndOrderErrorsAreNeverSkipped) {
  const std::string schema = std::string(kSchema) + "[order]\nby = \"a\"\n";
  DatasetOptions options = WithSchema({Write("t.csv", "y,a,b\n1,1,q\nx,2,q\n0,10,q\n")}, schema);
  options.bad_rows_max = 10;
  const ReadOutcome sorted = ReadAll(options, 10);
  ASSERT_TRUE(sorted.status.ok()) << sorted.status.ToString();
  EXPECT_EQ(sorted.rows.rows, (std::vector<std::uint64_t>{0, 2}));
  options.paths = {Write("t.csv", "y,a,b\n1,10,q\n0,2,q\n")};
  const ReadOutcome unsorted = ReadAll(options, 10);
  EXPECT_EQ(unsorted.status.code(), StatusCode::kBadData);
  EXPECT_EQ(unsorted.status.where(), Path("t.csv") + ":3");
  EXPECT_NE(unsorted.status.message().find("2 comes after 10; sort the input by 'a'"),
            std::string::npos)
      << unsorted.status.message();
}

TEST_F(Csv, TheOrderIsCheckedWhereShardsAndFilesMeet) {
  const std::string schema = std::string(kSchema) + "[order]\nby = \"a\"\n";
  const std::string early = Write("1.csv", "y,a,b\n1,2001-01-01,q\n1,2001-01-03,q\n");
  const std::string late = Write("2.csv", "y,a,b\n1,2001-01-03,q\n1,2001-01-04,q\n");
  const std::string overlapping = Write("3.csv", "y,a,b\n1,2001-01-02,q\n1,2001-01-05,q\n");
  EXPECT_TRUE(ReadAll(WithSchema({early, late}, schema), 1).status.ok());
  for (const std::uint64_t rows : {1, 2, 100}) {
    for (const auto& [first, second] : {std::pair{late, early}, std::pair{early, overlapping}}) {
      const Status status = ReadAll(WithSchema({first, second}, schema), rows).status;
      EXPECT_EQ(status.code(), StatusCode::kBadData);
      EXPECT_EQ(status.where(), second + ":2");
      EXPECT_NE(status.message().find("comes after"), std::string::npos);
    }
  }
  // Shards of one row each: no parser ever sees two of them.
  const std::string unsorted = Write("4.csv", "y,a,b\n1,5,q\n1,7,q\n1,6,q\n");
  EXPECT_EQ(ReadAll(WithSchema({unsorted}, schema), 1).status.where(), unsorted + ":4");
}

TEST_F(Csv, NamesComeWithTheirKeysOnceAReader) {
  DatasetOptions options = WithSchema({Write("t.csv", "y,a,b\n1,p,q\n0,p,q\n1,p,r\n")});
  options.keep_names = true;
  const ReadOutcome all = ReadAll(options, 10, 1);
  std::set<std::string> names;
  for (const auto& [key, name] : all.names) EXPECT_TRUE(names.insert(name).second) << name;
  EXPECT_EQ(names, (std::set<std::string>{"a=p", "b=q", "b=r", "a*b=p,q", "a*b=p,r"}));
}

}  // namespace
}  // namespace steelyard::data
