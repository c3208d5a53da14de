// Optimal string alignment distance over one small matrix.
#include "base/near_miss.h"

#include <algorithm>
#include <vector>

namespace steelyard {
namespace {

constexpr std::size_t kLengthMax = 256;

char Lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

}  // namespace

std::size_t EditDistance(std::string_view a, std::string_view b) {
  if (a.size() > kLengthMax || b.size() > kLengthMax)
    return a == b ? 0 : std::max(a.size(), b.size());
  const std::size_t columns = b.size() + 1;
  std::vector<std::size_t> cost((a.size() + 1) * columns);
  const auto at = [&](std::size_t i, std::size_t j) -> std::size_t& {
    return cost[i * columns + j];
  };
  for (std::size_t i = 0; i <= a.size(); ++i) at(i, 0) = i;
  for (std::size_t j = 0; j <= b.size(); ++j) at(0, j) = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const bool same = Lower(a[i - 1]) == Lower(b[j - 1]);
      at(i, j) = std::min({at(i - 1, j) + 1, at(i, j - 1) + 1, at(i - 1, j - 1) + (same ? 0 : 1)});
      if (i > 1 && j > 1 && Lower(a[i - 1]) == Lower(b[j - 2]) &&
          Lower(a[i - 2]) == Lower(b[j - 1])) {
        at(i, j) = std::min(at(i, j), at(i - 2, j - 2) + 1);
      }
    }
  }
  return at(a.size(), b.size());
}

std::string_view NearMiss(std::string_view typed, std::span<const std::string_view> known) {
  if (typed.empty()) return {};
  std::string_view best;
  std::size_t best_distance = std::max<std::size_t>(1, typed.size() / 3) + 1;
  for (const std::string_view name : known) {
    const std::size_t distance = EditDistance(typed, name);
    if (distance < best_distance && distance < name.size()) {
      best = name;
      best_distance = distance;
    }
  }
  if (!best.empty()) return best;
  std::size_t begun_count = 0;
  for (const std::string_view name : known) {
    if (typed.size() >= 2 && name.starts_with(typed)) {
      best = name;
      ++begun_count;
    }
  }
  return begun_count == 1 ? best : std::string_view{};
}

std::string DidYouMean(std::string_view typed, std::span<const std::string_view> known,
                       std::string_view prefix) {
  const std::string_view name = NearMiss(typed, known);
  if (name.empty()) return {};
  return "; did you mean " + std::string(prefix) + std::string(name) + "?";
}

}  // namespace steelyard
