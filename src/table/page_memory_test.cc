// Goal: blocks are aligned, never overlap, and are used again. Method: random allocations with every byte owned, against
// a map of what is out.
#include "table/page_memory.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <map>
#include <random>
#include <vector>

namespace steelyard::table {
namespace {

struct Block {
  std::byte* data;
  std::size_t bytes;
  std::byte mark;
};

void Fill(const Block& block) {
  std::memset(block.data, static_cast<int>(block.mark), block.bytes);
}

bool Intact(const Block& block) {
  for (std::size_t i = 0; i < block.bytes; ++i) {
    if (block.data[i] != block.mark) return false;
  }
  return true;
}

TEST(PageMemory, BlocksNeverOverlapAndAreUsedAgain) {
  PageMemory memory;
  std::mt19937_64 random(11);
  std::vector<Block> blocks;
  std::size_t allocated = 0;
  for (int i = 0; i < 4000; ++i) {
    if (blocks.size() < 40 || random() % 2 == 0) {
      const std::size_t bytes = (std::size_t{1} << (random() % 20)) + random() % 100;
      blocks.push_back({memory.Allocate(bytes), bytes, static_cast<std::byte>(random())});
      ASSERT_EQ(reinterpret_cast<std::uintptr_t>(blocks.back().data) % PageMemory::kAlignment, 0u);
      Fill(blocks.back());
      ++allocated;
    } else {
      std::swap(blocks[random() % blocks.size()], blocks.back());
      ASSERT_TRUE(Intact(blocks.back()));
      memory.Free(blocks.back().data, blocks.back().bytes);
      blocks.pop_back();
    }
  }
  for (const Block& block : blocks) {
    ASSERT_TRUE(Intact(block));
    memory.Free(block.data, block.bytes);
  }
  EXPECT_GT(allocated, 1000u);
}

TEST(PageMemory, FreeHalvesJoinToAWholeChunk) {
  PageMemory memory;
  constexpr std::size_t kCount = PageMemory::kChunkBytes / PageMemory::kBlockBytesMin;
  std::vector<std::byte*> blocks;
  for (std::size_t i = 0; i < kCount; ++i) {
    blocks.push_back(memory.Allocate(PageMemory::kBlockBytesMin));
  }
  std::byte* const chunk = *std::min_element(blocks.begin(), blocks.end());
  for (std::byte* block : blocks) memory.Free(block, PageMemory::kBlockBytesMin);
  std::byte* const whole = memory.Allocate(PageMemory::kChunkBytes);
  EXPECT_EQ(whole, chunk);
  EXPECT_NE(memory.Allocate(PageMemory::kChunkBytes), chunk);
}

TEST(PageMemory, RoundsUpToWhatItTakes) {
  EXPECT_EQ(PageMemory::BlockBytes(1), 64u);
  EXPECT_EQ(PageMemory::BlockBytes(4096), 4096u);
  EXPECT_EQ(PageMemory::BlockBytes(4097), 8192u);
  EXPECT_EQ(PageMemory::BlockBytes(2 << 20), std::size_t{2} << 20);
  EXPECT_EQ(PageMemory::BlockBytes((2 << 20) + 1), std::size_t{4} << 20);
  EXPECT_EQ(PageMemory::BlockBytes(5 << 20), std::size_t{6} << 20);
  PageMemory memory;
  const Block large{memory.Allocate(5 << 20), 5 << 20, std::byte{7}};
  Fill(large);
  EXPECT_TRUE(Intact(large));
  memory.Free(large.data, large.bytes);
}

}  // namespace
}  // namespace steelyard::table
