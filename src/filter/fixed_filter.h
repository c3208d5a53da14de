// `fixed:B`: values rounded to a grid, at random and right on average.
#pragma once

#include "filter/value_filter.h"

namespace steelyard::filter {

/// Rows that share a grid, column by column.
inline constexpr std::size_t kGridRows = 256;

/// Rounds each value up or down to the grid of its block with the probability that makes its mean the value itself, to
/// 2^-24 of a step. A block is kGridRows rows of one column; its grid is the finest power of two on which its largest
/// value takes B bytes. A value moves by less than a step: 2^-6, 2^-14 or 2^-22 of the power of two at or below the
/// block's largest, twice that where rounding would need one bit more. The codec `fixed` finds the grid again and packs
/// it, losing nothing.
///
/// A block with a value that is not finite, or 2^126 and more, stays as it is.
/// Cost: one pass.
/// Source: Alistarh et al., QSGD, NIPS 2017: up with the probability of the fraction. (The fixing-float filter in the
/// 2015 code of Li et al. rounds up half of the time whatever the fraction is: a bias of half a step less the
/// fraction.)
class FixedFilter final : public ValueFilter {
 public:
  /// @param bytes  1, 2 or 3.
  explicit FixedFilter(int bytes) : bytes_(bytes) {}
  std::string name() const override { return "fixed:" + std::to_string(bytes_); }
  void Apply(PushRows& rows, Random& random) override;

 private:
  int bytes_;
};

}  // namespace steelyard::filter
