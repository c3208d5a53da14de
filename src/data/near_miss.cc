#include "data/near_miss.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cstddef>
#include <utility>

#include "base/near_miss.h"

namespace steelyard::data {
namespace {

constexpr std::size_t kQuotedMax = 40;
constexpr std::size_t kNamesMax = 3;

}  // namespace

std::vector<std::string> NearMisses(std::string_view wanted,
                                    std::span<const std::string> candidates) {
  const std::size_t edits_max = std::clamp<std::size_t>(wanted.size() / 3, 1, 3);
  std::vector<std::pair<std::size_t, std::string>> near;
  for (const std::string& candidate : candidates) {
    const std::size_t edits = EditDistance(wanted, candidate);
    if (edits <= edits_max) near.emplace_back(edits, candidate);
  }
  std::sort(near.begin(), near.end());
  std::vector<std::string> names;
  for (auto& [edits, name] : near) {
    if (names.size() < kNamesMax) names.push_back(std::move(name));
  }
  return names;
}

std::string DidYouMean(std::string_view wanted, std::span<const std::string> candidates) {
  const std::vector<std::string> names = NearMisses(wanted, candidates);
  if (names.empty()) return "";
  std::string text = "; did you mean ";
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (i > 0) text += i + 1 == names.size() ? " or " : ", ";
    text += '\'' + names[i] + '\'';
  }
  return text + '?';
}

std::string Quoted(std::string_view text) {
  std::string quoted = "'";
  for (const char c : text.substr(0, kQuotedMax)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7F) {
      quoted += fmt::format("\\x{:02x}", byte);
    } else {
      quoted += c;
    }
  }
  return quoted + (text.size() > kQuotedMax ? "…'" : "'");
}

}  // namespace steelyard::data
