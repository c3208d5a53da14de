// Goal: no damaged model is ever believed. Method: every single-byte change, every truncation and one byte too many,
// for every file of a small model, and for a table file on its own.
#include <fcntl.h>
#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <vector>

#include "base/hash.h"
#include "checkpoint/model_reader.h"
#include "checkpoint/model_writer.h"
#include "checkpoint/test_directory.h"

namespace steelyard::checkpoint {
namespace {

Status Ignore(std::span<const Key>, std::span<const float>) {
  return {};
}

void WriteSample(const std::string& path) {
  auto writer = ModelWriter::Create(path);
  ASSERT_TRUE(writer.ok()) << writer.status().ToString();
  ModelWriter& model = *writer.value();
  ASSERT_TRUE(model
                  .AddTable({.table = "w",
                             .row_floats = 2,
                             .updater = {.name = "ftrl", .alpha = 0.1F, .l1 = 1.0F}})
                  .ok());
  for (Key key = 1; key < 6; ++key) {
    ASSERT_TRUE(model.AppendRows(std::vector{key << 40}, std::vector{1.5F, 2.5F}).ok());
  }
  ASSERT_TRUE(model.AppendName(Key{1} << 40, "origin=JFK").ok());
  ASSERT_TRUE(model.AppendName(Key{2} << 40, "origin=LAX").ok());
  const Status status = model.Commit({.created_by = "test",
                                      .task = "logistic",
                                      .solver = "ftrl",
                                      .key_kind = KeyKind::kNames,
                                      .data_format = "csv",
                                      .schema_text = "[label]\n",
                                      .nonzeros = 5,
                                      .metrics = {{"auc", 0.75}}});
  ASSERT_TRUE(status.ok()) << status.ToString();
}

// Read everything that a model holds.
Status ReadModel(const std::string& path) {
  auto model = ModelReader::Open(path);
  if (!model.ok()) return model.status();
  SY_RETURN_IF_ERROR(model.value()->ReadRows("w", Ignore));
  return model.value()->ReadNames([](Key, std::string_view) { return Status(); });
}

// Read a table file as one that no manifest vouches for.
Status ReadTable(const std::string& path) {
  auto file = InputFile::Open(AT_FDCWD, path, path);
  if (!file.ok()) return file.status();
  auto reader = TableFileReader::Open(std::move(file.value()));
  if (!reader.ok()) return reader.status();
  return reader.value().ReadRows(Ignore);
}

void PatchByte(const std::string& path, std::size_t at, char value) {
  std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
  file.seekp(static_cast<std::streamoff>(at));
  file.put(value);
}

template <typename Read>
void ExpectAllDamageFound(const std::string& path, const Read& read) {
  const std::string good = ReadWhole(path);
  ASSERT_TRUE(read().ok()) << read().ToString();
  const auto expect_corrupt = [&](const char* how, std::size_t at) {
    const Status status = read();
    ASSERT_EQ(status.code(), StatusCode::kCorruption) << how << at << ": " << status.ToString();
    ASSERT_EQ(status.where(), path) << how << at << ": " << status.ToString();
  };
  for (std::size_t at = 0; at < good.size(); ++at) {
    for (const int mask : {0x01, 0x20, 0xff}) {
      PatchByte(path, at, static_cast<char>(good[at] ^ mask));
      expect_corrupt("changed byte ", at);
    }
    PatchByte(path, at, good[at]);
  }
  ASSERT_TRUE(read().ok());
  WriteWhole(path, good + '\0');
  expect_corrupt("a byte more than ", good.size());
  for (std::size_t size = good.size(); size-- > 0;) {
    std::filesystem::resize_file(path, size);
    expect_corrupt("cut to ", size);
  }
  WriteWhole(path, good);
  ASSERT_TRUE(read().ok());
}

TEST(Damage, IsFoundInEveryByteOfEveryFileOfAModel) {
  const TestDirectory directory;
  const std::string path = directory / "model";
  WriteSample(path);
  for (const char* file : {"manifest.json", "table-w.rows", "names.bin"}) {
    SCOPED_TRACE(file);
    ExpectAllDamageFound(path + "/" + file, [&] { return ReadModel(path); });
  }
}

TEST(Damage, IsFoundInATableFileOnItsOwn) {
  const TestDirectory directory;
  const std::string path = directory / "model";
  WriteSample(path);
  const std::string file = path + "/table-w.rows";
  ExpectAllDamageFound(file, [&] { return ReadTable(file); });
}

TEST(Damage, AFooterThatContradictsItsFileIsFound) {
  const TestDirectory directory;
  const std::string path = directory / "model";
  WriteSample(path);
  const std::string file = path + "/table-w.rows";
  const std::string good = ReadWhole(file);
  constexpr std::size_t kFooterBytes = 36;  // kind, bytes, records, blocks, hash, crc
  for (const std::size_t field : {8, 16, 24}) {
    std::string bad = good;
    const std::size_t footer = bad.size() - kFooterBytes;
    ++bad[footer + field];
    const auto covered =
        std::as_bytes(std::span<const char>(bad)).subspan(footer, kFooterBytes - 4);
    const std::uint32_t crc = Crc32c(covered);  // So that nothing but the contradiction is wrong.
    std::memcpy(bad.data() + bad.size() - 4, &crc, 4);
    WriteWhole(file, bad);
    EXPECT_EQ(ReadTable(file).code(), StatusCode::kCorruption) << "field at " << field;
  }
}

TEST(Damage, AMissingOrExchangedFileIsFound) {
  const TestDirectory directory;
  const std::string path = directory / "model";
  WriteSample(path);
  const std::string table = path + "/table-w.rows";
  std::filesystem::rename(table, directory / "kept");
  EXPECT_EQ(ReadModel(path).code(), StatusCode::kCorruption);
  EXPECT_EQ(ReadModel(path).where(), table);
  // A sound file of another model, of the same length.
  {
    auto output = OutputFile::Create(AT_FDCWD, table, table);
    auto writer = TableFileWriter::Create(
        std::move(output.value()),
        {.table = "w", .row_floats = 2, .updater = {.name = "ftrl", .alpha = 0.1F, .l1 = 1.0F}});
    for (Key key = 1; key < 6; ++key) {
      ASSERT_TRUE(writer.value().Append(std::vector{key << 40}, std::vector{1.5F, 9.5F}).ok());
    }
    ASSERT_TRUE(writer.value().Finish().ok());
  }
  ASSERT_EQ(std::filesystem::file_size(table), std::filesystem::file_size(directory / "kept"));
  EXPECT_EQ(ReadModel(path).code(), StatusCode::kCorruption);
  EXPECT_TRUE(ReadTable(table).ok());
}

}  // namespace
}  // namespace steelyard::checkpoint
