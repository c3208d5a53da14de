// Names of losses.
#include "math/loss.h"

#include <array>
#include <utility>

namespace steelyard::math {
namespace {

constexpr std::array<std::pair<LossKind, std::string_view>, 4> kNames{{
    {LossKind::kLogistic, "logistic"},
    {LossKind::kSquared, "squared"},
    {LossKind::kHinge, "hinge"},
    {LossKind::kSquaredHinge, "squared_hinge"},
}};

}  // namespace

std::optional<LossKind> LossKindOfName(std::string_view name) {
  for (const auto& [kind, known] : kNames) {
    if (known == name) return kind;
  }
  return std::nullopt;
}

std::string_view LossName(LossKind kind) {
  for (const auto& [known, name] : kNames) {
    if (known == kind) return name;
  }
  return "unknown";
}

}  // namespace steelyard::math
