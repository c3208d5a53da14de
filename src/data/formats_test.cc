// Goal: formats are told apart by name and content, read through the same machinery, and refuse what is not theirs.
#include <gtest/gtest.h>

#include "base/hash.h"
#include "data/dataset.h"
#include "data/input_files.h"
#include "data/test_folder.h"
#include "data/test_reading.h"

namespace steelyard::data {
namespace {

class FormatsTest : public TestFolder {
 protected:
  Format FormatOf(const std::string& name, const std::string& content) {
    const Result<std::unique_ptr<Dataset>> dataset =
        OpenDataset(OptionsFor({Write(name, content)}));
    return dataset.ok() ? dataset.value()->format() : Format::kAuto;
  }
  ReadOutcome Read(const std::string& name, const std::string& content,
                   DatasetOptions options = {}) {
    options.paths = {Write(name, content)};
    return ReadAll(options, 3);
  }
};

const std::string kCriteoRow =
    "0\t1\t\t5\t0\t1382\t4\t15\t2\t181\t1\t2\t\t2\t68fd1e64\t80e26c9b\tfb936136\t7b4723c4\t25c83c98"
    "\t7e0ccccf\tde7995b8\t1f89b562\ta73ee510\ta8cd5504\tb2cb9c98\t37c9c164\t2824a5f6\t1adce6ef"
    "\t8ba8b39a\t891b62e7\te5ba7672\tf54016b9\t21ddcdc9\tb1252a9d\t07b5194c\t\t3a171ecb\tc5c50484"
    "\te8b83407\t9727dd16\n";

TEST_F(FormatsTest, ContentTellsWhereTheNameDoesNot) {
  EXPECT_EQ(FormatOf("a", "1 1:1 2:0.5\n"), Format::kLibsvm);
  EXPECT_EQ(FormatOf("b", "1 0:1:1 2:7:0.5\n"), Format::kLibffm);
  EXPECT_EQ(FormatOf("c", "1 |f a b\n"), Format::kVw);
  EXPECT_EQ(FormatOf("d.txt", kCriteoRow), Format::kCriteo);
  // No header looks like one of its rows.
  EXPECT_EQ(FormatOf("e.csv", kCriteoRow), Format::kCriteo);
  EXPECT_EQ(FormatOf("f.tsv", kCriteoRow), Format::kCriteo);
}

TEST_F(FormatsTest, NamesTellBeforeContent) {
  EXPECT_EQ(FormatOf("a.libfm", "1 1:1\n"), Format::kLibfm);
  EXPECT_EQ(FormatOf("a.fm", "1 1:1\n"), Format::kLibfm);
  EXPECT_EQ(FormatOf("a.ffm", "1 1:1:1\n"), Format::kLibffm);
  EXPECT_EQ(FormatOf("a.vw", "1 |f a\n"), Format::kVw);
  EXPECT_EQ(FormatOf("a.criteo", kCriteoRow), Format::kCriteo);
  EXPECT_EQ(FormatOfName("x/a.vw.gz"), Format::kVw);
  EXPECT_EQ(FormatOfName("x/a.txt"), Format::kAuto);
}

TEST_F(FormatsTest, NumbersBetweenTabsAreNotGuessed) {
  const ReadOutcome outcome = Read("ratings", "1\t7\t5\t874965758\n");
  EXPECT_EQ(outcome.status.code(), StatusCode::kBadData);
  EXPECT_NE(outcome.status.message().find("say --format"), std::string::npos);
  EXPECT_EQ(FormatOf("ids.svm", "1\t7\t5\n"), Format::kLibsvm);
  EXPECT_EQ(FormatOf("values", "1\t7:1\t5:2\n"), Format::kLibsvm);
}

TEST_F(FormatsTest, LibfmAndLibffmGiveTheKeysOfLibsvm) {
  const ReadOutcome svm = Read("a.svm", "1 3:1 7:0.5\n# note\n0 9:2\n");
  const ReadOutcome fm = Read("a.libfm", "1 3:1 7:0.5\n# note\n0 9:2\n");
  const ReadOutcome ffm = Read("a.ffm", "1 0:3:1 1:7:0.5\n# note\n0 4:9:2\n");
  ASSERT_TRUE(svm.status.ok() && fm.status.ok()) << fm.status.ToString();
  ASSERT_TRUE(ffm.status.ok()) << ffm.status.ToString();
  ExpectSameRows(fm.rows, svm.rows);
  ExpectSameRows(ffm.rows, svm.rows);
}

TEST_F(FormatsTest, LibffmRefusesFeaturesWithoutAField) {
  const ReadOutcome outcome = Read("a.ffm", "1 0:3:1\n1 3:1\n");
  EXPECT_NE(outcome.status.message().find("expected field:id:value, found '3:1'"),
            std::string::npos);
  EXPECT_EQ(outcome.status.where(), Path("a.ffm") + ":2");
  EXPECT_FALSE(Read("b.ffm", "1 3\n").status.ok());
  EXPECT_FALSE(Read("c.ffm", "1 :3:1\n").status.ok());
  EXPECT_FALSE(Read("d.ffm", "1 1:3:1:1\n").status.ok());
}

TEST_F(FormatsTest, TheSameTableHasTheSameKeysInEveryFormatWithNames) {
  DatasetOptions options;
  options.schema_text =
      "[label]\ncolumn = \"y\"\n[features]\nfrom = { column = \"from\" }\n"
      "age = { column = \"age\", numeric = true }\n";
  options.schema_name = "s.toml";
  const ReadOutcome csv = Read("a.csv", "y,from,age\n1,NY,0.5\n0,,2\n", options);
  const ReadOutcome vw = Read("a.vw", "1 |from NY | age:0.5\n0 | age:2\n");
  ASSERT_TRUE(csv.status.ok() && vw.status.ok()) << csv.status.ToString() << vw.status.ToString();
  ExpectSameRows(vw.rows, csv.rows);
}

TEST_F(FormatsTest, ABlankLineIsNoRowAndAHashIsNoComment) {
  const ReadOutcome vw = Read("a.vw", "\n1 |f #a b\n \n-1 |f a\n");
  ASSERT_TRUE(vw.status.ok()) << vw.status.ToString();
  EXPECT_EQ(vw.rows.rows, (std::vector<std::uint64_t>{0, 1}));
  EXPECT_EQ(vw.rows.keys[0], KeyOfName("f=#a"));
}

TEST_F(FormatsTest, ACriteoRowWithoutLabelAndValuesIsARow) {
  DatasetOptions options;
  options.labels_optional = true;
  options.format = Format::kCriteo;
  const ReadOutcome outcome =
      Read("a.txt", kCriteoRow + std::string(38, '\t') + "\n" + kCriteoRow, options);
  ASSERT_TRUE(outcome.status.ok()) << outcome.status.ToString();
  EXPECT_EQ(outcome.rows.size(), 3u);
}

TEST_F(FormatsTest, SchemasAndWeightColumnsAreRefused) {
  DatasetOptions options;
  options.weight_column = "w";
  EXPECT_NE(Read("a.vw", "1 |f a\n", options).status.message().find("1 0.5 |"), std::string::npos);
  EXPECT_NE(Read("a.criteo", kCriteoRow, options).status.message().find("its rows have none"),
            std::string::npos);
  options = {};
  options.schema_text = "[label]\ncolumn = \"y\"\n";
  options.schema_name = "s.toml";
  EXPECT_EQ(Read("a.vw", "1 |f a\n", options).status.code(), StatusCode::kInvalidArgument);
  options.schema_optional = true;
  EXPECT_TRUE(Read("a.vw", "1 |f a\n", options).status.ok());
}

}  // namespace
}  // namespace steelyard::data
