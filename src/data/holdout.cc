// Which rows are held out, from a row's number alone.
#include "data/holdout.h"

#include <cmath>

#include "base/hash.h"

namespace steelyard::data {

Holdout::Holdout(const HoldoutRule& rule, std::uint64_t seed)
    : rule_(rule), seed_key_(KeyOfId(seed)) {}

void Holdout::SetTotalRows(std::uint64_t rows) {
  const double held_out = std::floor(static_cast<double>(rows) * rule_.percent / 100.0 + 0.5);
  first_held_out_ = rows - static_cast<std::uint64_t>(held_out);
}

bool Holdout::Drawn(std::uint64_t row) const {
  const double draw = static_cast<double>(KeyOfId(row ^ seed_key_) >> 11) * 0x1.0p-53;
  return draw * 100.0 < rule_.percent;
}

}  // namespace steelyard::data
