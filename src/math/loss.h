// Losses of linear models: value and derivative with respect to the margin, in numerically safe form.
#pragma once

#include <cmath>
#include <cstdint>
#include <optional>
#include <string_view>

namespace steelyard::math {

/// m is the margin, y the label; for the binary losses the label is 0 or 1 and s = 2y - 1.
enum class LossKind : std::uint8_t {
  kLogistic,      ///< log(1 + exp(-s m))
  kSquared,       ///< (m - y)^2 / 2; y is any finite number.
  kHinge,         ///< max(0, 1 - s m)
  kSquaredHinge,  ///< max(0, 1 - s m)^2
};

/// Return the loss named "logistic", "squared", "hinge" or "squared_hinge".
std::optional<LossKind> LossKindOfName(std::string_view name);

/// Inverse of LossKindOfName().
std::string_view LossName(LossKind kind);

/// True when labels are 0 or 1, so that accuracy and AUC have a meaning.
constexpr bool IsBinary(LossKind kind) {
  return kind != LossKind::kSquared;
}

/// The loss of one row and its derivative with respect to the margin.
struct LossPoint {
  double value;
  double derivative;
};

/// 1 / (1 + exp(-margin)), without overflow.
inline double Sigmoid(double margin) {
  const double e = std::exp(-std::fabs(margin));
  return (margin >= 0 ? 1.0 : e) / (1.0 + e);
}

/// Logistic loss; label 0 or 1. Cost: one exp, one log1p; neither overflows for any margin.
inline LossPoint LogisticLoss(double margin, bool positive) {
  const double signed_margin = positive ? margin : -margin;
  const double e = std::exp(-std::fabs(margin));  // In (0, 1].
  const double value = std::log1p(e) + (signed_margin < 0 ? -signed_margin : 0.0);
  const double wrong =
      (signed_margin >= 0 ? e : 1.0) / (1.0 + e);  // Probability of the other label.
  return {value, positive ? -wrong : wrong};
}

inline LossPoint SquaredLoss(double margin, double label) {
  const double error = margin - label;
  return {0.5 * error * error, error};
}

/// Hinge loss; at the kink (s m = 1) the derivative is 0.
inline LossPoint HingeLoss(double margin, bool positive) {
  const double sign = positive ? 1.0 : -1.0;
  const double slack = 1.0 - sign * margin;
  return slack > 0 ? LossPoint{slack, -sign} : LossPoint{0.0, 0.0};
}

inline LossPoint SquaredHingeLoss(double margin, bool positive) {
  const double sign = positive ? 1.0 : -1.0;
  const double slack = 1.0 - sign * margin;
  return slack > 0 ? LossPoint{slack * slack, -2.0 * sign * slack} : LossPoint{0.0, 0.0};
}

/// The loss `kind` at one row. @param label  0 or 1 for binary losses (above 0.5 counts as 1).
inline LossPoint LossAt(LossKind kind, double margin, double label) {
  switch (kind) {
    case LossKind::kLogistic:
      return LogisticLoss(margin, label > 0.5);
    case LossKind::kSquared:
      return SquaredLoss(margin, label);
    case LossKind::kHinge:
      return HingeLoss(margin, label > 0.5);
    case LossKind::kSquaredHinge:
      return SquaredHingeLoss(margin, label > 0.5);
  }
  return {0.0, 0.0};
}

}  // namespace steelyard::math
