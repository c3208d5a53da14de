#include "wire/block_messages.h"

#include <algorithm>
#include <cmath>

#include "base/hash.h"
#include "wire/upper_half_float.h"

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
    if (!segment.weights.Fits(segment.keys)) return Wrong("keys and weights differ");
    if (!std::ranges::is_sorted(segment.firsts)) return Wrong("blocks are not in order");
  }
  return {};
}

bool HasGradients(BlockAction action) {
  return action == BlockAction::kStep || action == BlockAction::kSweep ||
         action == BlockAction::kGradient;
}

bool HasCurvatures(BlockAction action) {
  return action == BlockAction::kStep;
}

bool IsQuasiNewton(BlockAction action) {
  return action == BlockAction::kMove || action == BlockAction::kGradient;
}

std::uint32_t SignatureOf(std::span<const BlockCount> counts) {
  static_assert(sizeof(BlockCount) == 8);
  return static_cast<std::uint32_t>(HashBytes(std::as_bytes(counts)));
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
  if (slot_count == 0) return Wrong("a step in which nobody takes part");
  if (!HasGradients(action) && !gradients.empty()) return Wrong("gradients of no action");
  if (curvatures.size() != (HasCurvatures(action) ? gradients.size() : 0))
    return Wrong("gradients and curvatures differ");
  if (!std::ranges::all_of(curvatures, IsUpperBound))
    return Wrong("a curvature is negative, NaN or infinite");
  return {};
}

void BlockStepped::AppendSettled(std::size_t coordinate, bool is_settled) {
  if (coordinate % 8 == 0) settled.push_back(0);
  if (is_settled) settled.back() |= static_cast<std::uint8_t>(1u << (coordinate % 8));
}

std::uint16_t BlockFigures::Found() const {
  std::uint16_t found = 0;
  int bit = 0;
  const auto add = [&](bool is_there) { found |= static_cast<std::uint16_t>(is_there << bit++); };
  for (const float figure : {violation_max, gradient_max}) add(figure != 0.0F);
  for (const double figure : {gain, norm1, norm2_squared}) add(figure != 0.0);
  for (const std::uint64_t figure : {nonzeros, settled, features}) add(figure != 0);
  for (const std::vector<double>* figures : {&model, &penalties}) add(!figures->empty());
  add(slope != 0.0);
  add(!products.empty());
  return found;
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
