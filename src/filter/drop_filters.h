// Filters that drop whole rows and remember nothing: by the application's rule, at random, or because they are zero.
#pragma once

#include <utility>

#include "filter/value_filter.h"

namespace steelyard::filter {

/// `kkt`: keep the rows for which the application says so.
/// Source: Li et al., OSDI 2014, section 3.6 (user-defined filters); NIPS 2014 (the KKT filter).
class KktFilter final : public ValueFilter {
 public:
  explicit KktFilter(RowPredicate keep) : keep_(std::move(keep)) {}
  std::string name() const override { return "kkt"; }
  void Apply(PushRows& rows, Random& random) override;

 private:
  RowPredicate keep_;
};

/// `skip:Q`: keep each row with probability q and scale it by 1/q, so that what arrives is right on average.
/// Source: Li et al., NIPS 2014 ("random skip").
class SkipFilter final : public ValueFilter {
 public:
  enum class Scale {
    kUnbiased,  ///< By 1/q.
    kNone,  ///< Under error feedback: a skipped row comes with the next push. (Scaled, what is fed back would grow
            ///< without bound for q < 1/2: its square by (1 - q)/q a push.)
  };
  /// @param probability  q, in (0, 1].
  SkipFilter(double probability, Scale scale) : probability_(probability), scale_(scale) {}
  std::string name() const override;
  void Apply(PushRows& rows, Random& random) override;

 private:
  double probability_;
  Scale scale_;
};

/// `sparse`: drop the rows whose floats are all zero.
class SparseFilter final : public ValueFilter {
 public:
  std::string name() const override { return "sparse"; }
  void Apply(PushRows& rows, Random& random) override;
};

}  // namespace steelyard::filter
