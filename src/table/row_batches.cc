// Groups of rows are gathered into arrays, computed side by side, and put back.
#include "table/row_batches.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

#include "base/vector_clones.h"

namespace steelyard::table {
namespace {

constexpr std::size_t kGroup = 16;  // Rows whose updates vectorise.

constexpr std::array<float, 2> kAbsentRow{};

/// The (z, n) of a group of coordinates, apart.
struct Coordinates {
  std::array<float, kGroup> z{};
  std::array<float, kGroup> n{};
};

[[gnu::always_inline]] inline void Gather(std::span<const Slot> slots, Coordinates& group) {
  for (std::size_t i = 0; i < slots.size(); ++i) {
    const float* row = slots[i] == kNoSlot ? kAbsentRow.data() : RowOf(slots[i], 2);
    group.z[i] = row[0];
    group.n[i] = row[1];
  }
}

// Pointers that tell the compiler they do not overlap: loops over members do not vectorise (-fopt-info-vec tells).
[[gnu::always_inline]] inline void StepAll(const math::FtrlRule& rule,
                                           const float* __restrict gradients, float* __restrict z,
                                           float* __restrict n) {
  for (std::size_t i = 0; i < kGroup; ++i) rule.Step(gradients[i], z[i], n[i]);
}

[[gnu::always_inline]] inline void WeighAll(const math::FtrlRule& rule, const float* __restrict z,
                                            const float* __restrict n, float* __restrict weights) {
  // Alone, or it would be a call under the condition of Weight(), which does not vectorise.
  for (std::size_t i = 0; i < kGroup; ++i) weights[i] = std::sqrt(n[i]);
  for (std::size_t i = 0; i < kGroup; ++i) weights[i] = rule.Weight(z[i], weights[i]);
}

}  // namespace

void AddToRows(Rows& rows, std::span<const Key> keys, std::span<const float> deltas,
               SlotHints hints) {
  const std::size_t width = rows.row_floats();
  rows.Update(keys, hints, [&](std::size_t first, std::span<const Slot> at) {
    const float* __restrict from = deltas.data() + first * width;
    if (width == 2) {  // (z, n) and (w, n): both in one register.
      for (std::size_t i = 0; i < at.size(); ++i) {
        float* __restrict row = RowOf(at[i], 2);
        row[0] += from[2 * i];
        row[1] += from[2 * i + 1];
      }
      return;
    }
    for (std::size_t i = 0; i < at.size(); ++i, from += width) {
      float* __restrict row = RowOf(at[i], width);
      for (std::size_t j = 0; j < width; ++j) row[j] += from[j];
    }
  });
}

void CopyRows(const Rows& rows, std::span<const Key> keys, std::span<float> floats,
              SlotHints hints) {
  const std::size_t width = rows.row_floats();
  rows.Read(keys, hints, [&](std::size_t first, std::span<const Slot> at) {
    float* to = floats.data() + first * width;
    if (width == 2) {
      for (std::size_t i = 0; i < at.size(); ++i) {
        const float* row = at[i] == kNoSlot ? kAbsentRow.data() : RowOf(at[i], 2);
        std::memcpy(to + 2 * i, row, 2 * sizeof(float));
      }
      return;
    }
    for (std::size_t i = 0; i < at.size(); ++i, to += width) {
      if (at[i] == kNoSlot) {
        std::memset(to, 0, width * sizeof(float));
      } else {
        std::memcpy(to, RowOf(at[i], width), width * sizeof(float));
      }
    }
  });
}

SY_VECTOR_CLONES
void FtrlPush(std::span<const Slot> slots, std::span<const float> gradients,
              const math::FtrlRule& rule) {
  const math::FtrlRule local = rule;
  for (std::size_t first = 0; first < slots.size(); first += kGroup) {
    const std::span<const Slot> group =
        slots.subspan(first, std::min(kGroup, slots.size() - first));
    Coordinates at;
    std::array<float, kGroup> gradient{};
    Gather(group, at);
    std::memcpy(gradient.data(), gradients.data() + first, group.size() * sizeof(float));
    StepAll(local, gradient.data(), at.z.data(), at.n.data());
    for (std::size_t i = 0; i < group.size(); ++i) {
      float* row = RowOf(group[i], 2);
      row[0] = at.z[i];
      row[1] = at.n[i];
    }
  }
}

SY_VECTOR_CLONES
void FtrlPull(std::span<const Slot> slots, std::span<float> weights, const math::FtrlRule& rule) {
  const math::FtrlRule local = rule;
  for (std::size_t first = 0; first < slots.size(); first += kGroup) {
    const std::span<const Slot> group =
        slots.subspan(first, std::min(kGroup, slots.size() - first));
    Coordinates at;
    Gather(group, at);
    std::array<float, kGroup> weight{};
    WeighAll(local, at.z.data(), at.n.data(), weight.data());
    std::memcpy(weights.data() + first, weight.data(), group.size() * sizeof(float));
  }
}

}  // namespace steelyard::table
