// A stream handed to other parsers: the same rows, numbers and lines as when it is read alone.
#include "data/chunk_socket.h"

#include <gtest/gtest.h>

#include <sys/socket.h>
#include <sys/stat.h>
#include <fstream>
#include <map>
#include <random>
#include <thread>

#include "data/chunk_cutter.h"
#include "data/test_folder.h"
#include "data/test_reading.h"

namespace steelyard::data {
namespace {

class ChunkSocketTest : public TestFolder {
 protected:
  /// Write `content` into a pipe that OpenDataset() can read by name.
  std::string Pipe(std::string content) {
    const std::string path = Path("pipe-" + std::to_string(writers_.size()));
    EXPECT_EQ(::mkfifo(path.c_str(), 0600), 0);
    writers_.emplace_back(
        [path, content = std::move(content)] { std::ofstream(path, std::ios::binary) << content; });
    return path;
  }
  void TearDown() override {
    for (std::thread& writer : writers_) writer.join();
    TestFolder::TearDown();
  }

  /// Read the stream through `parsers` connections, each on its own thread.
  std::vector<ReadOutcome> ReadShared(const DatasetOptions& options, std::size_t parsers) {
    Result<std::unique_ptr<Dataset>> dataset = OpenDataset(options);
    EXPECT_TRUE(dataset.ok()) << dataset.status().ToString();
    Result<StreamFeed> feed = dataset.value()->TakeStream();
    EXPECT_TRUE(feed.ok());
    std::vector<OwnedFd> readers;
    std::vector<std::thread> threads;
    std::vector<ReadOutcome> outcomes(parsers);
    for (std::size_t i = 0; i < parsers; ++i) {
      Result<ChunkSockets> sockets = MakeChunkSockets();
      EXPECT_TRUE(sockets.ok());
      readers.push_back(std::move(sockets.value().reader));
      threads.emplace_back([&outcome = outcomes[i], &options,
                            fd = std::move(sockets.value().parser)]() mutable {
        Result<StreamFeed> mine = ConnectFeed(std::move(fd));
        ASSERT_TRUE(mine.ok()) << mine.status().ToString();
        Result<std::unique_ptr<Dataset>> parsed = OpenStreamFeed(std::move(mine.value()), options);
        ASSERT_TRUE(parsed.ok()) << parsed.status().ToString();
        const Result<std::vector<Shard>> shards = parsed.value()->Cut(100);
        ASSERT_TRUE(shards.ok());
        ASSERT_EQ(shards.value().size(), 1u);
        outcome = ReadShard(*parsed.value(), shards.value().front(), 1000);
      });
    }
    ServeFeed(feed.value(), readers);
    for (std::thread& thread : threads) thread.join();
    return outcomes;
  }

