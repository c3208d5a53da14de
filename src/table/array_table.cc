// Keys are found by a directory of their leading bits; rows are gathered into buckets and put back, a run at a time.
#include "table/array_table.h"

#include <algorithm>
#include <array>
#include <bit>

#include "base/check.h"

namespace steelyard::table {
namespace {

constexpr std::size_t kRunMax = 512;
constexpr std::size_t kScratchBytes = std::size_t{64} << 10;
constexpr std::size_t kKeysPerBin = 4;
constexpr std::size_t kLineFloats = 16;
/// A bin with more keys than this is halved before it is walked.
constexpr std::size_t kWalkMax = 16;

std::size_t RunKeys(std::size_t row_floats) {
  const std::size_t fit = kScratchBytes / BucketBytes(row_floats) * kLanes;
  return std::clamp(fit, kLanes, kRunMax);
}

}  // namespace

ArrayTable::ArrayTable(KeyRange spanned, std::size_t count, std::size_t row_floats,
                       PageMemory& memory)
    : spanned_(spanned),
      row_floats_(row_floats),
      capacity_(count),
      column_stride_((count + kLineFloats - 1) / kLineFloats * kLineFloats),
      keys_(std::max<std::size_t>(count, 1), memory),
      columns_(std::max<std::size_t>(column_stride_ * row_floats, 1), memory),
      run_keys_(RunKeys(row_floats)),
      scratch_(run_keys_ / kLanes * BucketBytes(row_floats), memory) {
  SY_CHECK(spanned.first <= spanned.last && row_floats > 0 && count < kSizeMax);
  const auto bits = static_cast<int>(std::bit_width(spanned.last - spanned.first));
  const auto wanted_bits = std::max(1, static_cast<int>(std::bit_width(count / kKeysPerBin)));
  bin_shift_ = static_cast<std::uint32_t>(std::max(0, bits - wanted_bits));
  if (count > 0) bins_.reserve(BinOf(spanned.last) + 2);
}

void ArrayTable::Append(Key key, std::span<const float> row) {
  SY_CHECK(size_ < capacity_ && (size_ == 0 || keys_.data[size_ - 1] < key));
  while (bins_.size() <= BinOf(key)) bins_.push_back(static_cast<Rank>(size_));
  keys_.data[size_] = key;
  for (std::size_t i = 0; i < row_floats_; ++i) {
    columns_.data[i * column_stride_ + size_] = row[i];
  }
  ++size_;
}

void ArrayTable::Seal() {
  SY_CHECK(size_ == capacity_);
  if (size_ > 0) bins_.push_back(static_cast<Rank>(size_));
}

ArrayTable::Rank ArrayTable::RankOf(Key key) const {
  if (size_ == 0 || key < spanned_.first || key > spanned_.last) return kNoRank;
  const std::size_t bin = BinOf(key);
  std::size_t low = bins_[bin];
  std::size_t count = bins_[bin + 1] - low;
  while (count > kWalkMax) {
    const std::size_t half = count / 2;
    low += keys_.data[low + half] <= key ? half : 0;
    count -= half;
  }
  for (std::size_t at = low; at < low + count; ++at) {
    if (keys_.data[at] == key) return static_cast<Rank>(at);
  }
  return kNoRank;
}

std::size_t ArrayTable::FindRanks(std::span<const Key> keys, std::span<Rank> ranks) const {
  SY_DCHECK(ranks.size() == keys.size());
  constexpr std::size_t kAhead = 32;  // Keys whose neighbourhood is on its way into the cache.
  std::size_t absent = 0;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    if (i + 2 * kAhead < keys.size() && keys[i + 2 * kAhead] <= spanned_.last &&
        keys[i + 2 * kAhead] >= spanned_.first) {
      __builtin_prefetch(bins_.data() + BinOf(keys[i + 2 * kAhead]));
    }
    if (i + kAhead < keys.size() && keys[i + kAhead] <= spanned_.last &&
        keys[i + kAhead] >= spanned_.first && size_ > 0) {
      __builtin_prefetch(keys_.data + bins_[BinOf(keys[i + kAhead])]);
    }
    ranks[i] = RankOf(keys[i]);
    absent += ranks[i] == kNoRank ? 1 : 0;
  }
  return absent;
}

