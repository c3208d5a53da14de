#include "wire/block_messages.h"

#include <algorithm>
#include <cmath>

namespace steelyard::wire {
namespace {

Status Wrong(std::string what) {
  return Status(StatusCode::kCorruption, std::move(what));
}

}  // namespace

void AddTo(std::vector<double>& sums, std::span<const double> parts) {
  sums.resize(std::max(sums.size(), parts.size()));
  for (std::size_t i = 0; i < parts.size(); ++i) sums[i] += parts[i];
}

Status BlockJoin::Check() const {
  if (block_count == 0 || block_count > kBlocksMax)
    return Wrong("block count " + std::to_string(block_count));
  return {};
}

Status BlockJoined::Check() const {
  for (const BlockRanks& segment : segments) {
    if (!segment.weights.Fits(segment.ranks.size())) return Wrong("ranks and weights differ");
    if (!std::ranges::is_sorted(segment.firsts)) return Wrong("blocks are not in order");
  }
  return {};
}

std::size_t FloatsPerCoordinate(BlockAction action) {
  if (action == BlockAction::kMove) return 0;
  return action == BlockAction::kGradient || action == BlockAction::kSweep ? 1 : 2;
}

Status QuasiNewtonStep::Check() const {
  const auto finite = [](double number) { return std::isfinite(number); };
  if (!finite(reach) || !std::ranges::all_of(direction, finite))
    return Wrong("a direction is NaN or infinite");
  return {};
}

Status BlockStep::Check() const {
  SY_RETURN_IF_ERROR(newton.Check());
  if (action > BlockAction::kGradient) return Wrong("unknown action");
  if (blocks == 0 || blocks > kBlocksMax) return Wrong(std::to_string(blocks) + " blocks");
  if (slot >= slot_count) return Wrong("slot " + std::to_string(slot));
  std::uint64_t coordinates = 0;
  for (const BlockCount& segment : segments) coordinates += segment.count;
  if (floats.size() != FloatsPerCoordinate(action) * coordinates)
    return Wrong("floats do not fit the counts");
  return {};
}

void BlockStepped::AppendSettled(std::size_t coordinate, bool is_settled) {
  if (coordinate % 8 == 0) settled.push_back(0);
  if (is_settled) settled.back() |= static_cast<std::uint8_t>(1u << (coordinate % 8));
}

void BlockFigures::Add(const BlockFigures& other) {
  violation_max = std::max(violation_max, other.violation_max);
  gradient_max = std::max(gradient_max, other.gradient_max);
  gain += other.gain;
  norm1 += other.norm1;
  norm2_squared += other.norm2_squared;
  nonzeros += other.nonzeros;
  settled += other.settled;
  features += other.features;
  AddTo(model, other.model);
  AddTo(penalties, other.penalties);
  slope += other.slope;
  AddTo(products, other.products);
}

}  // namespace steelyard::wire
