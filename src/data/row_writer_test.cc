// Goal: what is written is read back as the same rows. Method: every pair of formats on random rows, refusals one by one.
#include "data/row_writer.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "base/hash.h"
#include "data/test_folder.h"
#include "data/test_reading.h"

namespace steelyard::data {
namespace {

class RowWriterTest : public TestFolder {
 protected:
  static DatasetOptions Options(const std::string& path, Format format) {
    DatasetOptions options = OptionsFor({path});
    options.format = format;
    options.label_kind = LabelKind::kReal;
    options.labels_optional = true;
    options.keep_names = true;
    return options;
  }
  /// The rows of `content`, written as `to` and read back.
  ReadOutcome Converted(const ReadOutcome& read, Format from, Format to) {
    Result<RowWriter> writer = RowWriter::Make(from, to, false);
    EXPECT_TRUE(writer.ok());
    writer.value().Learn(read.names);
    std::string text;
    for (std::size_t i = 0; i < read.rows.size(); ++i) {
      const Status status = writer.value().Append(read.rows, i, text);
      EXPECT_TRUE(status.ok()) << status.ToString();
    }
    return ReadAll(Options(Write("out", text), to), 1 << 20);
  }
  static void ExpectSame(const ReadOutcome& a, const ReadOutcome& b) {
    ASSERT_TRUE(a.status.ok() && b.status.ok()) << a.status.ToString() << b.status.ToString();
    ASSERT_EQ(a.rows.rows, b.rows.rows);
    ASSERT_EQ(a.rows.keys, b.rows.keys);
    ASSERT_EQ(a.rows.offsets, b.rows.offsets);
    for (std::size_t i = 0; i < a.rows.size(); ++i) {
      const float label = a.rows.labels[i];
      EXPECT_TRUE(label == b.rows.labels[i] || (std::isnan(label) && std::isnan(b.rows.labels[i])));
      if (!std::isnan(label)) {
        EXPECT_EQ(a.rows.Weight(i), b.rows.Weight(i));
      }
    }
    for (std::size_t i = 0; i < a.rows.keys.size(); ++i)
      EXPECT_EQ(a.rows.Value(i), b.rows.Value(i));
  }
};

std::string RandomSvm(bool weights) {
  std::mt19937_64 draw(3);
  std::string text;
  for (int i = 0; i < 500; ++i) {
    text += (draw() % 2 == 0 ? "+" : "-") + std::to_string(static_cast<double>(draw() % 100) / 7);
    if (weights && draw() % 3 == 0)
      text += ":" + std::to_string(static_cast<double>(draw() % 9) / 4);
    for (std::uint64_t f = draw() % 7; f > 0; --f) {
      text += " " + std::to_string(draw() >> draw() % 64);
      if (draw() % 2 == 0) text += ":" + std::to_string(static_cast<double>(draw() % 1000) / -13);
    }
    text += '\n';
  }
  return text + "? 7:1\n";
}

std::string RandomVw() {
  std::mt19937 draw(4);
  std::string text;
  for (int i = 0; i < 500; ++i) {
    if (draw() % 5 != 0) text += std::to_string(draw() % 3) + (draw() % 2 == 0 ? " 0.5 " : " ");
    text += '|';
    for (auto f = draw() % 9; f > 0; --f) {
      if (draw() % 3 == 0) text += " |" + std::string(draw() % 3, 's');
      text += " n=" + std::to_string(draw() % 50);
      if (draw() % 2 == 0) text += ":" + std::to_string(static_cast<double>(draw() % 1000) / -13);
    }
    text += '\n';
  }
  return text;
}

TEST_F(RowWriterTest, NumbersKeepTheirRows) {
  const ReadOutcome read = ReadAll(Options(Write("in", RandomSvm(true)), Format::kLibsvm), 1 << 20);
  ExpectSame(Converted(read, Format::kLibsvm, Format::kLibsvm), read);
  std::string plain = RandomSvm(false);
  plain.resize(plain.rfind('?'));
  const ReadOutcome bare = ReadAll(Options(Write("in", plain), Format::kLibsvm), 1 << 20);
  ExpectSame(Converted(bare, Format::kLibsvm, Format::kLibfm), bare);
}

TEST_F(RowWriterTest, NamesKeepTheirRows) {
  const ReadOutcome read = ReadAll(Options(Write("in", RandomVw()), Format::kVw), 1 << 20);
  ExpectSame(Converted(read, Format::kVw, Format::kVw), read);
  ExpectSame(Converted(read, Format::kVw, Format::kLibsvm), read);
}

TEST_F(RowWriterTest, NumbersBecomeNames) {
  const ReadOutcome read = ReadAll(Options(Write("in", "+1:0.5 7 9:2\n"), Format::kLibsvm), 10);
  const ReadOutcome back = Converted(read, Format::kLibsvm, Format::kVw);
  EXPECT_EQ(back.rows.keys, (std::vector<Key>{KeyOfName("7"), KeyOfName("9")}));
  EXPECT_EQ(back.rows.weights, std::vector<float>{0.5});
}

TEST_F(RowWriterTest, LinesAreShort) {
  Result<RowWriter> writer = RowWriter::Make(Format::kCriteo, Format::kVw, true);
  ASSERT_TRUE(writer.ok());
  writer.value().Learn({{1, "C1=a"}, {2, "C1=b"}, {3, "age"}});
  RowBlock block;
  block.rows = {0, 1};
  block.labels = {0, 1};
  block.offsets = {0, 3, 3};
  block.keys = {1, 2, 3};
  block.values = {1, 2, 0.25};
  std::string text;
  EXPECT_TRUE(writer.value().Append(block, 0, text).ok());
  EXPECT_TRUE(writer.value().Append(block, 1, text).ok());
  EXPECT_EQ(text, "-1 |C1 a b:2 | age:0.25\n1 |\n");
}

TEST_F(RowWriterTest, WhatWouldBeLostIsRefused) {
  for (const Format to : {Format::kCsv, Format::kParquet, Format::kCriteo, Format::kLibffm}) {
    EXPECT_EQ(RowWriter::Make(Format::kLibsvm, to, false).status().code(),
              StatusCode::kInvalidArgument);
  }
  EXPECT_FALSE(RowWriter::Make(Format::kLibffm, Format::kLibsvm, false).ok());
  RowBlock block;
  block.rows = {0};
  block.labels = {NAN};
  block.offsets = {0, 1};
  block.keys = {1};
  std::string text;
  Result<RowWriter> fm = RowWriter::Make(Format::kLibsvm, Format::kLibfm, false);
  EXPECT_NE(fm.value().Append(block, 0, text).message().find("needs a label"), std::string::npos);
  block.labels = {1};
  block.weights = {2};
  EXPECT_NE(fm.value().Append(block, 0, text).message().find("no weights"), std::string::npos);
  Result<RowWriter> vw = RowWriter::Make(Format::kCsv, Format::kVw, false);
  for (const char* name : {"from=New York", "a|b", "time=12:30", "two\nlines"}) {
    vw = RowWriter::Make(Format::kCsv, Format::kVw, false);
    vw.value().Learn({{1, name}});
    EXPECT_EQ(vw.value().Append(block, 0, text).code(), StatusCode::kBadData) << name;
  }
  EXPECT_EQ(text, "");
}

}  // namespace
}  // namespace steelyard::data
