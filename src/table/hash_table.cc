// HashTable: the directory of pages; growing, refitting and splitting one page at a time.
#include "table/hash_table.h"

#include <algorithm>
#include <array>
#include <bit>
#include <iterator>
#include <utility>

#include "base/check.h"
#include "base/vector_clones.h"
#include "table/lanes.h"

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
  return slot == kNoSlot ? nullptr : RowOf(slot, row_floats_);
}

template <std::size_t kBucketBytes>
[[gnu::always_inline]] inline void HashTable::FetchHomesOf(std::span<const Key> keys,
                                                           std::byte** homes) const {
  const std::size_t bucket_bytes = kBucketBytes == 0 ? BucketBytes(row_floats_) : kBucketBytes;
  HashPage::Homes page = HomesOf(PageIndexOf(keys.front()));
  const Key* const key_at = keys.data();  // Checked subscripts cost as much as the search.
  for (std::size_t i = 0; i < keys.size(); ++i) {
    if (!page.Holds(key_at[i])) page = HomesOf(PageIndexOf(key_at[i]));
    homes[i] = page.Bucket(key_at[i], bucket_bytes);
    PrefetchFar(homes[i]);
    if (kBucketBytes == 0) PrefetchFar(homes[i] + bucket_bytes - 1);
  }
}

void HashTable::FetchHomes(std::span<const Key> keys, std::byte** homes) const {
  constexpr std::size_t kUsual = BucketBytes(2);  // Rows of (z, n) or (w, n).
  if (BucketBytes(row_floats_) == kUsual) {
    FetchHomesOf<kUsual>(keys, homes);
  } else {
    FetchHomesOf<0>(keys, homes);
  }
}

void HashTable::FetchHomes(Run& run) const {
  run.hinted = false;
  run.homes = run.scratch.data();
  FetchHomes(run.keys, run.scratch.data());
}

// Ask the memory for the buckets in which the keys should stand.
void HashTable::Fetch(Run& run) const {
  run.generation = generation_;
  if (!run.hinted) return FetchHomes(run);
  for (const Slot slot : run.slots) PrefetchFar(BucketOf(slot));
}

// Look into the home bucket of each key, where nearly all of them are.
SY_VECTOR_CLONES
void HashTable::FindInHomes(const Run& run, Missed& missed) {
  const Key* const key_at = run.keys.data();
  Slot* const slot_at = run.slots.data();
  std::uint16_t* const missed_at = missed.at.data();
  const std::size_t count = run.keys.size();
  std::size_t misses = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const Slot slot = HashPage::SlotInBucket(run.homes[i], key_at[i]);
    slot_at[i] = slot;
    missed_at[misses] = static_cast<std::uint16_t>(i);
    misses += slot == kNoSlot ? 1 : 0;
  }
  missed.count = misses;
}

// Keep the slots that still hold their keys.
void HashTable::CheckHints(const Run& run, Missed& missed) {
  const std::size_t count = run.keys.size();
  const Key* const key_at = run.keys.data();
  const Slot* const slot_at = run.slots.data();
  std::uint16_t* const missed_at = missed.at.data();
  std::size_t misses = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const bool right = slot_at[i] != kNoSlot && KeyOf(slot_at[i]) == key_at[i];
    missed_at[misses] = static_cast<std::uint16_t>(i);
    misses += right ? 0 : 1;
  }
  missed.count = misses;
}

// Find the keys that stand where they are looked for first, in their hints or their homes.
void HashTable::FindMost(Run& run, Missed& missed) const {
  SY_DCHECK(run.keys.size() <= kRunMax && run.slots.size() == run.keys.size());
  if (run.generation != generation_) {  // Pages were rebuilt since.
    run.hinted = false;
    Fetch(run);
  }
  if (run.hinted) {
    CheckHints(run, missed);
    if (missed.count <= run.keys.size() / 4) return;
    FetchHomes(run);
  }
  FindInHomes(run, missed);
  // The others stand in the bucket behind, or nowhere.
  const std::size_t bucket_bytes = BucketBytes(row_floats_);
  for (std::size_t i = 0; i < missed.count; ++i)
    __builtin_prefetch(run.homes[missed.at[i]] + bucket_bytes);
}

// @return how many are absent; their slots are kNoSlot.
std::size_t HashTable::Find(Run& run) const {
  Missed missed;
  FindMost(run, missed);
  std::size_t absent = 0;
  for (std::size_t i = 0; i < missed.count; ++i) {
    const std::uint16_t at = missed.at[i];
    run.slots[at] = FindSlot(run.keys[at]);
    absent += run.slots[at] == kNoSlot ? 1 : 0;
  }
  return absent;
}

