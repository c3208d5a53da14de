// Filters that hold values back and bring them later, so that nothing is lost in the sum.
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "filter/held_rows.h"
#include "filter/value_filter.h"

namespace steelyard::filter {

/// `significant:C`: send a row once one of its values, with all that was held back of that key, exceeds c/t, where t
/// counts the pushes.
///
/// A push changes the server's value by what it adds, so what was held back is "the value less the last one sent" of
/// the paper. When memory is full, rows of further keys are sent as they come.
/// Source: Li et al., OSDI 2014, section 3.6, and NIPS 2014: significantly modified, Delta_t = O(1/t).
class SignificantFilter final : public ValueFilter {
 public:
  SignificantFilter(double threshold, std::size_t state_bytes_max)
      : threshold_(threshold), held_(state_bytes_max) {}
  std::string name() const override;
  void Apply(PushRows& rows, Random& random) override;
  void Flush(PushRows& rows) override { held_.TakeAll(rows); }
  std::size_t state_bytes() const override { return held_.bytes(); }

 private:
  double threshold_;
  double push_count_ = 0;
  HeldRows held_;
};

/// `feedback`: what lossy filters took from a row is added to the next push of its key.
///
/// The sum of what was sent and what is held equals the sum of what came in, up to the rounding of float additions.
/// When memory is full, rows of further keys pass by the lossy filters as they are: that costs bytes, never value.
/// Source: Seide et al., "1-bit stochastic gradient descent", Interspeech 2014; Karimireddy et al., ICML 2019.
class ErrorFeedback final : public ValueFilter {
 public:
  ErrorFeedback(std::vector<std::unique_ptr<ValueFilter>> lossy, std::size_t state_bytes_max)
      : lossy_(std::move(lossy)), held_(state_bytes_max) {}
  std::string name() const override;
  void Apply(PushRows& rows, Random& random) override;
  void Flush(PushRows& rows) override;
  std::size_t state_bytes() const override { return held_.bytes(); }

 private:
  /// Add what is held to each row; take the rows that cannot be held out of `rows`.
  PushRows TakeUnheld(PushRows& rows);
  /// Hold the difference of `before` and `after`, which has some of its keys.
  void HoldDifferences(const PushRows& before, const PushRows& after);

  std::vector<std::unique_ptr<ValueFilter>> lossy_;
  HeldRows held_;
};

}  // namespace steelyard::filter
