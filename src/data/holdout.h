// Holdout: which rows of the input are kept back for validation.
#pragma once

#include <cstdint>

namespace steelyard::data {

/// What is asked for: train --holdout.
struct HoldoutRule {
  enum class Kind : std::uint8_t {
    kNone,
    kEvery,  ///< Row r when (r x 2654435761) mod 2^32 < 429496729: one in ten, the same whatever the seed.
    kLast,    ///< The last `percent` of the rows.
    kRandom,  ///< `percent` of the rows, drawn by a seed and the row's number.
  };
  Kind kind = Kind::kNone;
  double percent = 0.0;  ///< In (0, 100); 0 for kNone and kEvery.
  bool operator==(const HoldoutRule&) const = default;
};

/// A rule over row numbers, so that every process and every pass holds out the same rows.
///
/// Threads: safe for concurrent use once the total is set.
class Holdout {
 public:
  using Kind = HoldoutRule::Kind;

  /// Hold out nothing.
  Holdout() = default;
  /// @param seed  of kRandom.
  explicit Holdout(const HoldoutRule& rule, std::uint64_t seed = 1);

  /// kLast must be told how many rows there are before HeldOut() is asked.
  bool needs_total_rows() const { return rule_.kind == Kind::kLast; }
  void SetTotalRows(std::uint64_t rows);
  bool holds_out_any() const { return rule_.kind != Kind::kNone; }

  bool HeldOut(std::uint64_t row) const {
    switch (rule_.kind) {
      case Kind::kNone:
        return false;
      case Kind::kEvery:
        return static_cast<std::uint32_t>(row * kGoldenRatio) < kTenth;
      case Kind::kLast:
        return row >= first_held_out_;
      case Kind::kRandom:
        return Drawn(row);
    }
    return false;
  }

 private:
  static constexpr std::uint64_t kGoldenRatio = 2654435761;
  static constexpr std::uint32_t kTenth = 429496729;

  bool Drawn(std::uint64_t row) const;

  HoldoutRule rule_;
  std::uint64_t first_held_out_ = ~std::uint64_t{0};
  std::uint64_t seed_key_ = 0;
};

}  // namespace steelyard::data
