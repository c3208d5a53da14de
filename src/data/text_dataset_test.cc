// Goal: whatever the cut, the packing and the number of files, the same rows come out under the same numbers; bad
// inputs are refused with their place. Method: files in a temporary folder, every cut size, every truncation.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include <filesystem>
#include <random>
#include <sstream>
#include <thread>

#include "base/hash.h"
#include "data/dataset.h"
#include "data/test_folder.h"
#include "data/test_reading.h"

namespace steelyard::data {
namespace {

namespace fs = std::filesystem;

using TextDataset = TestFolder;

std::string Gzip(const std::string& text) {
  z_stream stream{};
  EXPECT_EQ(deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
  std::string packed(text.size() + 1000, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  packed.resize(packed.size() - stream.avail_out);
  deflateEnd(&stream);
  return packed;
}

std::string Zstd(const std::string& text) {
  std::string packed(ZSTD_compressBound(text.size()), '\0');
  packed.resize(ZSTD_compress(packed.data(), packed.size(), text.data(), text.size(), 3));
  return packed;
}

/// Rows with blank lines, comments and (sometimes) no last line end in between.
std::string RandomText(std::mt19937_64& random, int lines) {
  std::ostringstream text;
  for (int i = 0; i < lines; ++i) {
    const auto kind = random() % 10;
    if (kind == 0) {
      text << (random() % 2 ? "" : "  \t") << "\n";
    } else if (kind == 1) {
      text << "# a comment 1:1\n";
    } else {
      text << (random() % 2 ? "+1" : "-1");
      for (auto f = random() % 20; f > 0; --f)
        text << ' ' << random() % 1000 << ":" << random() % 3;
      text << (random() % 2 ? "\n" : "\r\n");
    }
  }
  if (random() % 2) text << "1 77:1";
  return text.str();
}

TEST_F(TextDataset, AnyCutGivesTheSameRows) {
  std::mt19937_64 random(11);
  for (int round = 0; round < 10; ++round) {
    const std::string one = Write("a.svm", RandomText(random, 60));
    const std::string two = Write("b.svm", RandomText(random, 1 + round * 7));
    const DatasetOptions options = OptionsFor({two, one});
    const ReadOutcome whole = ReadAll(options, 1'000'000);
    ASSERT_TRUE(whole.status.ok()) << whole.status.ToString();
    for (std::size_t i = 0; i < whole.rows.size(); ++i) ASSERT_EQ(whole.rows.rows[i], i);
    EXPECT_EQ(OpenDataset(options).value()->CountRows().value(), whole.rows.size());
    for (std::uint64_t rows = 1; rows < 70; rows += 1 + rows / 3) {
      const ReadOutcome cut = ReadAll(options, rows, 1 + rows % 5);
      ASSERT_TRUE(cut.status.ok()) << cut.status.ToString();
      ExpectSameRows(cut.rows, whole.rows);
    }
  }
}

TEST_F(TextDataset, ShardsCoverTheRowsInOrderAndAreTheSameEachTime) {
  const std::string path = Write("a.svm", "\n1 1\n0 2\n# x\n1 3\n\n0 4\n1 5");
  Result<std::unique_ptr<Dataset>> dataset = OpenDataset(OptionsFor({path, path}));
  const std::vector<Shard> shards = dataset.value()->Cut(2).value();
  ASSERT_EQ(shards.size(), 6u);
  std::uint64_t row = 0;
  for (const Shard& shard : shards) {
    EXPECT_EQ(shard.first_row, row);
    row += shard.row_count;
  }
  EXPECT_EQ(row, 10u);
  EXPECT_EQ(dataset.value()->Cut(2).value(), shards);
  EXPECT_FALSE(dataset.value()->Cut(0).ok());
  Shard foreign;
  foreign.file = 2;
  EXPECT_EQ(dataset.value()->Open(foreign).status().code(), StatusCode::kInvalidArgument);
}

TEST_F(TextDataset, RowsLongerThanTheWindowAreRead) {
  std::ostringstream text;
  for (int row = 0; row < 3; ++row) {
    text << "1";
    for (int f = 0; f < 60'000; ++f) text << ' ' << 100'000 + f << ":1";
    text << "\n";
  }
  const ReadOutcome all = ReadAll(OptionsFor({Write("long.svm", text.str())}), 2);
  ASSERT_TRUE(all.status.ok()) << all.status.ToString();
  EXPECT_EQ(all.rows.keys.size(), 180'000u);
  EXPECT_EQ(IdOfKey(all.rows.keys.back()), 159'999u);
}

TEST_F(TextDataset, PackedFilesGiveTheSameRows) {
  std::mt19937_64 random(13);
  const std::string text = RandomText(random, 5000);
  const ReadOutcome plain = ReadAll(OptionsFor({Write("a.svm", text)}), 1000);
  ASSERT_TRUE(plain.status.ok());
  const std::size_t half =
      text.find('\n', text.size() / 2) + 1 - 3;  // Members need not end at rows.
  const std::pair<const char*, std::string> packed[] = {
      {"a.svm.gz", Gzip(text)},
      {"members.svm.gz", Gzip(text.substr(0, half)) + Gzip("") + Gzip(text.substr(half))},
      {"padded.gz", Gzip(text) + std::string(512, '\0')},
      {"a.svm.zst", Zstd(text)},
      {"frames.zst", Zstd(text.substr(0, half)) + Zstd(text.substr(half))},
      {"unnamed", Gzip(text)},
  };
  for (const auto& [name, content] : packed) {
    const ReadOutcome unpacked = ReadAll(OptionsFor({Write(name, content)}), 1000);
    ASSERT_TRUE(unpacked.status.ok()) << name << unpacked.status.ToString();
    ExpectSameRows(unpacked.rows, plain.rows);
  }
  const DatasetOptions two =
      OptionsFor({(folder_ / "a.svm.gz").string(), (folder_ / "a.svm").string()});
  const ReadOutcome both = ReadAll(two, 1000);
  ASSERT_TRUE(both.status.ok()) << both.status.ToString();
  EXPECT_EQ(both.rows.rows.back() + 1, 2 * plain.rows.size());
  EXPECT_EQ(OpenDataset(two).value()->CountRows().value(), 2 * plain.rows.size());
}

TEST_F(TextDataset, ATruncatedPackedFileIsRefusedAtEveryByte) {
  std::mt19937_64 random(17);
  const std::string text = RandomText(random, 40);
  for (const auto& [name, packed] :
       {std::pair{"t.svm.gz", Gzip(text)}, std::pair{"t.svm.zst", Zstd(text)}}) {
    for (std::size_t bytes = 1; bytes < packed.size(); ++bytes) {
      const ReadOutcome outcome = ReadAll(OptionsFor({Write(name, packed.substr(0, bytes))}), 1000);
      ASSERT_EQ(outcome.status.code(), StatusCode::kCorruption) << name << " cut at " << bytes;
      ASSERT_NE(outcome.status.where().find(name), std::string::npos);
      if (bytes >= 4) {
        ASSERT_NE(outcome.status.message().find(std::to_string(bytes) + " packed bytes"),
                  std::string::npos)
            << outcome.status.ToString();
      }
    }
  }
}

TEST_F(TextDataset, ADamagedPackedFileIsRefused) {
  std::mt19937_64 random(19);
  const std::string text = RandomText(random, 400);
  std::string gz = Gzip(text);
  gz[gz.size() - 6] ^= 1;  // The checksum.
  EXPECT_EQ(ReadAll(OptionsFor({Write("a.gz", gz)}), 10).status.code(), StatusCode::kCorruption);
  EXPECT_EQ(ReadAll(OptionsFor({Write("b.gz", Gzip(text) + "junk")}), 10).status.code(),
            StatusCode::kCorruption);
  EXPECT_EQ(ReadAll(OptionsFor({Write("c.svm.gz", text)}), 10).status.code(),
            StatusCode::kCorruption);
  EXPECT_EQ(ReadAll(OptionsFor({Write("d.svm.gz", Gzip(""))}), 10).status.code(),
            StatusCode::kBadData);
}

TEST_F(TextDataset, ErrorsNameTheLineInTheWholeFile) {
  std::string text = "# head\n";
  for (int i = 0; i < 50; ++i) text += "1 1:1\n\n";
  text += "7 1:1\n1 2\n";
  const std::string plain = Write("a.svm", text);
  const std::string packed = Write("b.svm.gz", Gzip(text));
  for (const std::string& path : {plain, packed}) {
    for (const std::uint64_t rows : {1, 7, 1000}) {
      const ReadOutcome outcome = ReadAll(OptionsFor({path}), rows);
      EXPECT_EQ(outcome.status.code(), StatusCode::kBadData);
      EXPECT_EQ(outcome.status.where(), path + ":102");
      EXPECT_NE(outcome.status.message().find("label '7'"), std::string::npos);
    }
  }
}

TEST_F(TextDataset, ErrorsFarIntoAFileNameTheLineToo) {
  std::string text;
  for (int i = 0; i < 100'000; ++i) text += "1 1:1\n";
  text += "1 x\n";
  for (const std::string& path : {Write("a.svm", text), Write("b.svm.gz", Gzip(text))}) {
    EXPECT_EQ(ReadAll(OptionsFor({path}), 30'000).status.where(), path + ":100001");
  }
}

TEST_F(TextDataset, BadRowsAreSkippedUpToTheLimitAndKeepTheirNumbers) {
  std::string text;
  for (int i = 0; i < 100; ++i) text += i % 20 == 7 ? "x 1:1\n" : "1 1:1\n";  // Five bad rows.
  DatasetOptions options = OptionsFor({Write("a.svm", text)});
  options.bad_rows_max = 5;
  const ReadOutcome skipped = ReadAll(options, 9);
  ASSERT_TRUE(skipped.status.ok()) << skipped.status.ToString();
  EXPECT_EQ(skipped.bad_rows, 5u);
  EXPECT_EQ(skipped.rows.size(), 95u);
  EXPECT_EQ(skipped.rows.rows[7], 8u);

  options.bad_rows_max = 4;
  const ReadOutcome refused = ReadAll(options, 9);
  EXPECT_EQ(refused.status.code(), StatusCode::kBadData);
  EXPECT_EQ(refused.status.where(), options.paths[0] + ":88");
  EXPECT_NE(refused.status.message().find("bad row 5; 4 allowed"), std::string::npos)
      << refused.status.message();

  options.bad_rows_fraction_max = 0.05;  // The larger limit counts.
  EXPECT_TRUE(ReadAll(options, 9).status.ok());
  options.bad_rows_fraction_max = 0.049;
  EXPECT_FALSE(ReadAll(options, 9).status.ok());
}

TEST_F(TextDataset, ABadRowCountsOnceInSeveralPasses) {
  DatasetOptions options = OptionsFor({Write("a.svm", "1 1\nx 1\n0 1\n")});
  options.bad_rows_max = 1;
  Result<std::unique_ptr<Dataset>> dataset = OpenDataset(options);
  const std::vector<Shard> shards = dataset.value()->Cut(10).value();
  for (int pass = 0; pass < 3; ++pass) {
    EXPECT_TRUE(ReadShard(*dataset.value(), shards[0], 10).status.ok());
  }
}

TEST_F(TextDataset, ReadersOnSeveralThreadsShareTheDatasetAndItsLimit) {
  std::string text;
  for (int i = 0; i < 4000; ++i) text += i % 100 == 7 ? "x 1\n" : "1 " + std::to_string(i) + ":1\n";
  for (const double fraction : {0.01, 0.0099}) {
    DatasetOptions options = OptionsFor({Write("a.svm", text)});
    options.bad_rows_fraction_max = fraction;
    Result<std::unique_ptr<Dataset>> dataset = OpenDataset(options);
    const std::vector<Shard> shards = dataset.value()->Cut(50).value();
    std::vector<ReadOutcome> outcomes(shards.size());
    std::vector<std::thread> threads;
    for (std::size_t t = 0; t < 4; ++t) {
      threads.emplace_back([&, t] {
        for (std::size_t i = t; i < shards.size(); i += 4) {
          outcomes[i] = ReadShard(*dataset.value(), shards[i], 16);
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    std::uint64_t rows = 0;
    bool ok = true;
    for (const ReadOutcome& outcome : outcomes) {
      rows += outcome.rows.size();
      ok = ok && outcome.status.ok();
    }
    EXPECT_EQ(ok, fraction == 0.01);
    if (ok) {
      EXPECT_EQ(rows, 3960u);
    }
  }
}

TEST_F(TextDataset, AFileThatChangesAfterTheCutIsNoticed) {
  const std::string path = Write("a.svm", "1 1:1\n0 2:1\n1 3:1\n");
  Result<std::unique_ptr<Dataset>> dataset = OpenDataset(OptionsFor({path}));
  const std::vector<Shard> shards = dataset.value()->Cut(10).value();
  Write("a.svm", "1 1:1\n0 2:1\n      \n");
  EXPECT_EQ(ReadShard(*dataset.value(), shards[0], 10).status.code(), StatusCode::kBadData);
  Write("a.svm", "1 1:1\n");
  EXPECT_EQ(ReadShard(*dataset.value(), shards[0], 10).status.code(), StatusCode::kIoError);
}

TEST_F(TextDataset, UselessInputsAreRefusedWithTheirReason) {
  Write("train.svm", "1 1\n");
  const auto refusal = [&](const std::string& name) {
    return OpenDataset(OptionsFor({(folder_ / name).string()})).status();
  };
  EXPECT_EQ(refusal("tran.svm").code(), StatusCode::kNotFound);
  EXPECT_NE(
      refusal("tran.svm").ToString().find("did you mean '" + (folder_ / "train.svm").string()),
      std::string::npos)
      << refusal("tran.svm").ToString();
  EXPECT_EQ(refusal("*.nothing").code(), StatusCode::kNotFound);
  EXPECT_NE(refusal("no/such.svm").message().find("folder"), std::string::npos);
  EXPECT_EQ(refusal("").code(), StatusCode::kBadData);

  const std::pair<const char*, std::string> contents[] = {
      {"is empty", ""},
      {"program (ELF)", std::string("\x7f"
                                    "ELF\x02\x01\x01\0\0\0",
                                    10)},
      {"byte 4 is NUL", std::string("1 1:\0\n", 6)},
      {"xz",
       "\xfd"
       "7zXZ"},
      {"zip", "PK\x03\x04 1 1"},
      {"Parquet", "PAR1...."},
      {"control characters", "\x01\x02\x03\x04\x05 1:1\n"},
  };
  for (const auto& [reason, content] : contents) {
    const std::string path = Write("bad.svm", content);
    const Status status = OpenDataset(OptionsFor({path})).status();
    EXPECT_EQ(status.code(), StatusCode::kBadData) << reason;
    EXPECT_EQ(status.where(), path);
    EXPECT_NE(status.message().find(reason), std::string::npos) << status.message();
  }
  const std::string blank = Write("blank.svm", "# nothing\n\n");
  EXPECT_EQ(ReadAll(OptionsFor({blank}), 10).status.code(), StatusCode::kBadData);
  EXPECT_EQ(OpenDataset(OptionsFor({})).status().code(), StatusCode::kInvalidArgument);
  DatasetOptions weighted = OptionsFor({(folder_ / "train.svm").string()});
  weighted.weight_column = "w";
  EXPECT_EQ(OpenDataset(weighted).status().code(), StatusCode::kInvalidArgument);
}

TEST_F(TextDataset, GlobsAreSortedAndTheFormatComesFromNameOrContent) {
  for (const char* name : {"p2.txt", "p10.txt", "p1.txt"}) Write(name, "1 1:1\n");
  fs::create_directory(folder_ / "p9.txt");
  Result<std::unique_ptr<Dataset>> dataset =
      OpenDataset(OptionsFor({(folder_ / "p*.txt").string()}));
  ASSERT_TRUE(dataset.ok()) << dataset.status().ToString();
  EXPECT_EQ(dataset.value()->format(), Format::kLibsvm);
  EXPECT_TRUE(dataset.value()->keys_are_ids());
  const std::vector<std::string> wanted = {
      (folder_ / "p1.txt").string(), (folder_ / "p10.txt").string(), (folder_ / "p2.txt").string()};
  EXPECT_EQ(dataset.value()->files(), wanted);
  const std::string prose = Write("prose.txt", "once upon a time\n");
  EXPECT_NE(OpenDataset(OptionsFor({prose})).status().message().find("--format"),
            std::string::npos);
  const std::string marked = Write("bom.svm",
                                   "\xef\xbb\xbf"
                                   "1 1:1\n0 2\n");
  const ReadOutcome outcome = ReadAll(OptionsFor({marked}), 1);
  ASSERT_TRUE(outcome.status.ok()) << outcome.status.ToString();
  EXPECT_EQ(outcome.rows.size(), 2u);
}

TEST_F(TextDataset, StandardInputIsReadOncePlainOrPacked) {
  std::mt19937_64 random(23);
  const std::string text = RandomText(random, 3000);
  const ReadOutcome plain = ReadAll(OptionsFor({Write("a.svm", text)}), 1'000'000);
  const int saved = ::dup(STDIN_FILENO);
  for (const std::string& content : {text, Gzip(text), Zstd(text)}) {
    const std::string path = Write("stdin", content);
    const int file = ::open(path.c_str(), O_RDONLY);
    ::dup2(file, STDIN_FILENO);
    ::close(file);
    Result<std::unique_ptr<Dataset>> dataset = OpenDataset(OptionsFor({"-"}));
    ASSERT_TRUE(dataset.ok()) << dataset.status().ToString();
    EXPECT_EQ(dataset.value()->CountRows().value(), kRowsUnknown);
    const std::vector<Shard> shards = dataset.value()->Cut(10).value();
    ASSERT_EQ(shards.size(), 1u);
    EXPECT_EQ(shards[0].row_count, kRowsUnknown);
    const ReadOutcome read = ReadShard(*dataset.value(), shards[0], 64);
    ASSERT_TRUE(read.status.ok()) << read.status.ToString();
    EXPECT_EQ(read.rows.rows, plain.rows.rows);
    EXPECT_EQ(read.rows.keys, plain.rows.keys);
    EXPECT_EQ(dataset.value()->Open(shards[0]).status().code(), StatusCode::kInvalidArgument);
  }
  ::dup2(saved, STDIN_FILENO);
  ::close(saved);
  EXPECT_EQ(OpenDataset(OptionsFor({"-", (folder_ / "a.svm").string()})).status().code(),
            StatusCode::kInvalidArgument);
}

TEST_F(TextDataset, AStreamIsJudgedByItsBadShareAtItsEnd) {
  std::string text = "x 1\n";
  for (int i = 0; i < 199; ++i) text += "1 1\n";
  const int saved = ::dup(STDIN_FILENO);
  for (const double fraction : {0.004, 0.006}) {
    const std::string path = Write("stdin", text);
    const int file = ::open(path.c_str(), O_RDONLY);
    ::dup2(file, STDIN_FILENO);
    ::close(file);
    DatasetOptions options = OptionsFor({"-"});
    options.format = Format::kLibsvm;
    options.bad_rows_fraction_max = fraction;
    EXPECT_EQ(ReadAll(options, 10).status.ok(), fraction > 0.005);
  }
  ::dup2(saved, STDIN_FILENO);
  ::close(saved);
}

}  // namespace
}  // namespace steelyard::data
