// Groups of rows are gathered into arrays, computed side by side, and put back.
#include "table/row_batches.h"

#include <array>
#include <cmath>
#include <cstring>

#include "base/vector_clones.h"

namespace steelyard::table {
namespace {

constexpr std::size_t kGroup = HashTable::kGroup;

constexpr std::array<float, 2> kAbsentRow{};

/// The (z, n) of a group of coordinates, apart.
struct Coordinates {
  std::array<float, kGroup> z{};
  std::array<float, kGroup> n{};
};

[[gnu::always_inline]] inline void Gather(std::span<float* const> rows, Coordinates& group) {
  for (std::size_t i = 0; i < rows.size(); ++i) {
    group.z[i] = rows[i][0];
    group.n[i] = rows[i][1];
  }
}

}  // namespace

SY_VECTOR_CLONES
void AddToRows(HashTable& rows, std::span<const Key> keys, std::span<const float> deltas) {
  const std::size_t width = rows.row_floats();
  if (width == 2) {  // (z, n) and (w, n): both in one register.
    rows.FindOrInsertBatch(keys, [&](std::size_t first, std::span<float* const> group) {
      const float* from = deltas.data() + first * 2;
      for (std::size_t i = 0; i < group.size(); ++i) {
        group[i][0] += from[2 * i];
        group[i][1] += from[2 * i + 1];
      }
    });
    return;
  }
  rows.FindOrInsertBatch(keys, [&](std::size_t first, std::span<float* const> group) {
    for (std::size_t i = 0; i < group.size(); ++i) {
      const float* __restrict from = deltas.data() + (first + i) * width;
      float* __restrict row = group[i];
      for (std::size_t j = 0; j < width; ++j) row[j] += from[j];
    }
  });
}

SY_VECTOR_CLONES
void CopyRows(const HashTable& rows, std::span<const Key> keys, std::span<float> floats) {
  const std::size_t width = rows.row_floats();
  if (width == 2) {  // (z, n) and (w, n): both in one register.
    rows.FindBatch(keys, [&](std::size_t first, std::span<const float* const> group) {
      float* to = floats.data() + first * 2;
      for (std::size_t i = 0; i < group.size(); ++i) {
        std::memcpy(to + 2 * i, group[i] == nullptr ? kAbsentRow.data() : group[i],
                    2 * sizeof(float));
      }
    });
    return;
  }
  rows.FindBatch(keys, [&](std::size_t first, std::span<const float* const> group) {
    for (std::size_t i = 0; i < group.size(); ++i) {
      float* to = floats.data() + (first + i) * width;
      if (group[i] == nullptr) {
        std::memset(to, 0, width * sizeof(float));
      } else {
        std::memcpy(to, group[i], width * sizeof(float));
      }
    }
  });
}

SY_VECTOR_CLONES
void FtrlPush(HashTable& rows, std::span<const Key> keys, std::span<const float> gradients,
              const math::FtrlRule& rule) {
  const math::FtrlRule local = rule;
  rows.FindOrInsertBatch(keys, [&](std::size_t first, std::span<float* const> group) {
    Coordinates at;
    std::array<float, kGroup> gradient{};
    Gather(group, at);
    std::memcpy(gradient.data(), gradients.data() + first, group.size() * sizeof(float));
    for (std::size_t i = 0; i < kGroup; ++i) local.Step(gradient[i], at.z[i], at.n[i]);
    for (std::size_t i = 0; i < group.size(); ++i) {
      group[i][0] = at.z[i];
      group[i][1] = at.n[i];
    }
  });
}

SY_VECTOR_CLONES
void FtrlPull(const HashTable& rows, std::span<const Key> keys, std::span<float> weights,
              const math::FtrlRule& rule) {
  const math::FtrlRule local = rule;
  rows.FindBatch(keys, [&](std::size_t first, std::span<const float* const> group) {
    Coordinates at;
    for (std::size_t i = 0; i < group.size(); ++i) {
      const float* row = group[i] == nullptr ? kAbsentRow.data() : group[i];
      at.z[i] = row[0];
      at.n[i] = row[1];
    }
    std::array<float, kGroup> weight{};
    for (std::size_t i = 0; i < kGroup; ++i) weight[i] = local.Weight(at.z[i], std::sqrt(at.n[i]));
    std::memcpy(weights.data() + first, weight.data(), group.size() * sizeof(float));
  });
}

}  // namespace steelyard::table
