// Holdout: which rows of the input are kept back for validation.
#pragma once

#include <cstdint>
#include <string_view>

#include "steelyard/status.h"

namespace steelyard::data {

/// A rule over row numbers, so that every process and every pass holds out the same rows.
///
/// Threads: safe for concurrent use once the total is set.
class Holdout {
 public:
  /// Hold out nothing.
  Holdout() = default;

  /// @param text  "every" (row r when (r x 2654435761) mod 2^32 < 429496729, a tenth), "last:P%", "random:P%", "none".
  /// @param seed  of "random".
  /// Errors: kInvalidArgument.
  static Result<Holdout> Parse(std::string_view text, std::uint64_t seed = 1);

  /// "last" must be told how many rows there are before HeldOut() is asked.
  bool needs_total_rows() const { return kind_ == Kind::kLast; }
  void SetTotalRows(std::uint64_t rows);
  bool holds_out_any() const { return kind_ != Kind::kNone; }

  bool HeldOut(std::uint64_t row) const {
    switch (kind_) {
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
  enum class Kind : std::uint8_t { kNone, kEvery, kLast, kRandom };
  static constexpr std::uint64_t kGoldenRatio = 2654435761;
  static constexpr std::uint32_t kTenth = 429496729;

  bool Drawn(std::uint64_t row) const;

  Kind kind_ = Kind::kNone;
  double percent_ = 0;
  std::uint64_t first_held_out_ = ~std::uint64_t{0};
  std::uint64_t seed_key_ = 0;
};

}  // namespace steelyard::data