SY_VECTOR_CLONES
void HashTable::InsertMissed(Run& run, const Missed& missed) {
  const std::uint64_t generation = generation_;  // Of the run's homes, until a page is rebuilt.
  HashPage* page = nullptr;
  for (std::size_t i = 0; i < missed.count; ++i) {
    const std::uint16_t at = missed.at[i];
    const Key key = run.keys[at];
    Slot slot = kNoSlot;
    if (!run.hinted && generation_ == generation) {
      if (page == nullptr || !page->homes().Holds(key)) page = &pages_[PageIndexOf(key)];
      slot = page->InsertAtHome(run.homes[at], key);
      size_ += slot == kNoSlot ? 0 : 1;
    }
    run.slots[at] = slot == kNoSlot ? FindOrInsertSlot(key) : slot;
  }
}

void HashTable::FindOrInsert(Run& run) {
  Missed missed;
  FindMost(run, missed);
  const std::size_t size = size_;
  InsertMissed(run, missed);
  if (size_ == size) return;
  // Insertions moved larger keys on; rebuilt pages moved everything.
  run.hinted = true;
  const std::size_t absent = Find(run);
  SY_CHECK(absent == 0);
}

float* HashTable::FindOrInsert(Key key) {
  return RowOf(FindOrInsertSlot(key), row_floats_);
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

std::optional<KeyRange> HashTable::Span() const {
  std::optional<KeyRange> span;
  Scan(0, [&span](Key key, std::span<const float>) {
    span = {key, key};
    return false;
  });
  if (!span) return {};
  for (auto page = pages_.rbegin(); page != pages_.rend(); ++page) {
    if (const std::optional<Key> last = page->LastKey()) return KeyRange{span->first, *last};
  }
  return span;
}

std::size_t HashTable::FirstAbsent(std::span<const Key> keys) const {
  const auto absent = std::ranges::find_if(keys, [&](Key key) { return FindSlot(key) == kNoSlot; });
  return static_cast<std::size_t>(absent - keys.begin());
}

// @param resolve  of a run: Find or FindOrInsert.
template <typename Resolve>
void HashTable::ForEachRun(std::span<const Key> keys, SlotHints hints, Resolve&& resolve,
                           const VisitRun& visit) const {
  std::array<Slot, kRunMax> scratch;
  std::array<Run, 2> runs;  // The present one, and the next, whose buckets are on their way.
  const std::uint64_t generation = generation_;
  const auto fetch = [&](std::size_t first) {
    Run& run = runs[first / kRunMax % 2];
    run.keys = keys.subspan(first, std::min(kRunMax, keys.size() - first));
    run.slots = hints.slots.empty() ? std::span(scratch).first(run.keys.size())
                                    : hints.slots.subspan(first, run.keys.size());
    run.hinted = hints.usable() && generation == generation_;
    if (first == 0 && hints.homes.IsOf(run.keys.size(), generation_)) {
      run.hinted = false;
      run.generation = generation_;
      run.homes = hints.homes.buckets.data();
      return;
    }
    Fetch(run);
  };
  if (!keys.empty()) fetch(0);
  for (std::size_t first = 0; first < keys.size(); first += kRunMax) {
    if (first + kRunMax < keys.size()) fetch(first + kRunMax);
    Run& run = runs[first / kRunMax % 2];
    resolve(run);
    visit(first, run.slots);
  }
  hints.SetFilled();
}

void HashTable::Read(std::span<const Key> keys, SlotHints hints, const VisitRun& visit) const {
  ForEachRun(
      keys, hints, [this](Run& run) { (void)Find(run); }, visit);
}

void HashTable::Update(std::span<const Key> keys, SlotHints hints, const VisitRun& visit) {
  ForEachRun(
      keys, hints, [this](Run& run) { FindOrInsert(run); }, visit);
}

HomeBuckets HashTable::Prefetch(std::span<const Key> keys, std::span<std::byte*> scratch) const {
  if (keys.empty()) return {};
  const std::size_t count = std::min(keys.size(), kPrefetchMax);
  FetchHomes(keys.first(count), scratch.data());
  return {.buckets = scratch.first(count), .generation = generation_};
}

std::size_t HashTable::memory_bytes() const {
  return sizeof(*this) + page_bytes_ + pages_.capacity() * sizeof(HashPage) +
         bins_.capacity() * sizeof(std::uint32_t);
}

}  // namespace steelyard::table
