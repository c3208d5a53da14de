#include "filter/held_rows.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "base/check.h"
#include "base/hash.h"

namespace steelyard::filter {
namespace {

constexpr std::size_t kCapacityMin = 64;

/// At most three quarters of the places are used.
constexpr bool Crowded(std::size_t size, std::size_t capacity) {
  return 4 * (size + 1) > 3 * capacity;
}

}  // namespace

std::size_t HeldRows::BytesOf(std::size_t capacity, std::uint32_t width) {
  return capacity * (sizeof(std::uint8_t) + sizeof(Key) + width * sizeof(float));
}

std::size_t HeldRows::HomeOf(Key key) const {
  return KeyOfId(key) & (used_.size() - 1);
}

std::size_t HeldRows::PlaceOf(Key key) const {
  std::size_t place = HomeOf(key);
  while (used_[place] != 0 && keys_[place] != key) place = (place + 1) & (used_.size() - 1);
  return place;
}

std::span<float> HeldRows::RowAt(std::size_t place) {
  return std::span(floats_).subspan(place * width_, width_);
}

std::span<float> HeldRows::Find(Key key) {
  if (size_ == 0) return {};
  const std::size_t place = PlaceOf(key);
  return used_[place] != 0 ? RowAt(place) : std::span<float>();
}

std::span<float> HeldRows::FindOrInsert(Key key, std::uint32_t width) {
  if (size_ == 0 && width != width_) {
    *this = HeldRows(bytes_max_);
    width_ = width;
  }
  SY_CHECK(width == width_);
  if (const std::span<float> row = Find(key); !row.empty()) return row;
  if (Crowded(size_, used_.size()) && !Grow()) return {};
  const std::size_t place = PlaceOf(key);
  used_[place] = 1;
  keys_[place] = key;
  ++size_;
  const std::span<float> row = RowAt(place);
  std::ranges::fill(row, 0.0F);
  return row;
}

void HeldRows::Erase(Key key) {
  if (size_ == 0) return;
  std::size_t hole = PlaceOf(key);
  if (used_[hole] == 0) return;
  const std::size_t mask = used_.size() - 1;
  // Close the gap: a later row of the run moves into the hole unless its home lies behind the hole.
  for (std::size_t place = (hole + 1) & mask; used_[place] != 0; place = (place + 1) & mask) {
    if (((place - HomeOf(keys_[place])) & mask) < ((place - hole) & mask)) continue;
    keys_[hole] = keys_[place];
    std::ranges::copy(RowAt(place), RowAt(hole).begin());
    hole = place;
  }
  used_[hole] = 0;
  --size_;
}

void HeldRows::TakeAll(PushRows& rows) {
  std::vector<std::size_t> places;
  places.reserve(size_);
  for (std::size_t place = 0; place < used_.size(); ++place) {
    if (used_[place] != 0) places.push_back(place);
  }
  std::ranges::sort(places, {}, [this](std::size_t place) { return keys_[place]; });
  PushRows held{.width = width_};
  for (const std::size_t place : places) held.Append(keys_[place], RowAt(place));
  *this = HeldRows(bytes_max_);
  MergeRows(rows, held);
}

bool HeldRows::Grow() {
  const std::size_t capacity = std::max(kCapacityMin, 2 * used_.size());
  if (BytesOf(capacity, width_) + bytes() > bytes_max_) return false;
  HeldRows grown(bytes_max_);
  grown.width_ = width_;
  grown.used_.resize(capacity);
  grown.keys_.resize(capacity);
  grown.floats_.resize(capacity * width_);
  for (std::size_t place = 0; place < used_.size(); ++place) {
    if (used_[place] != 0) {
      std::ranges::copy(RowAt(place), grown.FindOrInsert(keys_[place], width_).begin());
    }
  }
  *this = std::move(grown);
  return true;
}

}  // namespace steelyard::filter
