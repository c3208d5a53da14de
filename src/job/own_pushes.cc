#include "job/own_pushes.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

namespace steelyard::job {
namespace {

/// The key itself, of which the compiler knows nothing: two comparisons with it are two numbers, not one branch.
Key Opaque(Key key) {
  asm("" : "+r"(key));
  return key;
}

}  // namespace

void OwnPushes::Add(Ts ts, std::span<const Key> keys, std::span<const float> deltas) {
  pushes_.push_back(
      {.ts = ts, .keys = {keys.begin(), keys.end()}, .deltas = {deltas.begin(), deltas.end()}});
}

void OwnPushes::Forget(Ts ts) {
  while (!pushes_.empty() && pushes_.front().ts <= ts) pushes_.pop_front();
}

void OwnPushes::Complete(client::Pulled& pulled) const {
  for (const Push& push : pushes_) {
    if (push.keys.empty()) continue;
    for (const client::PulledSlice& slice : pulled.slices) {
      if (push.ts > slice.clock) AddSlice(push, slice, pulled);
    }
  }
}

void OwnPushes::AddSlice(const Push& push, const client::PulledSlice& slice,
                         client::Pulled& pulled) {
  const std::size_t width = pulled.floats.size() / pulled.keys.size();
  const std::span<const Key> keys = std::span(pulled.keys).subspan(slice.offset, slice.count);
  const std::span<const Key> own = push.keys;
  std::array<std::uint32_t, 256> to;    // Places in `keys` of keys that are in both,
  std::array<std::uint32_t, 256> from;  // and in `own`.
  std::size_t i = 0;
  auto j = static_cast<std::size_t>(std::ranges::lower_bound(own, keys.front()) - own.begin());
  while (i < keys.size() && j < own.size()) {
    std::size_t count = 0;
    while (i < keys.size() && j < own.size() && count < to.size()) {
      to[count] = static_cast<std::uint32_t>(i);
      from[count] = static_cast<std::uint32_t>(j);
      // Which key is the smaller one cannot be predicted: nothing may branch on it.
      const Key theirs = keys[i];
      const Key mine = own[j];
      const std::size_t not_after = theirs <= mine ? 1 : 0;
      const std::size_t not_before = Opaque(mine) <= Opaque(theirs) ? 1 : 0;
      count += not_after & not_before;
      i += not_after;
      j += not_before;
    }
    for (std::size_t n = 0; n < count; ++n) {
      const float* delta = push.deltas.data() + from[n] * width;
      float* row = pulled.floats.data() + (slice.offset + to[n]) * width;
      for (std::size_t k = 0; k < width; ++k) row[k] += delta[k];
    }
  }
}

}  // namespace steelyard::job
