// Goal: rows come back as written, across blocks; wrong rows and headers are refused. Method: round trips of generated
// rows, and each refusal once.
#include "checkpoint/table_file.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <random>
#include <vector>

#include "checkpoint/names_file.h"
#include "checkpoint/test_directory.h"

namespace steelyard::checkpoint {
namespace {

const TableFileHeader kFtrl{.table = "w",
                            .width = 1,
                            .row_floats = 2,
                            .updater = {.name = "ftrl", .alpha = 0.2F, .l1 = 3.0F, .l2 = 0.5F},
                            .range = {10, kKeyMax - 1}};

Result<TableFileWriter> Writer(const TestDirectory& directory, const TableFileHeader& header) {
  auto file = OutputFile::Create(AT_FDCWD, directory / "t", directory / "t");
  if (!file.ok()) return file.status();
  return TableFileWriter::Create(std::move(file.value()), header);
}

Result<TableFileReader> Reader(const TestDirectory& directory) {
  auto file = InputFile::Open(AT_FDCWD, directory / "t", directory / "t");
  if (!file.ok()) return file.status();
  return TableFileReader::Open(std::move(file.value()));
}

TEST(TableFile, RemembersAnIntercept) {
  TableFileHeader header = kFtrl;
  std::uintmax_t bytes = 0;
  for (const bool intercept : {false, true}) {
    const TestDirectory directory;
    header.updater.intercept = intercept;
    auto writer = Writer(directory, header);
    ASSERT_TRUE(writer.ok() && writer.value().Finish().ok());
    const auto reader = Reader(directory);
    ASSERT_TRUE(reader.ok()) << reader.status().ToString();
    EXPECT_EQ(reader.value().header(), header);
    EXPECT_TRUE(!intercept || writer.value().file().bytes() == bytes + 1) << "others are as before";
    bytes = writer.value().file().bytes();
  }
}

TEST(TableFile, ReturnsRowsAsWrittenAcrossManyBlocks) {
  const TestDirectory directory;
  std::mt19937_64 random(3);
  std::vector<Key> keys;
  std::vector<float> rows;
  for (Key key = 10; keys.size() < 200'000; key += 1 + random() % 1000) {
    keys.push_back(key);
    rows.push_back(static_cast<float>(random() % 1000) - 500.0F);
    rows.push_back(static_cast<float>(random() % 1000));
  }
  auto writer = Writer(directory, kFtrl);
  ASSERT_TRUE(writer.ok());
  for (std::size_t i = 0; i < keys.size(); i += 777) {  // In pieces that fit no block.
    const std::size_t count = std::min<std::size_t>(777, keys.size() - i);
    ASSERT_TRUE(
        writer.value()
            .Append(std::span(keys).subspan(i, count), std::span(rows).subspan(2 * i, 2 * count))
            .ok());
  }
  ASSERT_TRUE(writer.value().Finish().ok());
  EXPECT_EQ(writer.value().row_count(), keys.size());
  EXPECT_EQ(writer.value().file().bytes(), std::filesystem::file_size(directory / "t"));

  auto reader = Reader(directory);
  ASSERT_TRUE(reader.ok()) << reader.status().ToString();
  EXPECT_EQ(reader.value().header(), kFtrl);
  std::vector<Key> read_keys;
  std::vector<float> read_rows;
  std::size_t blocks = 0;
  const Status status = reader.value().ReadRows([&](auto block_keys, auto block_rows) {
    ++blocks;
    read_keys.insert(read_keys.end(), block_keys.begin(), block_keys.end());
    read_rows.insert(read_rows.end(), block_rows.begin(), block_rows.end());
    return Status();
  });
  ASSERT_TRUE(status.ok()) << status.ToString();
  EXPECT_GT(blocks, 2u);
  EXPECT_EQ(read_keys, keys);
  EXPECT_EQ(read_rows, rows);
  EXPECT_EQ(reader.value().file().hash(), writer.value().file().hash());
}

TEST(TableFile, MayBeEmptyAndHoldWideRows) {
  for (const std::size_t count : {0, 3}) {
    const TestDirectory directory;
    const TableFileHeader header{.table = "v", .width = 20'000, .row_floats = 20'000};
    auto writer = Writer(directory, header);
    ASSERT_TRUE(writer.ok());
    for (Key key = 0; key < count; ++key) {
      const std::vector<float> row(20'000, static_cast<float>(key));
      ASSERT_TRUE(writer.value().Append(std::span(&key, 1), row).ok());
    }
    ASSERT_TRUE(writer.value().Finish().ok());
    auto reader = Reader(directory);
    ASSERT_TRUE(reader.ok());
    const Status status = reader.value().ReadRows([&](auto keys, auto rows) {
      EXPECT_EQ(rows.size(), keys.size() * 20'000);
      EXPECT_EQ(rows.back(), static_cast<float>(keys.back()));
      return Status();
    });
    EXPECT_TRUE(status.ok());
    EXPECT_EQ(reader.value().row_count(), count);
  }
}

TEST(TableFile, StopsWhenTheVisitorDoes) {
  const TestDirectory directory;
  auto writer = Writer(directory, {.table = "w"});
  const Key key = 4;
  const float row = 1.0F;
  ASSERT_TRUE(writer.value().Append(std::span(&key, 1), std::span(&row, 1)).ok());
  ASSERT_TRUE(writer.value().Finish().ok());
  const Status status = Reader(directory).value().ReadRows(
      [](auto, auto) { return Status(StatusCode::kCancelled, "enough"); });
  EXPECT_EQ(status.code(), StatusCode::kCancelled);
}

TEST(TableFile, RefusesRowsOutOfOrderRangeOrShape) {
  const TestDirectory directory;
  auto writer = Writer(directory, kFtrl);
  const auto append = [&](std::vector<Key> keys, std::size_t floats) {
    return writer.value().Append(keys, std::vector<float>(floats)).code();
  };
  EXPECT_EQ(append({20}, 2), StatusCode::kOk);
  EXPECT_EQ(append({20}, 2), StatusCode::kInvalidArgument);
  EXPECT_EQ(append({19}, 2), StatusCode::kInvalidArgument);
  EXPECT_EQ(append({kKeyMax}, 2), StatusCode::kInvalidArgument);
  EXPECT_EQ(append({30, 40}, 2), StatusCode::kInvalidArgument);
  EXPECT_EQ(append({30, 40}, 4), StatusCode::kOk);
}

TEST(TableFile, RefusesHeadersItWouldNotReadBack) {
  const auto code = [](TableFileHeader header) {
    const TestDirectory directory;
    const auto writer = Writer(directory, header);
    return writer.ok() ? StatusCode::kOk : writer.status().code();
  };
  TableFileHeader header = kFtrl;
  EXPECT_EQ(code(header), StatusCode::kOk);
  for (const char* name : {"", "../w", "a/b", ".w", "with space"}) {
    header.table = name;
    EXPECT_EQ(code(header), StatusCode::kInvalidArgument) << name;
  }
  header = kFtrl;
  header.row_floats = 3;
  EXPECT_EQ(code(header), StatusCode::kInvalidArgument);
  header = kFtrl;
  header.updater.name = "nobody";
  EXPECT_EQ(code(header), StatusCode::kInvalidArgument);
  header = kFtrl;
  header.range = {5, 4};
  EXPECT_EQ(code(header), StatusCode::kInvalidArgument);
}

TEST(TableFile, RefusesAnotherVersionAndNamesBoth) {
  const TestDirectory directory;
  constexpr BlockFileKind kLater{
      .magic = {'S', 'Y', 'T', 'A', 'B', 'L', 'E', '\n'}, .version = 7, .name = "table file"};
  auto file = OutputFile::Create(AT_FDCWD, directory / "t", directory / "t");
  auto writer = BlockFileWriter::Create(std::move(file.value()), kLater, {});
  ASSERT_TRUE(writer.value().Finish().ok());
  const auto reader = Reader(directory);
  ASSERT_FALSE(reader.ok());
  EXPECT_EQ(reader.status().code(), StatusCode::kBadData);
  EXPECT_NE(reader.status().message().find("version 7, this program reads version 1"),
            std::string::npos);
}

TEST(NamesFile, ReturnsNamesAndRefusesDisorder) {
  const TestDirectory directory;
  auto writer = NamesFileWriter::Create(
      std::move(OutputFile::Create(AT_FDCWD, directory / "n", directory / "n").value()));
  ASSERT_TRUE(writer.ok());
  const std::string long_name(300'000, 'x');
  for (Key key = 0; key < 20; ++key) {
    ASSERT_TRUE(writer.value().Append(key * 3, key == 7 ? "" : long_name).ok());
  }
  EXPECT_EQ(writer.value().Append(57, "again").code(), StatusCode::kInvalidArgument);
  ASSERT_TRUE(writer.value().Finish().ok());
  auto reader = NamesFileReader::Open(
      std::move(InputFile::Open(AT_FDCWD, directory / "n", directory / "n").value()));
  ASSERT_TRUE(reader.ok());
  Key next = 0;
  const Status status = reader.value().ReadNames([&](Key key, std::string_view name) {
    EXPECT_EQ(key, next * 3);
    EXPECT_EQ(name, next == 7 ? "" : long_name);
    ++next;
    return Status();
  });
  EXPECT_TRUE(status.ok()) << status.ToString();
  EXPECT_EQ(next, 20u);
}

}  // namespace
}  // namespace steelyard::checkpoint
