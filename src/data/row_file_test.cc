// Goal: blocks come back as they were, and bytes that nobody wrote are an error, never rows. Method: random blocks, and
// every byte of a file changed in turn.
#include "data/row_file.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <random>

#include "data/test_folder.h"
#include "data/test_reading.h"

namespace steelyard::data {
namespace {

constexpr RowFile::Purpose kPurpose{.what = "rows of a test", .advice = "try again"};

class RowFileTest : public TestFolder {
 protected:
  RowFile OpenBlocks(int flags) const {
    return {::open(Path("rows").c_str(), flags | O_CLOEXEC, 0600), folder_.string(), kPurpose};
  }
};

TEST_F(RowFileTest, BlocksComeBackAsTheyWere) {
  std::mt19937_64 random(11);
  RowFile file = OpenBlocks(O_RDWR | O_CREAT);
  std::vector<RowBlock> blocks;
  std::uint64_t rows = 0;
  for (int i = 0; i < 50; ++i) {
    blocks.push_back(RandomBlock(random, rows, i % 2 == 0));
    rows += blocks.back().size();
    ASSERT_TRUE(file.Append(blocks.back()).ok());
  }
  ASSERT_GT(rows, 500u);
  RowBlock block;
  std::uint64_t at = 0;
  for (const RowBlock& expected : blocks) {
    ASSERT_TRUE(file.Read(at, block).ok());
    ExpectSameRows(block, expected);
  }
  EXPECT_EQ(at, file.bytes());
  const Status beyond = file.Read(at, block);
  EXPECT_EQ(beyond.code(), StatusCode::kIoError);
  EXPECT_EQ(beyond.where(), folder_.string());
}

TEST_F(RowFileTest, EveryChangedByteIsNoticed) {
  std::mt19937_64 random(12);
  {
    RowFile file = OpenBlocks(O_RDWR | O_CREAT);
    ASSERT_TRUE(file.Append(RandomBlock(random, 7, true)).ok());
  }
  std::ifstream input(Path("rows"), std::ios::binary);
  const std::string good{std::istreambuf_iterator<char>(input), {}};
  ASSERT_GT(good.size(), 200u);
  std::size_t changed = 0;
  for (std::size_t i = 0; i < good.size(); ++i) {
    std::string bad = good;
    bad[i] = static_cast<char>(bad[i] ^ (1 << (i % 8)));
    Write("rows", bad);
    const RowFile file = OpenBlocks(O_RDONLY);
    RowBlock block;
    std::uint64_t at = 0;
    ASSERT_FALSE(file.Read(at, block).ok()) << "byte " << i;
    ++changed;
  }
  EXPECT_EQ(changed, good.size());
  Write("rows", good.substr(0, good.size() - 1));
  RowBlock block;
  std::uint64_t at = 0;
  EXPECT_FALSE(OpenBlocks(O_RDONLY).Read(at, block).ok());
}

}  // namespace
}  // namespace steelyard::data
