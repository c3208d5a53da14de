// Goal: a directory holds the earlier model or the complete new one, and nothing else is ever removed. Method: saves
// that are given up, that meet a full disk at every byte, and that find other people's files.
#include "checkpoint/model_dir.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <csignal>
#include <string>
#include <vector>

#include "checkpoint/model_reader.h"
#include "checkpoint/model_writer.h"
#include "checkpoint/test_directory.h"

namespace steelyard::checkpoint {
namespace {

Status Save(const std::string& path, float value, std::size_t rows = 3) {
  auto writer = ModelWriter::Create(path);
  if (!writer.ok()) return writer.status();
  ModelWriter& model = *writer.value();
  SY_RETURN_IF_ERROR(model.AddTable({.table = "w"}));
  for (Key key = 0; key < rows; ++key) {
    SY_RETURN_IF_ERROR(model.AppendRows(std::vector{key}, std::vector{value}));
  }
  SY_RETURN_IF_ERROR(model.AppendName(7, "seven"));
  return model.Commit({.created_by = "test", .task = "logistic", .solver = "ftrl"});
}

// The value in the model's rows, or -1 when it cannot be read.
float SavedValue(const std::string& path) {
  auto model = ModelReader::Open(path);
  float value = -1.0F;
  if (!model.ok()) return value;
  const Status status =
      model.value()->ReadRows("w", [&](std::span<const Key>, std::span<const float> rows) {
        value = rows.back();
        return Status();
      });
  return status.ok() ? value : -1.0F;
}

TEST(ModelDir, HoldsTheModelAndNothingIsLeftBeside) {
  const TestDirectory directory;
  const std::string path = directory / "model";
  ASSERT_TRUE(Save(path + "/", 1.0F).ok());
  EXPECT_EQ(SavedValue(path), 1.0F);
  ASSERT_TRUE(Save(path, 2.0F).ok());
  EXPECT_EQ(SavedValue(path), 2.0F);
  EXPECT_EQ(directory.entry_count(), 1u);
  const auto model = ModelReader::Open(path);
  EXPECT_EQ(model.value()->manifest().tables[0].rows, 3u);
  EXPECT_TRUE(model.value()->has_names());
  EXPECT_EQ(model.value()->table("v"), nullptr);
  EXPECT_EQ(model.value()->ReadRows("v", nullptr).code(), StatusCode::kNotFound);
}

TEST(ModelDir, AnEmptyDirectoryBecomesTheModel) {
  const TestDirectory directory;
  std::filesystem::create_directory(directory / "model");
  ASSERT_TRUE(Save(directory / "model", 1.0F).ok());
  EXPECT_EQ(SavedValue(directory / "model"), 1.0F);
  EXPECT_EQ(directory.entry_count(), 1u);
}

TEST(ModelDir, ALinkStaysALink) {
  const TestDirectory directory;
  ASSERT_TRUE(Save(directory / "real", 1.0F).ok());
  std::filesystem::create_directory_symlink(directory / "real", directory / "link");
  ASSERT_TRUE(Save(directory / "link", 2.0F).ok());
  EXPECT_TRUE(std::filesystem::is_symlink(directory / "link"));
  EXPECT_EQ(SavedValue(directory / "real"), 2.0F);
}

TEST(ModelDir, KeepsTheEarlierModelWhenASaveIsGivenUp) {
  const TestDirectory directory;
  const std::string path = directory / "model";
  ASSERT_TRUE(Save(path, 1.0F).ok());
  {
    auto writer = ModelWriter::Create(path);
    ASSERT_TRUE(writer.value()->AddTable({.table = "w"}).ok());
    ASSERT_TRUE(writer.value()->AppendRows(std::vector<Key>{1}, std::vector{2.0F}).ok());
    EXPECT_EQ(directory.entry_count(), 2u);
  }
  EXPECT_EQ(SavedValue(path), 1.0F);
  EXPECT_EQ(directory.entry_count(), 1u);
}

TEST(ModelDir, KeepsTheEarlierModelWhenTheDiskIsFullAtAnyByte) {
  const TestDirectory directory;
  const std::string path = directory / "model";
  ASSERT_TRUE(Save(path, 1.0F).ok());
  std::uintmax_t largest = 0;
  for (const auto& entry : std::filesystem::directory_iterator(path)) {
    largest = std::max(largest, entry.file_size());
  }
  // A limit on the size of files stands for the full disk: write() then fails after the bytes that fit.
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  for (std::uintmax_t limit = 0; limit < largest; limit += limit < 300 ? 1 : 37) {
    const rlimit tight{.rlim_cur = limit, .rlim_max = before.rlim_max};
    ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &tight), 0);
    const Status status = Save(path, 2.0F);
    ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
    ASSERT_EQ(status.code(), StatusCode::kIoError) << limit << ": " << status.ToString();
    ASSERT_EQ(SavedValue(path), 1.0F) << limit;
    ASSERT_EQ(directory.entry_count(), 1u) << limit;
  }
  std::signal(SIGXFSZ, handler);
  ASSERT_TRUE(Save(path, 3.0F).ok());
  EXPECT_EQ(SavedValue(path), 3.0F);
}

