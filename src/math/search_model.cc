#include "math/search_model.h"

#include <cmath>

namespace steelyard::math {
namespace {

/// Directions that are nearer to parallel than this are one.
constexpr double kIndependentMin = 1e-6;

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
    move.pass = (curvature_both * slope_earlier - curvature_earlier * slope_pass) / determinant;
    move.earlier = (curvature_both * slope_pass - curvature_pass * slope_earlier) / determinant;
  }
  if (!std::isfinite(move.pass) || !std::isfinite(move.earlier)) return {};
  return move;
}

}  // namespace steelyard::math
