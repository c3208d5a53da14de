// HashTable: the directory of pages; growing, refitting and splitting one page at a time.
#include "table/hash_table.h"

#include <algorithm>
#include <array>
#include <bit>
#include <iterator>
#include <utility>

#include "base/check.h"
#include "base/vector_clones.h"

namespace steelyard::table {
namespace {

// Just below what a page of 2^13 buckets holds, so that it splits instead of doubling.
constexpr std::size_t kPageKeysMax = std::size_t{16'000};
constexpr std::uint32_t kBucketsMin = 4;

// A rebuilt page is a quarter full and grows at one half; one that ascending keys have left behind is fuller.
std::uint32_t BucketsFor(std::size_t keys, bool settled) {
  const std::size_t buckets = settled ? keys * 2 / 3 : keys;
  return std::max(kBucketsMin, static_cast<std::uint32_t>(buckets));
}

// The keys that the page's scale should spread out: those it has, and, where the pending key shows that they arrive
// in ascending or descending order, as much room again on that side.
KeyRange FittedRange(KeyRange range, std::span<const Key> keys, const Key* pending) {
  if (keys.empty()) return range;
  KeyRange fitted{keys.front(), keys.back()};
  if (pending != nullptr && *pending > fitted.last) {
    const std::uint64_t room = *pending - fitted.first;
    fitted.last = room > range.last - *pending ? range.last : *pending + room;
  } else if (pending != nullptr && *pending < fitted.first) {
    const std::uint64_t room = fitted.last - *pending;
    fitted.first = room > *pending - range.first ? range.first : *pending - room;
  }
  return fitted;
}

}  // namespace

HashTable::HashTable(KeyRange range, std::size_t row_floats, PageMemory& memory)
    : range_(range), row_floats_(row_floats), memory_(&memory) {
  SY_CHECK(range.first <= range.last && row_floats > 0);
  std::vector<HashPage> built;
  if (range.first == 0 && range.last == kKeyMax) {  // A page leaves a key out, to mark empty slots.
    BuildPages({0, kKeyMax / 2}, {}, nullptr, false, built);
    BuildPages({kKeyMax / 2 + 1, kKeyMax}, {}, nullptr, false, built);
  } else {
    BuildPages(range, {}, nullptr, false, built);
  }
  pages_ = std::move(built);
  for (const HashPage& page : pages_) page_bytes_ += page.bytes();
  RebuildBins();
}

const float* HashTable::Find(Key key) const {
  const Slot slot = FindSlot(key);
  return slot == kNoSlot ? nullptr : RowAt(slot);
}

// Look into the home bucket of each key, where nearly all of them are.
template <std::size_t kBucketBytes>
[[gnu::always_inline]] inline void HashTable::FindInHomesOf(std::span<const Key> keys,
                                                            std::span<Slot> slots,
                                                            Missed& missed) const {
  constexpr std::size_t kAhead = 32;  // Keys whose buckets are on their way into the cache.
  // Plain pointers: checked subscripts cost as much as the search.
  std::byte* window[kAhead];  // NOLINT(modernize-avoid-c-arrays)
  const Key* const key_at = keys.data();
  Slot* const slot_at = slots.data();
  std::uint16_t* const missed_at = missed.at.data();
  const std::size_t bucket_bytes = kBucketBytes == 0 ? BucketBytes(row_floats_) : kBucketBytes;
  HashPage::Homes homes(pages_[PageIndexOf(keys.front())]);
  const auto home = [&](Key key) __attribute__((always_inline)) {
    if (!homes.Holds(key)) [[unlikely]]
      homes = HashPage::Homes(pages_[PageIndexOf(key)]);
    std::byte* const bucket = homes.Bucket(key, bucket_bytes);
    __builtin_prefetch(bucket);
    if (kBucketBytes == 0) __builtin_prefetch(bucket + bucket_bytes - 1);
    return bucket;
  };
  const std::size_t count = keys.size();
  for (std::size_t i = 0; i < std::min(kAhead, count); ++i) window[i] = home(key_at[i]);
  std::size_t misses = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const Slot slot = HashPage::SlotInBucket(window[i % kAhead], key_at[i]);
    slot_at[i] = slot;
    missed_at[misses] = static_cast<std::uint16_t>(i);
    misses += slot == kNoSlot ? 1 : 0;
    if (i + kAhead < count) window[i % kAhead] = home(key_at[i + kAhead]);
  }
  missed.count = misses;
}

SY_VECTOR_CLONES
void HashTable::FindInHomes(std::span<const Key> keys, std::span<Slot> slots,
                            Missed& missed) const {
  constexpr std::size_t kUsual = BucketBytes(2);  // Rows of (z, n) or (w, n).
  if (BucketBytes(row_floats_) == kUsual) {
    FindInHomesOf<kUsual>(keys, slots, missed);
  } else {
    FindInHomesOf<0>(keys, slots, missed);
  }
}

// Keep the slots that still hold their keys.
void HashTable::CheckHints(std::span<const Key> keys, std::span<Slot> slots, Missed& missed) {
  constexpr std::size_t kAhead = 32;
  const std::size_t count = keys.size();
  const Key* const key_at = keys.data();
  const Slot* const slot_at = slots.data();
  std::uint16_t* const missed_at = missed.at.data();
  std::size_t misses = 0;
  for (std::size_t i = 0; i < count; ++i) {
    if (i + kAhead < count) __builtin_prefetch(BucketOf(slot_at[i + kAhead]));
    const bool right = slot_at[i] != kNoSlot && KeyOf(slot_at[i]) == key_at[i];
    missed_at[misses] = static_cast<std::uint16_t>(i);
    misses += right ? 0 : 1;
  }
  missed.count = misses;
}

// Find the keys that stand where they are looked for first, in their hints or their homes.
void HashTable::FindMost(std::span<const Key> keys, std::span<Slot> slots, bool hinted,
                         Missed& missed) const {
  SY_DCHECK(keys.size() <= kRunMax && slots.size() == keys.size());
  missed.count = 0;
  if (keys.empty()) return;
  if (hinted) CheckHints(keys, slots, missed);
  if (!hinted || missed.count > keys.size() / 4) FindInHomes(keys, slots, missed);
}

std::size_t HashTable::FindSlots(std::span<const Key> keys, std::span<Slot> slots,
                                 bool hinted) const {
  Missed missed;
  FindMost(keys, slots, hinted, missed);
  std::size_t absent = 0;
  for (std::size_t i = 0; i < missed.count; ++i) {
    const std::uint16_t at = missed.at[i];
    slots[at] = FindSlot(keys[at]);
    absent += slots[at] == kNoSlot ? 1 : 0;
  }
  return absent;
}

void HashTable::FindOrInsertSlots(std::span<const Key> keys, std::span<Slot> slots, bool hinted) {
  Missed missed;
  FindMost(keys, slots, hinted, missed);
  const std::size_t size = size_;
  const std::uint64_t generation = generation_;
  for (std::size_t i = 0; i < missed.count; ++i) {
    const std::uint16_t at = missed.at[i];
    slots[at] = FindOrInsertSlot(keys[at]);
  }
  if (size_ == size) return;
  // Insertions moved larger keys on; rebuilt pages moved everything.
  const std::size_t absent = FindSlots(keys, slots, /*hinted=*/generation == generation_);
  SY_CHECK(absent == 0);
}

float* HashTable::FindOrInsert(Key key) {
  return RowAt(FindOrInsertSlot(key));
}

Slot HashTable::FindOrInsertSlot(Key key) {
  for (;;) {
    const std::size_t index = PageIndexOf(key);
    HashPage& page = pages_[index];
    const std::size_t before = page.size();
    if (const Slot slot = page.FindOrInsert(key); slot != kNoSlot) {
      size_ += page.size() - before;
      return slot;
    }
    Grow(index, key);
  }
}

bool HashTable::Erase(Key key) {
  const bool erased = pages_[PageIndexOf(key)].Erase(key);
  size_ -= erased ? 1 : 0;
  return erased;
}

std::size_t HashTable::SearchPages(Key key, std::size_t low, std::size_t high) const {
  while (low < high) {  // The last page that starts at or before the key.
    const std::size_t middle = (low + high + 1) / 2;
    if (pages_[middle].range().first <= key) {
      low = middle;
    } else {
      high = middle - 1;
    }
  }
  return low;
}

void HashTable::Grow(std::size_t page, Key pending) {
  std::vector<Key> keys;
  std::vector<float*> rows;
  keys.reserve(pages_[page].size());
  rows.reserve(pages_[page].size());
  pages_[page].Collect(keys, rows);
  std::vector<HashPage> built;
  BuildPages(pages_[page].range(), {keys, rows}, &pending, false, built);
  ReplacePage(page, std::move(built));
}

// Append the page that holds `entries`, or several where one would be too large or too crowded.
// @param pending  the key that asked for it, when it belongs to `range`.
void HashTable::BuildPages(KeyRange range, const HashPage::Entries& entries, const Key* pending,
                           bool settled, std::vector<HashPage>& built) const {
  const std::span<const Key> keys = entries.keys;
  if (keys.size() < kPageKeysMax) {
    const KeyRange fitted = FittedRange(range, keys, pending);
    const std::uint32_t buckets =
        HashPage::FittingBuckets(BucketsFor(keys.size(), settled), row_floats_);
    const HashPage::Plan plan = HashPage::MakePlan(fitted, buckets, keys);
    if (plan.longest_run <= HashPage::kRunBuiltMax || keys.size() <= HashPage::kRunBuiltMax) {
      built.emplace_back(range, row_floats_, plan, entries, *memory_);
      return;
    }
  }
  // Keys that arrive in order leave full pages behind; any others leave two halves.
  const bool ascending =
      pending != nullptr && *pending > keys.back() && keys.size() >= kPageKeysMax;
  const std::size_t left = ascending ? keys.size() - keys.size() / 8 : keys.size() / 2;
  const KeyRange low{range.first, keys[left] - 1};
  const KeyRange high{keys[left], range.last};
  const auto pending_in = [&](KeyRange part) {
    const bool inside = pending != nullptr && part.first <= *pending && *pending <= part.last;
    return inside ? pending : nullptr;
  };
  BuildPages(low, {keys.first(left), entries.rows.first(left)}, pending_in(low), ascending, built);
  BuildPages(high, {keys.subspan(left), entries.rows.subspan(left)}, pending_in(high), false,
             built);
}

void HashTable::ReplacePage(std::size_t page, std::vector<HashPage> built) {
  ++generation_;
  page_bytes_ -= pages_[page].bytes();
  for (const HashPage& fresh : built) page_bytes_ += fresh.bytes();
  const std::size_t added = built.size() - 1;
  pages_[page] = std::move(built.front());
  pages_.insert(pages_.begin() + static_cast<std::ptrdiff_t>(page) + 1,
                std::make_move_iterator(built.begin() + 1), std::make_move_iterator(built.end()));
  if (added == 0) return;
  if (pages_.size() > bins_.size()) {
    RebuildBins();
    return;
  }
  // Bins that start in a page behind the old one move on; those that start in the old one are searched.
  std::size_t bin =
      static_cast<std::size_t>((pages_[page].range().first - range_.first) >> bin_shift_);
  while (bin < bins_.size() && bins_[bin] < page) ++bin;
  for (; bin < bins_.size() && bins_[bin] == page; ++bin) {
    const Key first = range_.first + (static_cast<Key>(bin) << bin_shift_);
    bins_[bin] = bin + 1 == bins_.size()
                     ? static_cast<std::uint32_t>(page + added)
                     : static_cast<std::uint32_t>(SearchPages(first, page, page + added));
  }
  for (; bin < bins_.size(); ++bin) bins_[bin] += static_cast<std::uint32_t>(added);
}

void HashTable::RebuildBins() {
  const std::uint64_t span = range_.last - range_.first;
  const auto wanted_bits =
      static_cast<int>(std::bit_width(pages_.size())) + 1;  // 2 to 4 bins a page.
  const auto span_bits = static_cast<int>(std::bit_width(span));
  bin_shift_ = static_cast<std::uint32_t>(std::max(0, span_bits - wanted_bits));
  const auto count = static_cast<std::size_t>(span >> bin_shift_) + 1;
  bins_.resize(count + 1);
  std::size_t page = 0;
  for (std::size_t bin = 0; bin < count; ++bin) {
    const Key first = range_.first + (static_cast<Key>(bin) << bin_shift_);
    while (pages_[page].range().last < first) ++page;
    bins_[bin] = static_cast<std::uint32_t>(page);
  }
  bins_[count] = static_cast<std::uint32_t>(pages_.size() - 1);
}

bool HashTable::Scan(Key first,
                     const std::function<bool(Key, std::span<const float>)>& visit) const {
  if (first > range_.last) return true;
  first = std::max(first, range_.first);
  for (std::size_t page = PageIndexOf(first); page < pages_.size(); ++page) {
    if (!pages_[page].Scan(first, visit)) return false;
  }
  return true;
}

std::size_t HashTable::FirstAbsent(std::span<const Key> keys) const {
  const auto absent = std::ranges::find_if(keys, [&](Key key) { return FindSlot(key) == kNoSlot; });
  return static_cast<std::size_t>(absent - keys.begin());
}

// @param resolve  (keys, slots, hinted): FindSlots or FindOrInsertSlots.
template <typename Resolve>
void HashTable::ForEachRun(std::span<const Key> keys, SlotHints hints, Resolve&& resolve,
                           const VisitRun& visit) const {
  std::array<Slot, kRunMax> scratch;
  const std::uint64_t generation = generation_;
  for (std::size_t first = 0; first < keys.size(); first += kRunMax) {
    const std::size_t count = std::min(kRunMax, keys.size() - first);
    const std::span<Slot> slots =
        hints.slots.empty() ? std::span(scratch).first(count) : hints.slots.subspan(first, count);
    resolve(keys.subspan(first, count), slots, hints.filled && generation == generation_);
    visit(first, slots);
  }
}

void HashTable::Read(std::span<const Key> keys, SlotHints hints, const VisitRun& visit) const {
  ForEachRun(
      keys, hints,
      [this](auto run, auto slots, bool hinted) { (void)FindSlots(run, slots, hinted); }, visit);
}

void HashTable::Update(std::span<const Key> keys, SlotHints hints, const VisitRun& visit) {
  ForEachRun(
      keys, hints,
      [this](auto run, auto slots, bool hinted) { FindOrInsertSlots(run, slots, hinted); }, visit);
}

std::size_t HashTable::memory_bytes() const {
  return sizeof(*this) + page_bytes_ + pages_.capacity() * sizeof(HashPage) +
         bins_.capacity() * sizeof(std::uint32_t);
}

}  // namespace steelyard::table
