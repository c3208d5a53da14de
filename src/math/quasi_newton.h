// QuasiNewtonMemory: directions of a limited-memory quasi-Newton method (L-BFGS), from inner products alone.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <span>
#include <vector>

namespace steelyard::math {

/// Whoever holds the vectors need not move them: they are named by their place in a basis of kPairs steps s, then the kPairs
/// changes of the gradient y that came with them, then the gradient v (of a penalty with kinks: the pseudo-gradient).
/// A direction is a list of coefficients of that basis.
///
/// PURE.
/// Cost:   kBasis^2 numbers, O(kPairs x kBasis) a direction.
/// Source: Nocedal, Math. Comp. 1980; by inner products: Chen, Wang, Zhou, "Large-scale L-BFGS using MapReduce", NIPS 2014.
class QuasiNewtonMemory {
 public:
  static constexpr std::uint32_t kPairs = 10;
  static constexpr std::size_t kBasis = 2 * kPairs + 1;
  static constexpr std::size_t kGradient = kBasis - 1;  ///< The place of v.
  static constexpr std::size_t StepAt(std::uint32_t pair) { return pair; }
  static constexpr std::size_t ChangeAt(std::uint32_t pair) { return kPairs + pair; }

  /// A new gradient. @param products  [kBasis] of v with every vector of the basis.
  void TakeGradient(std::span<const double> products);

  /// A new pair, which stands at next_pair() now. One along which the gradient did not rise is not used.
  /// @param of_step, of_change  [kBasis] products of s and of y with every vector of the basis.
  void TakePair(std::span<const double> of_step, std::span<const double> of_change);

  /// Where the next pair goes, instead of the oldest one.
  std::uint32_t next_pair() const { return next_pair_; }
  bool empty() const { return pairs_.empty(); }
  /// The gradient's length, squared.
  double gradient_squared() const { return products_[kGradient][kGradient]; }

  void Forget() { pairs_.clear(); }

  /// Minus the inverse of the curvature that the pairs tell, times v: [kBasis]. Without pairs -v.
  std::vector<double> Direction() const;

 private:
  void Store(std::size_t place, std::span<const double> products);
  /// Product of the vector with these coefficients and the one at `place`.
  double Product(std::span<const double> coefficients, std::size_t place) const;

  std::array<std::array<double, kBasis>, kBasis> products_{};
  std::deque<std::uint32_t> pairs_;  ///< In use, oldest first.
  std::uint32_t next_pair_ = 0;
};

}  // namespace steelyard::math
