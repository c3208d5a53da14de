// HashPage: fitting the scale, placing, inserting with a shift to the next empty slot.
#include "table/hash_page.h"

#include <cstring>

#include "base/check.h"

namespace steelyard::table {

std::uint32_t HashPage::FittingBuckets(std::uint32_t wanted, std::size_t row_floats) {
  const std::size_t bucket_bytes = BucketBytes(row_floats);
  const std::size_t bytes = (wanted + kSpareBuckets) * bucket_bytes;
  if (bytes < PageMemory::kBlockBytesMin) return wanted;
  const std::size_t block = PageMemory::BlockBytes(bytes);
  // A little fuller is better than half empty: pages double, and halves of a split page are just over half a block.
  const std::size_t fuller = block / 2 / bucket_bytes;
  const std::size_t home =
      fuller >= kSpareBuckets + wanted - wanted / 8 ? fuller : block / bucket_bytes;
  return static_cast<std::uint32_t>(home - kSpareBuckets);
}

HashPage::Plan HashPage::MakePlan(KeyRange fitted, std::uint32_t buckets,
                                  std::span<const Key> keys) {
  Plan plan;
  plan.buckets = buckets;
  Scale& scale = plan.scale;
  scale.base = fitted.first;
  scale.span = fitted.last - fitted.first;
  scale.shift = scale.span == 0 ? 0 : static_cast<std::uint32_t>(std::countl_zero(scale.span));
  // The largest multiplier that keeps the largest offset inside the last bucket.
  const Wide top = Wide{scale.span == 0 ? 1 : scale.span << scale.shift};
  scale.multiplier =
      scale.span == 0 ? 0 : static_cast<std::uint64_t>(((Wide{buckets} << 64) - 1) / top);

  std::size_t next = 0;  // First slot free behind the keys placed so far.
  std::size_t run_start = 0;
  for (const Key key : keys) {
    const std::size_t home = scale.HomeOf(key) * kLanes;
    const bool gap = home > next;  // Which no processor foresees: chosen, not jumped over.
    run_start = gap ? home : run_start;
    next = (gap ? home : next) + 1;
    plan.longest_run = std::max(plan.longest_run, next - run_start);
  }
  plan.slots_used = next;
  return plan;
}

HashPage::HashPage(KeyRange range, std::size_t row_floats, const Plan& plan, const Entries& entries,
                   PageMemory& memory)
    : homes_(plan.scale, nullptr, range.last),
      bucket_bytes_(static_cast<std::uint32_t>(BucketBytes(row_floats))),
      row_floats_(static_cast<std::uint32_t>(row_floats)),
      range_(range),
      empty_key_(range.first > 0 ? range.first - 1 : range.last + 1),
      count_max_(std::size_t{plan.buckets} * kLanes / 2) {
  SY_CHECK(range.first > 0 || range.last < kKeyMax);  // Else no key is left to mark empty slots.
  const std::size_t home_slots = std::size_t{plan.buckets} * kLanes;
  // Room behind the last home bucket, of which the keys placed by the plan may have taken half.
  const std::size_t spare = std::min(home_slots / kLanes + 1, kSpareBuckets);
  const std::size_t buckets =
      std::max(plan.buckets + spare, plan.slots_used / kLanes + 1 + (spare + 1) / 2);
  slot_count_ = buckets * kLanes;
  const std::size_t bytes = buckets * bucket_bytes_;
  storage_ = PageBlock(memory.Allocate(bytes), {&memory, bytes});
  homes_ = Homes(plan.scale, storage_.get(), range.last);
  for (std::size_t i = 0; i < buckets; ++i) {
    std::fill_n(KeysOfBucket(storage_.get() + i * bucket_bytes_), kLanes, empty_key_);
  }
  std::size_t next = 0;
  for (std::size_t i = 0; i < entries.keys.size(); ++i) {
    next = std::max(next, HomeSlot(entries.keys[i]));
    Put(next++, entries.keys[i], entries.rows[i]);
  }
  count_ = entries.keys.size();
}

void HashPage::Put(std::size_t slot, Key key, const float* row) {
  KeyAt(slot) = key;
  float* const to = RowAt(slot);
  if (row_floats_ == 2) {  // One register.
    std::memcpy(to, row, 2 * sizeof(float));
  } else {
    std::memcpy(to, row, row_floats_ * sizeof(float));
  }
}

Slot HashPage::FindSlot(Key key) const {
  std::byte* bucket = nullptr;
  return Search(key, bucket);
}

Slot HashPage::FindOrInsert(Key key) {
  std::byte* bucket = nullptr;
  if (const Slot found = Search(key, bucket); found != kNoSlot) return found;
  // The key belongs into this bucket, before its first larger key and at most where it is empty.
  const Key* const keys = KeysOfBucket(bucket);
  std::size_t lane = 0;
  for (std::size_t i = 0; i < kLanes; ++i) {
    lane +=
        static_cast<std::size_t>(keys[i] < key) & static_cast<std::size_t>(keys[i] != empty_key_);
  }
  std::size_t index = static_cast<std::size_t>(bucket - storage_.get()) / bucket_bytes_;
  const std::size_t slot = index * kLanes + lane;
  while (OccupiedLanes(index) == kLanes) ++index;
  std::size_t hole = index * kLanes + OccupiedLanes(index);
  const std::size_t home = HomeSlot(key);
  if (count_ >= count_max_ || hole - home >= kRunMax || hole + 1 >= slot_count_) return kNoSlot;
  for (; hole > slot; --hole) Put(hole, KeyAt(hole - 1), RowAt(hole - 1));
  KeyAt(slot) = key;
  std::fill_n(RowAt(slot), row_floats_, 0.0F);
  ++count_;
  return bucket + lane;
}

bool HashPage::Erase(Key key) {
  std::size_t slot = HomeSlot(key);
  while (KeyAt(slot) != empty_key_ && KeyAt(slot) < key) ++slot;
  if (KeyAt(slot) != key) return false;
  // What stands behind moves up, as far as homes allow: no gap may lie between a key and its home.
  for (std::size_t next = slot + 1;; ++next, ++slot) {
    const Key moved = KeyAt(next);
    if (moved == empty_key_ || HomeSlot(moved) > slot) break;
    Put(slot, moved, RowAt(next));
  }
  KeyAt(slot) = empty_key_;
  --count_;
  return true;
}

std::optional<Key> HashPage::LastKey() const {
  for (std::size_t slot = slot_count_; slot > 0; --slot) {
    if (KeyAt(slot - 1) != empty_key_) return KeyAt(slot - 1);
  }
  return {};
}

void HashPage::Collect(std::vector<Key>& keys, std::vector<float*>& rows) const {
  keys.resize(count_ + kLanes);
  rows.resize(count_ + kLanes);
  Key* key = keys.data();
  float** row = rows.data();
  for (std::size_t bucket = 0; bucket < slot_count_ / kLanes; ++bucket) {
    // All of a bucket, of which the next one overwrites what is empty: nothing is asked that nobody foresees.
    std::byte* const at = storage_.get() + bucket * bucket_bytes_;
    std::memcpy(key, KeysOfBucket(at), kLanes * sizeof(Key));
    for (std::size_t i = 0; i < kLanes; ++i) row[i] = RowsOfBucket(at) + i * row_floats_;
    const std::size_t occupied = OccupiedLanes(bucket);
    key += occupied;
    row += occupied;
  }
  SY_CHECK(key == keys.data() + count_);
  keys.resize(count_);
  rows.resize(count_);
}

}  // namespace steelyard::table