TEST(ModelDir, RefusesToReplaceAnythingButAModel) {
  const TestDirectory directory;
  const auto refused = [&](const std::string& path) {
    const Status status = Save(path, 1.0F);
    return status.code() == StatusCode::kInvalidArgument;
  };
  WriteWhole(directory / "file", "precious");
  EXPECT_TRUE(refused(directory / "file"));
  EXPECT_EQ(ReadWhole(directory / "file"), "precious");

  std::filesystem::create_directory(directory / "notes");
  WriteWhole(directory / "notes/today.txt", "precious");
  EXPECT_TRUE(refused(directory / "notes"));

  std::filesystem::create_directory(directory / "site");
  WriteWhole(directory / "site/manifest.json", "{\"name\": \"my web page\"}");
  EXPECT_TRUE(refused(directory / "site"));

  ASSERT_TRUE(Save(directory / "model", 1.0F).ok());
  WriteWhole(directory / "model/notes.txt", "precious");
  EXPECT_TRUE(refused(directory / "model"));
  EXPECT_EQ(ReadWhole(directory / "model/notes.txt"), "precious");
  EXPECT_EQ(SavedValue(directory / "model"), 1.0F);
  EXPECT_EQ(directory.entry_count(), 4u);
}

TEST(ModelDir, RefusesAForeignFileThatCameMeanwhile) {
  const TestDirectory directory;
  const std::string path = directory / "model";
  ASSERT_TRUE(Save(path, 1.0F).ok());
  auto writer = ModelWriter::Create(path);
  ASSERT_TRUE(writer.ok());
  WriteWhole(path + "/notes.txt", "precious");
  EXPECT_EQ(writer.value()->Commit({.task = "logistic"}).code(), StatusCode::kInvalidArgument);
  writer.value().reset();
  EXPECT_EQ(ReadWhole(path + "/notes.txt"), "precious");
  EXPECT_EQ(directory.entry_count(), 1u);
}

TEST(ModelDir, NamesAParentThatDoesNotExist) {
  const TestDirectory directory;
  const Status status = Save(directory / "no/model", 1.0F);
  EXPECT_EQ(status.code(), StatusCode::kNotFound);
  EXPECT_EQ(status.where(), directory / "no");
}

TEST(ModelDir, RemovesWhatKilledProcessesLeftAndNothingElse) {
  const TestDirectory directory;
  const std::string path = directory / "model";
  std::filesystem::create_directory(directory / "model.tmp-1");
  WriteWhole(directory / "model.tmp-1/table-w.rows", "half");
  std::filesystem::create_directory(directory / "model.tmp-2");
  WriteWhole(directory / "model.tmp-2/notes.txt", "precious");
  std::filesystem::create_directory(directory / "other.tmp-1");
  auto writer = ModelWriter::Create(path);
  ASSERT_TRUE(writer.ok());
  EXPECT_FALSE(std::filesystem::exists(directory / "model.tmp-1"));
  EXPECT_TRUE(std::filesystem::exists(directory / "model.tmp-2/notes.txt"));
  EXPECT_TRUE(std::filesystem::exists(directory / "other.tmp-1"));
  // A save under way is not mistaken for one.
  EXPECT_EQ(ModelWriter::Create(path).status().code(), StatusCode::kInvalidArgument);
  EXPECT_TRUE(writer.value()->Commit({.task = "logistic"}).ok());
}

TEST(ModelDir, AReaderKeepsTheModelItOpened) {
  const TestDirectory directory;
  const std::string path = directory / "model";
  ASSERT_TRUE(Save(path, 1.0F).ok());
  auto model = ModelReader::Open(path);
  ASSERT_TRUE(Save(path, 2.0F).ok());
  float value = 0.0F;
  const Status status =
      model.value()->ReadRows("w", [&](std::span<const Key>, std::span<const float> rows) {
        value = rows[0];
        return Status();
      });
  EXPECT_TRUE(status.ok()) << status.ToString();
  EXPECT_EQ(value, 1.0F);
}

TEST(ModelDir, TellsWhatIsNotAModel) {
  const TestDirectory directory;
  EXPECT_EQ(ModelReader::Open(directory / "nowhere").status().code(), StatusCode::kNotFound);
  const auto empty = ModelReader::Open(directory.path());
  EXPECT_EQ(empty.status().code(), StatusCode::kNotFound);
  EXPECT_NE(empty.status().message().find("no manifest.json"), std::string::npos);
}

TEST(ModelDir, TheWriterRefusesToGoOnAfterAnError) {
  const TestDirectory directory;
  auto writer = ModelWriter::Create(directory / "model");
  ModelWriter& model = *writer.value();
  EXPECT_FALSE(model.AppendRows(std::vector<Key>{1}, std::vector{1.0F}).ok());
  EXPECT_FALSE(model.AddTable({.table = "w"}).ok());
  EXPECT_FALSE(model.Commit({.task = "logistic"}).ok());
  writer.value().reset();
  EXPECT_EQ(directory.entry_count(), 0u);
}

}  // namespace
}  // namespace steelyard::checkpoint
