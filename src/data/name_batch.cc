// XXH3 has a formula for each class of lengths: names are hashed class by class, so that its branches are foreseen.
#include "data/name_batch.h"

#include "base/hash.h"

namespace steelyard::data {

void NameBatch::AddLong(std::string_view prefix, std::string_view text) {
  long_name_.assign(prefix);
  long_name_.append(text);
  keys_[count_] = KeyOfName(long_name_);
  book_.Note(keys_[count_], long_name_);
  sizes_[count_++] = 0;
}

void NameBatch::HashNames() {
  // Every list is written and one of them grows: no branch.
  std::array<std::array<std::uint32_t, kNamesMax + 1>, 4> lists;
  std::array<std::size_t, 4> counts{};
  auto& [tiny, small, middle, large] = lists;
  auto& [tinies, smalls, middles, larges] = counts;
  for (std::size_t i = 0; i < count_; ++i) {
    const std::uint32_t size = sizes_[i];
    const auto index = static_cast<std::uint32_t>(i);
    tiny[tinies] = small[smalls] = middle[middles] = large[larges] = index;
    tinies += size - 1 < 3 ? 1 : 0;
    smalls += size - 4 < 5 ? 1 : 0;
    middles += size - 9 < 8 ? 1 : 0;
    larges += size > 16 ? 1 : 0;
  }
  const auto hash = [&](const auto& list, std::size_t count) {
    for (std::size_t at = 0; at < count; ++at) {
      const std::uint32_t i = list[at];
      keys_[i] = KeyOfName({names_.data() + i * kNameBytes, sizes_[i]});
    }
  };
  hash(tiny, tinies);
  hash(small, smalls);
  hash(middle, middles);
  hash(large, larges);
}

void NameBatch::Flush() {
  HashNames();
  if (book_.wanted()) {
    for (std::size_t i = 0; i < count_; ++i) {
      if (sizes_[i] > 0) book_.Note(keys_[i], {names_.data() + i * kNameBytes, sizes_[i]});
    }
  }
  keys_ += count_;
  count_ = 0;
}

}  // namespace steelyard::data
