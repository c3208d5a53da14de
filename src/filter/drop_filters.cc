#include "filter/drop_filters.h"

#include <algorithm>
#include <charconv>

namespace steelyard::filter {
namespace {

template <typename Keep>
void KeepRows(PushRows& rows, Keep keep) {
  std::size_t kept = 0;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (keep(i)) rows.MoveRow(i, kept++);
  }
  rows.Truncate(kept);
}

}  // namespace

void KktFilter::Apply(PushRows& rows, Random& /*random*/) {
  KeepRows(rows, [&](std::size_t i) { return keep_(rows.keys[i], rows.row(i)); });
}

std::string SkipFilter::name() const {
  char text[32];
  return "skip:" + std::string(text, std::to_chars(text, text + sizeof text, probability_).ptr);
}

void SkipFilter::Apply(PushRows& rows, Random& random) {
  // A draw of 53 bits, as many as a double holds.
  KeepRows(rows, [&](std::size_t /*i*/) {
    return static_cast<double>(random.Next() >> 11) * 0x1p-53 < probability_;
  });
  if (scale_ == Scale::kNone) return;
  const auto scale = static_cast<float>(1 / probability_);
  for (float& value : rows.floats) value *= scale;
}

void SparseFilter::Apply(PushRows& rows, Random& /*random*/) {
  KeepRows(rows, [&](std::size_t i) {
    return std::ranges::any_of(rows.row(i), [](float value) { return value != 0; });
  });
}

}  // namespace steelyard::filter
