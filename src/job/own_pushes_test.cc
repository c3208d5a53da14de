// Goal: a pull that ran ahead of own pushes reads, bit for bit, as one that waited for them.
// Method: random pushes over two segments, pulls at random clocks, against a table that applied every push in order.
#include "job/own_pushes.h"

#include <gtest/gtest.h>

#include <array>
#include <map>
#include <random>

namespace steelyard::job {
namespace {

constexpr std::size_t kWidth = 2;
constexpr Key kSplit = 20;  // First key of the second segment, of 40.

using Rows = std::map<Key, std::array<float, kWidth>>;

struct AppliedPush {
  Ts ts;
  std::vector<Key> keys;
  std::vector<float> deltas;
};

void Apply(const AppliedPush& push, Key first, Key end, Rows& rows) {
  for (std::size_t i = 0; i < push.keys.size(); ++i) {
    if (push.keys[i] < first || push.keys[i] >= end) continue;
    for (std::size_t j = 0; j < kWidth; ++j) rows[push.keys[i]][j] += push.deltas[i * kWidth + j];
  }
}

TEST(OwnPushes, CompletesWhatClocksSayIsMissing) {
  std::mt19937 random(7);
  std::uniform_real_distribution<float> delta(-1, 1);
  const auto some_keys = [&] {
    std::vector<Key> keys;
    for (Key key = 0; key < 40; ++key) {
      if (random() % 3 == 0) keys.push_back(key);
    }
    return keys;
  };
  std::vector<AppliedPush> all;
  OwnPushes own;
  Ts forgotten = 0;
  for (Ts ts = 1; ts <= 300; ++ts) {
    AppliedPush push{
        .ts = ts, .keys = ts % 10 == 0 ? std::vector<Key>{} : some_keys(), .deltas = {}};
    for (std::size_t i = 0; i < push.keys.size() * kWidth; ++i)
      push.deltas.push_back(delta(random));
    own.Add(ts, push.keys, push.deltas);
    all.push_back(std::move(push));

    const Ts acked = ts - std::min<Ts>(ts, random() % 5);
    forgotten = std::max(forgotten, acked);
    own.Forget(forgotten);
    EXPECT_LE(own.size(), 5u);

    client::Pulled pulled;
    pulled.keys = some_keys();
    if (pulled.keys.empty()) continue;
    const std::size_t split = static_cast<std::size_t>(
        std::lower_bound(pulled.keys.begin(), pulled.keys.end(), kSplit) - pulled.keys.begin());
    const Ts clock[2] = {forgotten + random() % (ts - forgotten + 1),
                         forgotten + random() % (ts - forgotten + 1)};
    Rows served;
    Rows expected;
    for (const AppliedPush& before : all) {
      if (before.ts <= clock[0]) Apply(before, 0, kSplit, served);
      if (before.ts <= clock[1]) Apply(before, kSplit, 40, served);
      Apply(before, 0, 40, expected);
    }
    const auto slice = [&](SegmentId segment, std::size_t begin, std::size_t end) {
      if (begin == end) return;
      pulled.slices.push_back({.segment = segment,
                               .offset = static_cast<std::uint32_t>(begin),
                               .count = static_cast<std::uint32_t>(end - begin),
                               .clock = clock[segment]});
    };
    slice(0, 0, split);
    slice(1, split, pulled.keys.size());
    for (const Key key : pulled.keys) {
      pulled.floats.insert(pulled.floats.end(), served[key].begin(), served[key].end());
    }
    own.Complete(pulled);
    for (std::size_t i = 0; i < pulled.keys.size(); ++i) {
      for (std::size_t j = 0; j < kWidth; ++j) {
        ASSERT_EQ(pulled.floats[i * kWidth + j], expected[pulled.keys[i]][j])
            << "push " << ts << ", key " << pulled.keys[i];
      }
    }
  }
}

}  // namespace
}  // namespace steelyard::job
