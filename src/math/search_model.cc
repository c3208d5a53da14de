#include "math/search_model.h"

#include <algorithm>
#include <cmath>

namespace steelyard::math {
namespace {

/// Directions that are nearer to parallel than this are one.
constexpr double kIndependentMin = 1e-6;
/// Of a direction. One that must be taken more often is next to nothing, and then what rounding adds to it is most of it:
/// weights and margins would go different ways.
constexpr double kFactorMax = 64.0;

}  // namespace

void SearchModel::Add(const SearchModel& other) {
  slope_pass += other.slope_pass;
  slope_earlier += other.slope_earlier;
  curvature_pass += other.curvature_pass;
  curvature_both += other.curvature_both;
  curvature_earlier += other.curvature_earlier;
}

std::vector<double> SearchModel::figures() const {
  return {slope_pass, slope_earlier, curvature_pass, curvature_both, curvature_earlier};
}

SearchModel SearchModel::OfFigures(std::span<const double> figures) {
  if (figures.size() != SearchModel{}.figures().size()) return {};
  return {.slope_pass = figures[0],
          .slope_earlier = figures[1],
          .curvature_pass = figures[2],
          .curvature_both = figures[3],
          .curvature_earlier = figures[4]};
}

std::optional<SearchMove> SearchModel::Minimum() const {
  if (!(curvature_pass > 0.0)) return {};
  SearchMove move{.pass = -slope_pass / curvature_pass, .earlier = 0.0, .scale = 1.0};
  const double product = curvature_pass * curvature_earlier;
  const double determinant = product - curvature_both * curvature_both;
  if (determinant > kIndependentMin * product) {
    const double earlier =
        (curvature_both * slope_pass - curvature_pass * slope_earlier) / determinant;
    if (std::fabs(earlier) <= kFactorMax) {
      move.pass = (curvature_both * slope_earlier - curvature_earlier * slope_pass) / determinant;
      move.earlier = earlier;
    }
  }
  if (!std::isfinite(move.pass)) return {};
  move.pass = std::clamp(move.pass, -kFactorMax, kFactorMax);
  return move;
}

}  // namespace steelyard::math
