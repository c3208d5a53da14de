// Keys are found by a directory of their leading bits; rows are gathered into buckets and put back, a run at a time.
#include "table/array_table.h"

#include <algorithm>
#include <array>
#include <bit>
#include <numeric>

#include "base/check.h"
#include "base/vector_clones.h"
#include "table/lanes.h"

namespace steelyard::table {
namespace {

/// Keys that are looked up together while the memory is asked for those behind them.
constexpr std::size_t kRunMax = 128;
constexpr std::size_t kScratchBytes = std::size_t{64} << 10;
constexpr std::size_t kKeysPerBin = 4;
constexpr std::size_t kLineFloats = 16;
/// Keys that are compared at a time: a line.
constexpr std::size_t kWindow = 8;
/// A bin with more keys than this is halved before it is walked.
constexpr std::size_t kWalkMax = 2 * kWindow;

/// The elements [first, first + count), as far as there are any.
template <typename T>
std::span<const T> PartOf(std::span<const T> all, std::size_t first, std::size_t count) {
  if (first >= all.size()) return {};
  return all.subspan(first, std::min(count, all.size() - first));
}

std::size_t RunKeys(std::size_t row_floats) {
  const std::size_t fit = kScratchBytes / BucketBytes(row_floats) * kLanes;
  return std::clamp(fit, kLanes, kRunMax);
}

std::uint32_t BinShift(KeyRange spanned, std::size_t count) {
  const auto bits = static_cast<int>(std::bit_width(spanned.last - spanned.first));
  const auto wanted_bits = std::max(1, static_cast<int>(std::bit_width(count / kKeysPerBin)));
  return static_cast<std::uint32_t>(std::max(0, bits - wanted_bits));
}

}  // namespace

ArrayTable::ArrayTable(KeyRange spanned, std::size_t count, std::size_t row_floats,
                       PageMemory& memory)
    : spanned_(spanned),
      bin_shift_(BinShift(spanned, count)),
      row_floats_(row_floats),
      capacity_(count),
      column_stride_((count + kLineFloats - 1) / kLineFloats * kLineFloats),
      bins_(BinOf(spanned.last) + 2, memory),
      keys_(count + kWindow, memory),
      columns_(std::max<std::size_t>(column_stride_ * row_floats, 1), memory),
      run_keys_(RunKeys(row_floats)),
      scratch_(run_keys_ / kLanes * BucketBytes(row_floats), memory) {
  SY_CHECK(spanned.first <= spanned.last && row_floats > 0 && count < kSizeMax);
}

void ArrayTable::Append(Key key, std::span<const float> row) {
  SY_CHECK(size_ < capacity_ && (size_ == 0 || keys_.data[size_ - 1] < key));
  while (bins_used_ <= BinOf(key)) bins_.data[bins_used_++] = static_cast<Rank>(size_);
  keys_.data[size_] = key;
  for (std::size_t i = 0; i < row_floats_; ++i) {
    columns_.data[i * column_stride_ + size_] = row[i];
  }
  ++size_;
}

void ArrayTable::Seal() {
  SY_CHECK(size_ == capacity_);
  if (size_ == 0) return;
  bins_.data[bins_used_++] = static_cast<Rank>(size_);
  std::fill_n(keys_.data + size_, kWindow, keys_.data[0]);  // Found at rank 0, if at all.
}

[[gnu::always_inline]] inline ArrayTable::Rank ArrayTable::RankOf(Key key) const {
  if (key < spanned_.first || key > spanned_.last) return kNoRank;
  const Rank* const bin = bins_.data + BinOf(key);
  const Key* const keys = keys_.data;
  std::size_t low = bin[0];
  std::size_t count = bin[1] - low;
  while (count > kWalkMax) {
    const std::size_t half = count / 2;
    low += keys[low + half] <= key ? half : 0;
    count -= half;
  }
  for (std::size_t at = low / kWindow * kWindow; at < low + count; at += kWindow) {
    const unsigned match = MatchingLanes(keys + at, key) | MatchingLanes(keys + at + 4, key) << 4U;
    if (match != 0) return static_cast<Rank>(at) + static_cast<Rank>(std::countr_zero(match));
  }
  return kNoRank;
}

std::optional<ArrayTable::Rank> ArrayTable::ConsecutiveFrom(std::span<const Key> keys) const {
  if (keys.size() < kRunMax || keys.size() > size_) return {};
  const Rank first = RankOf(keys.front());
  if (first == kNoRank || keys.size() > size_ - first) return {};
  const std::span<const Key> own(keys_.data + first, keys.size());
  if (own.back() != keys.back() || !std::ranges::equal(own, keys)) return {};
  return first;
}

SY_VECTOR_CLONES
void ArrayTable::RanksOfRun(std::span<const Key> keys, Rank* ranks) const {
  const Key* const key_at = keys.data();
  const std::size_t count = keys.size();
  for (std::size_t i = 0; i < count; ++i) ranks[i] = RankOf(key_at[i]);
}

void ArrayTable::FetchBins(std::span<const Key> keys) const {
  for (const Key key : keys) PrefetchFar(bins_.data + BinOf(InsideOf(key)));
}

void ArrayTable::FetchKeys(std::span<const Key> keys) const {
  for (const Key key : keys) {
    const Rank* const bin = bins_.data + BinOf(InsideOf(key));
    PrefetchFar(keys_.data + bin[0]);
    PrefetchFar(keys_.data + bin[1]);  // A third of the bins end in the next line.
  }
}

void ArrayTable::FetchRows(std::span<const Rank> ranks) const {
  for (const Rank rank : ranks) {
    if (rank == kNoRank) continue;
    for (std::size_t j = 0; j < row_floats_; ++j)
      PrefetchFar(columns_.data + j * column_stride_ + rank);
  }
}

std::size_t ArrayTable::FindRanks(std::span<const Key> keys, std::span<Rank> ranks) const {
  SY_DCHECK(ranks.size() == keys.size());
  if (size_ == 0) {
    std::ranges::fill(ranks, kNoRank);
    return keys.size();
  }
  if (const auto from = ConsecutiveFrom(keys)) {
    std::iota(ranks.begin(), ranks.end(), *from);
    return 0;
  }
  FetchBins(PartOf(keys, 0, 2 * kRunMax));
  FetchKeys(PartOf(keys, 0, kRunMax));
  for (std::size_t first = 0; first < keys.size(); first += kRunMax) {
    FetchBins(PartOf(keys, first + 2 * kRunMax, kRunMax));
    FetchKeys(PartOf(keys, first + kRunMax, kRunMax));
    RanksOfRun(PartOf(keys, first, kRunMax), ranks.data() + first);
  }
  return static_cast<std::size_t>(std::ranges::count(ranks, kNoRank));
}

// A hint is the address of the key itself.
void ArrayTable::RanksOfHints(std::span<const Key> keys, std::span<const Slot> hints,
                              Rank* ranks) const {
  for (std::size_t i = 0; i < keys.size(); ++i) {
    const Key* at = reinterpret_cast<const Key*>(hints[i]);
    const bool right = at != nullptr && *at == keys[i];
    ranks[i] = right ? static_cast<Rank>(at - keys_.data) : RankOf(keys[i]);
  }
}

void ArrayTable::FindRun(std::span<const Key> keys, std::span<Slot> hints, bool hinted,
                         std::optional<Rank> from, std::span<Rank> ranks) const {
  if (from) {
    std::iota(ranks.begin(), ranks.end(), *from);
  } else if (size_ == 0) {
    std::ranges::fill(ranks, kNoRank);
  } else if (hinted) {
    RanksOfHints(keys, hints, ranks.data());
  } else {
    RanksOfRun(keys, ranks.data());
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

// While a run is gathered, rows of the next are on their way, keys of the one behind it, and bins of the third.
void ArrayTable::ForEachRun(std::span<const Key> keys, SlotHints hints, bool changes,
                            const VisitRun& visit) const {
  std::array<std::array<Rank, kRunMax>, 2> ranks;
  std::array<Slot, kRunMax> slots;
  const std::size_t step = run_keys_;
  const std::optional<Rank> from = ConsecutiveFrom(keys);
  const bool hinted = hints.usable();
  const auto ranks_at = [&](std::size_t first) {
    const std::size_t count = PartOf(keys, first, step).size();
    return std::span<Rank>(ranks[first / step % 2].data(), count);
  };
  const auto fetch_bins = [&](std::size_t first) {
    if (size_ > 0 && !hinted && !from) FetchBins(PartOf(keys, first, step));
  };
  const auto fetch_keys = [&](std::size_t first) {
    if (from) {
      // Nothing is searched.
    } else if (hinted) {
      for (const Slot hint : PartOf(std::span<const Slot>(hints.slots), first, step))
        PrefetchFar(hint);
    } else if (size_ > 0) {
      FetchKeys(PartOf(keys, first, step));
    }
  };
  const auto find = [&](std::size_t first) {
    const std::span<Rank> found = ranks_at(first);
    const bool keeps = !hints.slots.empty() && !found.empty();
    FindRun(PartOf(keys, first, step),
            keeps ? hints.slots.subspan(first, found.size()) : std::span<Slot>(), hinted,
            from ? std::optional(static_cast<Rank>(*from + first)) : std::nullopt, found);
    if (!from) FetchRows(found);
  };
  for (std::size_t run = 0; run < 3; ++run) fetch_bins(run * step);
  for (std::size_t run = 0; run < 2; ++run) fetch_keys(run * step);
  find(0);
  for (std::size_t first = 0; first < keys.size(); first += step) {
    fetch_bins(first + 3 * step);
    fetch_keys(first + 2 * step);
    find(first + step);
    const std::span<const Rank> found = ranks_at(first);
    SY_CHECK(!changes || std::ranges::find(found, kNoRank) == found.end());
    Gather(found, slots);
    visit(first, std::span<const Slot>(slots).first(found.size()));
    if (changes) Scatter(found);
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
  if (ConsecutiveFrom(keys)) return keys.size();
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
         held(bins_.bytes);
}

}  // namespace steelyard::table
