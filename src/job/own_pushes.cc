#include "job/own_pushes.h"

#include <algorithm>

namespace steelyard::job {

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
  auto own = std::lower_bound(push.keys.begin(), push.keys.end(), keys.front());
  for (std::size_t i = 0; i < keys.size() && own != push.keys.end();) {
    if (*own < keys[i]) {
      ++own;
    } else if (keys[i] < *own) {
      ++i;
    } else {
      const float* delta =
          push.deltas.data() + static_cast<std::size_t>(own - push.keys.begin()) * width;
      float* row = pulled.floats.data() + (slice.offset + i) * width;
      for (std::size_t j = 0; j < width; ++j) row[j] += delta[j];
      ++own;
      ++i;
    }
  }
}

}  // namespace steelyard::job
