#include "engine/open_steps.h"

#include <algorithm>
#include <utility>

namespace steelyard::engine {
namespace {

using Part = OpenSteps::Part;
using Sum = OpenSteps::Sum;

std::size_t BytesOf(const Part& part) {
  return OpenSteps::BytesOf(part.keys.size(), part.floats.size());
}

/// Add a part's floats to `sum`, key by key.
void Add(const Part& part, Sum& sum) {
  if (part.keys.empty()) return;
  const std::size_t width = part.floats.size() / part.keys.size();
  std::vector<Key> keys;
  std::vector<float> floats;
  keys.reserve(sum.keys.size() + part.keys.size());
  floats.reserve(sum.floats.size() + part.floats.size());
  const auto row = [width](const std::vector<float>& from, std::size_t i) {
    return from.begin() + static_cast<std::ptrdiff_t>(i * width);
  };
  std::size_t a = 0;
  std::size_t b = 0;
  while (a < sum.keys.size() || b < part.keys.size()) {
    const bool in_sum =
        a < sum.keys.size() && (b == part.keys.size() || sum.keys[a] <= part.keys[b]);
    const bool in_part =
        b < part.keys.size() && (a == sum.keys.size() || part.keys[b] <= sum.keys[a]);
    keys.push_back(in_sum ? sum.keys[a] : part.keys[b]);
    const auto first = in_sum ? row(sum.floats, a++) : row(part.floats, b);
    floats.insert(floats.end(), first, first + static_cast<std::ptrdiff_t>(width));
    if (in_sum && in_part) {
      for (std::size_t i = 0; i < width; ++i)
        floats[floats.size() - width + i] += part.floats[b * width + i];
    }
    b += in_part ? 1 : 0;
  }
  sum.keys = std::move(keys);
  sum.floats = std::move(floats);
}

}  // namespace

void OpenSteps::Hold(Step step, SegmentId segment, wire::Columns columns, Part part) {
  bytes_ += engine::BytesOf(part);
  steps_[step][{segment, columns}].push_back(std::move(part));
}

OpenSteps::Sum OpenSteps::SumOf(const Target& target, Parts parts) {
  std::ranges::sort(parts, {}, [](const Part& part) { return std::pair(part.stream, part.ts); });
  Sum sum{.segment = target.first,
          .columns = target.second,
          .keys = std::move(parts.front().keys),
          .floats = std::move(parts.front().floats)};
  for (std::size_t i = 1; i < parts.size(); ++i) Add(parts[i], sum);
  return sum;
}

std::optional<std::vector<OpenSteps::Sum>> OpenSteps::TakeNext(Step through) {
  const auto first = steps_.begin();
  if (first == steps_.end() || first->first > through) return {};
  std::vector<Sum> sums;
  for (auto& [target, parts] : first->second) {
    for (const Part& part : parts) bytes_ -= engine::BytesOf(part);
    sums.push_back(SumOf(target, std::move(parts)));
  }
  steps_.erase(first);
  return sums;
}

void OpenSteps::Forget(SegmentId segment) {
  for (auto& [step, targets] : steps_) {
    std::erase_if(targets, [&](const auto& entry) {
      if (entry.first.first != segment) return false;
      for (const Part& part : entry.second) bytes_ -= engine::BytesOf(part);
      return true;
    });
  }
}

}  // namespace steelyard::engine
