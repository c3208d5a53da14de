#include "table/page_memory.h"

#include <sys/mman.h>

#include <bit>
#include <cstdint>
#include <cstdlib>
#include <new>

namespace steelyard::table {
namespace {

std::size_t OrderOf(std::size_t block_bytes) {
  return static_cast<std::size_t>(std::countr_zero(block_bytes / PageMemory::kBlockBytesMin));
}

std::size_t RoundUp(std::size_t bytes, std::size_t unit) {
  return (bytes + unit - 1) / unit * unit;
}

}  // namespace

PageMemory::~PageMemory() = default;

void PageMemory::Release::operator()(std::byte* region) const {
  std::free(region);
}

std::unique_ptr<std::byte, PageMemory::Release> PageMemory::AllocateHuge(std::size_t bytes) {
  void* region = std::aligned_alloc(kChunkBytes, bytes);
  if (region == nullptr) throw std::bad_alloc();
  ::madvise(region, bytes, MADV_HUGEPAGE);  // Advice: without it everything works, slower.
  return std::unique_ptr<std::byte, Release>(static_cast<std::byte*>(region));
}

std::size_t PageMemory::BlockBytes(std::size_t bytes) {
  if (bytes < kBlockBytesMin) return RoundUp(bytes, kAlignment);
  return bytes <= kChunkBytes ? std::bit_ceil(bytes) : RoundUp(bytes, kChunkBytes);
}

std::byte* PageMemory::Allocate(std::size_t bytes) {
  const std::size_t block_bytes = BlockBytes(bytes);
  bytes_in_use_ += block_bytes;
  if (block_bytes < kBlockBytesMin) {
    return static_cast<std::byte*>(::operator new(block_bytes, std::align_val_t{kAlignment}));
  }
  if (block_bytes > kChunkBytes) return AllocateHuge(block_bytes).release();
  return TakeBlock(OrderOf(block_bytes));
}

void PageMemory::Free(std::byte* block, std::size_t bytes) {
  const std::size_t block_bytes = BlockBytes(bytes);
  bytes_in_use_ -= block_bytes;
  if (block_bytes < kBlockBytesMin) return ::operator delete(block, std::align_val_t{kAlignment});
  if (block_bytes > kChunkBytes) return Release()(block);
  GiveBlock(block, OrderOf(block_bytes));
}

std::byte* PageMemory::TakeBlock(std::size_t order) {
  std::size_t from = order;
  while (from < kOrders && free_[from].empty()) ++from;
  std::byte* block = nullptr;
  if (from < kOrders) {
    block = free_[from].extract(free_[from].begin()).value();
  } else {
    if (region_used_ == kRegionBytes) {
      regions_.push_back(AllocateHuge(kRegionBytes));
      region_used_ = 0;
    }
    block = regions_.back().get() + region_used_;
    region_used_ += kChunkBytes;
    from = kOrders - 1;
  }
  while (from > order) {  // The upper half stays free.
    --from;
    free_[from].insert(block + (kBlockBytesMin << from));
  }
  return block;
}

void PageMemory::GiveBlock(std::byte* block, std::size_t order) {
  for (; order + 1 < kOrders; ++order) {
    // Chunks are aligned to their size, so a block and its other half differ in one bit of the address.
    const std::size_t bytes = kBlockBytesMin << order;
    const bool is_upper = (reinterpret_cast<std::uintptr_t>(block) & bytes) != 0;
    std::byte* const other = is_upper ? block - bytes : block + bytes;
    if (free_[order].erase(other) == 0) break;
    if (is_upper) block = other;
  }
  free_[order].insert(block);
}

}  // namespace steelyard::table