  std::vector<std::thread> writers_;
};

std::string RandomRows(std::size_t count, std::uint32_t seed) {
  std::mt19937 draw(seed);
  std::string text;
  for (std::size_t i = 0; i < count; ++i) {
    if (draw() % 50 == 0) text += "# a comment\n";
    if (draw() % 50 == 0) text += draw() % 2 == 0 ? "\n" : "  \r\n";
    text += draw() % 2 == 0 ? "1" : "-1";
    const std::size_t features = draw() % 6;
    for (std::size_t f = 0; f < features; ++f) text += " " + std::to_string(draw()) + ":0.5";
    if (i + 1 < count || draw() % 2 == 0) text += '\n';
  }
  return text;
}

TEST_F(ChunkSocketTest, OneParserReadsWhatAReaderOfTheFileReads) {
  const std::string text = RandomRows(3 * ChunkCutter::kRowsMax + 17, 1);
  const ReadOutcome expected = ReadAll(OptionsFor({Write("rows.svm", text)}), 1 << 20);
  const std::vector<ReadOutcome> outcomes = ReadShared(OptionsFor({Pipe(text)}), 1);
  ASSERT_TRUE(outcomes[0].status.ok()) << outcomes[0].status.ToString();
  ExpectSameRows(outcomes[0].rows, expected.rows);
}

TEST_F(ChunkSocketTest, ManyParsersReadEachRowOnce) {
  const std::string text = RandomRows(9 * ChunkCutter::kRowsMax + 1, 2);
  const ReadOutcome expected = ReadAll(OptionsFor({Write("rows.svm", text)}), 1 << 20);
  const std::vector<ReadOutcome> outcomes = ReadShared(OptionsFor({Pipe(text)}), 3);
  std::map<std::uint64_t, std::pair<const RowBlock*, std::size_t>> found;
  for (const ReadOutcome& outcome : outcomes) {
    ASSERT_TRUE(outcome.status.ok()) << outcome.status.ToString();
    for (std::size_t i = 0; i < outcome.rows.size(); ++i) {
      EXPECT_TRUE(found.emplace(outcome.rows.rows[i], std::pair(&outcome.rows, i)).second);
    }
  }
  RowBlock joined;
  for (const auto& [row, place] : found) AppendRow(*place.first, place.second, joined);
  ExpectSameRows(joined, expected.rows);
}

TEST_F(ChunkSocketTest, ABadRowIsNamedByItsLineOfTheWholeStream) {
  std::string text = RandomRows(2 * ChunkCutter::kRowsMax, 3);
  if (text.back() != '\n') text += '\n';
  const auto line = static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n')) + 1;
  text += "seven 1:1\n" + RandomRows(10, 4);
  const std::vector<ReadOutcome> outcomes = ReadShared(OptionsFor({Pipe(text)}), 2);
  const bool first = !outcomes[0].status.ok();
  const Status& failure = outcomes[first ? 0 : 1].status;
  EXPECT_EQ(failure.code(), StatusCode::kBadData);
  EXPECT_EQ(failure.where(), Path("pipe-0") + ":" + std::to_string(line));
}

TEST_F(ChunkSocketTest, HeadersAndQuotedLineEndsAreRead) {
  DatasetOptions options;
  options.schema_text =
      "[label]\ncolumn = \"y\"\n[features]\nx = { column = \"x\" }\nt = { column = \"two\\nlines\" "
      "}\n";
  options.schema_name = "s.toml";
  std::string text = "y;x;\"two\nlines\"\r\n";
  for (int i = 0; i < 10000; ++i) {
    text += std::to_string(i % 2) + ";a" + std::to_string(i % 97) + ";\"b\n\"\"" +
            std::to_string(i % 11) + "\"\n";
  }
  options.paths = {Write("rows.csv", text)};
  const ReadOutcome expected = ReadAll(options, 1 << 20);
  ASSERT_TRUE(expected.status.ok()) << expected.status.ToString();
  options.paths = {Pipe(text)};
  const std::vector<ReadOutcome> outcomes = ReadShared(options, 1);
  ASSERT_TRUE(outcomes[0].status.ok()) << outcomes[0].status.ToString();
  ExpectSameRows(outcomes[0].rows, expected.rows);
  options.paths = {Pipe(text + "1;a\n")};
  EXPECT_EQ(ReadShared(options, 1)[0].status.where(), Path("pipe-1") + ":20003");
}

TEST_F(ChunkSocketTest, OrderIsWatchedWhereChunksMeet) {
  DatasetOptions options;
  options.schema_text =
      "[label]\ncolumn = \"y\"\n[order]\nby = \"t\"\n[features]\nx = { column = \"t\" }\n";
  options.schema_name = "s.toml";
  std::string text = "y,t\n";
  for (std::uint64_t i = 0; i < 2 * ChunkCutter::kRowsMax; ++i) {
    text += "1," + std::to_string(i < ChunkCutter::kRowsMax ? i + 10'000 : i) + "\n";
  }
  options.paths = {Pipe(text)};
  const std::vector<ReadOutcome> outcomes = ReadShared(options, 2);
  for (const ReadOutcome& outcome : outcomes) {
    EXPECT_EQ(outcome.status.code(), StatusCode::kBadData);
    EXPECT_EQ(outcome.status.where(),
              Path("pipe-0") + ":" + std::to_string(ChunkCutter::kRowsMax + 2));
  }
}

TEST_F(ChunkSocketTest, TheShareOfBadRowsIsJudgedAtTheEnd) {
  std::string text;
  for (int i = 0; i < 100; ++i) text += i % 20 == 1 ? "x 1\n" : "1 1\n";
  DatasetOptions options = OptionsFor({Pipe(text)});
  options.bad_rows_fraction_max = 0.05;
  const ReadOutcome fits = ReadShared(options, 1)[0];
  EXPECT_TRUE(fits.status.ok()) << fits.status.ToString();
  EXPECT_EQ(fits.bad_rows, 5u);
  options.paths = {Pipe(text)};
  options.bad_rows_fraction_max = 0.04;
  EXPECT_EQ(ReadShared(options, 1)[0].status.code(), StatusCode::kBadData);
}

TEST_F(ChunkSocketTest, AParserWhoseReaderIsGoneSaysSo) {
  Result<ChunkSockets> sockets = MakeChunkSockets();
  ASSERT_TRUE(sockets.ok());
  sockets.value().reader.Reset();
  const Result<StreamFeed> feed = ConnectFeed(std::move(sockets.value().parser));
  ASSERT_FALSE(feed.ok());
  EXPECT_EQ(feed.status().code(), StatusCode::kUnavailable);
}

TEST_F(ChunkSocketTest, ServingEndsWhenItsSocketsAreShutDown) {
  Result<std::unique_ptr<Dataset>> dataset = OpenDataset(OptionsFor({Pipe("1 1\n")}));
  ASSERT_TRUE(dataset.ok());
  Result<StreamFeed> feed = dataset.value()->TakeStream();
  ASSERT_TRUE(feed.ok());
  Result<ChunkSockets> sockets = MakeChunkSockets();
  ASSERT_TRUE(sockets.ok());
  std::vector<OwnedFd> readers;
  readers.push_back(std::move(sockets.value().reader));
  std::thread server([&] { ServeFeed(feed.value(), readers); });
  ::shutdown(readers.front().get(), SHUT_RDWR);
  server.join();
  EXPECT_FALSE(ConnectFeed(std::move(sockets.value().parser)).ok());
}

TEST_F(ChunkSocketTest, AFileIsNoStream) {
  const Result<std::unique_ptr<Dataset>> dataset =
      OpenDataset(OptionsFor({Write("rows.svm", "1 1\n")}));
  ASSERT_TRUE(dataset.ok());
  EXPECT_FALSE(dataset.value()->is_stream());
  EXPECT_EQ(dataset.value()->TakeStream().status().code(), StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace steelyard::data