// A hint is the address of the key itself.
void ArrayTable::FindRun(std::span<const Key> keys, std::span<Slot> hints, bool hinted,
                         std::span<Rank> ranks) const {
  if (hinted) {
    for (std::size_t i = 0; i < keys.size(); ++i) {
      const Key* at = reinterpret_cast<const Key*>(hints[i]);
      const bool right = at != nullptr && *at == keys[i];
      ranks[i] = right ? static_cast<Rank>(at - keys_.data) : RankOf(keys[i]);
    }
  } else {
    (void)FindRanks(keys, ranks);
  }
  for (std::size_t i = 0; i < hints.size(); ++i) {
    hints[i] = ranks[i] == kNoRank ? kNoSlot : reinterpret_cast<Slot>(keys_.data + ranks[i]);
  }
}

void ArrayTable::Gather(std::span<const Rank> ranks, std::span<Slot> slots) const {
  const std::size_t bucket_bytes = BucketBytes(row_floats_);
  for (std::size_t i = 0; i < ranks.size(); ++i) {
    const Slot slot = scratch_.data + i / kLanes * bucket_bytes + i % kLanes;
    slots[i] = ranks[i] == kNoRank ? kNoSlot : slot;
    if (ranks[i] == kNoRank) continue;
    float* row = RowOf(slot, row_floats_);
    for (std::size_t j = 0; j < row_floats_; ++j) {
      row[j] = columns_.data[j * column_stride_ + ranks[i]];
    }
  }
}

void ArrayTable::Scatter(std::span<const Rank> ranks) const {
  const std::size_t bucket_bytes = BucketBytes(row_floats_);
  for (std::size_t i = 0; i < ranks.size(); ++i) {
    const float* row = RowOf(scratch_.data + i / kLanes * bucket_bytes + i % kLanes, row_floats_);
    for (std::size_t j = 0; j < row_floats_; ++j) {
      columns_.data[j * column_stride_ + ranks[i]] = row[j];
    }
  }
}

void ArrayTable::ForEachRun(std::span<const Key> keys, SlotHints hints, bool changes,
                            const VisitRun& visit) const {
  std::array<Rank, kRunMax> ranks;
  std::array<Slot, kRunMax> slots;
  for (std::size_t first = 0; first < keys.size(); first += run_keys_) {
    const std::size_t count = std::min(run_keys_, keys.size() - first);
    const std::span<Rank> run(ranks.data(), count);
    FindRun(keys.subspan(first, count),
            hints.slots.empty() ? std::span<Slot>() : hints.slots.subspan(first, count),
            hints.usable(), run);
    SY_CHECK(!changes || std::ranges::find(run, kNoRank) == run.end());
    Gather(run, slots);
    visit(first, std::span<const Slot>(slots).first(count));
    if (changes) Scatter(run);
  }
  hints.SetFilled();
}

void ArrayTable::Read(std::span<const Key> keys, SlotHints hints, const VisitRun& visit) const {
  ForEachRun(keys, hints, /*changes=*/false, visit);
}

void ArrayTable::Update(std::span<const Key> keys, SlotHints hints, const VisitRun& visit) {
  ForEachRun(keys, hints, /*changes=*/true, visit);
}

std::size_t ArrayTable::FirstAbsent(std::span<const Key> keys) const {
  std::array<Rank, kRunMax> ranks;
  for (std::size_t first = 0; first < keys.size(); first += kRunMax) {
    const std::size_t count = std::min(kRunMax, keys.size() - first);
    const std::span<Rank> run(ranks.data(), count);
    if (FindRanks(keys.subspan(first, count), run) == 0) continue;
    return first + static_cast<std::size_t>(std::ranges::find(run, kNoRank) - run.begin());
  }
  return keys.size();
}

ArrayTable::RankRange ArrayTable::RanksOf(KeyRange range) const {
  const auto all = keys();
  const auto first = std::ranges::lower_bound(all, range.first);
  const auto end = std::upper_bound(first, all.end(), range.last);
  return {.first = static_cast<std::size_t>(first - all.begin()),
          .count = static_cast<std::size_t>(end - first)};
}

bool ArrayTable::Scan(Key first,
                      const std::function<bool(Key, std::span<const float>)>& visit) const {
  std::vector<float> row(row_floats_);
  for (std::size_t rank = RanksOf({first, kKeyMax}).first; rank < size_; ++rank) {
    for (std::size_t j = 0; j < row_floats_; ++j) {
      row[j] = columns_.data[j * column_stride_ + rank];
    }
    if (!visit(keys_.data[rank], row)) return false;
  }
  return true;
}

std::size_t ArrayTable::memory_bytes() const {
  const auto held = [](const PageBlock& block) {
    return PageMemory::BlockBytes(block.get_deleter().bytes);
  };
  return sizeof(*this) + held(keys_.bytes) + held(columns_.bytes) + held(scratch_.bytes) +
         bins_.capacity() * sizeof(Rank);
}

}  // namespace steelyard::table
