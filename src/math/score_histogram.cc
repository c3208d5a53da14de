// ScoreHistogram: radix sort of the pending rows, merge of sorted bins, coarsening.
#include "math/score_histogram.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <string>
#include <utility>

namespace steelyard::math {
namespace {

constexpr int kDigitBits = 11;  // Three digits make a score.
constexpr std::size_t kDigits = std::size_t{1} << kDigitBits;

}  // namespace

std::uint32_t ScoreHistogram::OrderedBits(float score) {
  const auto bits = std::bit_cast<std::uint32_t>(score + 0.0F);  // -0 and 0 are one score.
  return (bits >> 31) != 0 ? ~bits : bits | 0x80000000U;
}

void ScoreHistogram::SortByScore(std::vector<Pending>& rows) {
  std::vector<Pending> scratch(rows.size());
  for (int shift = 0; shift < 32; shift += kDigitBits) {
    std::array<std::uint32_t, kDigits> next{};
    for (const Pending& row : rows) ++next[(row.score >> shift) & (kDigits - 1)];
    std::uint32_t total = 0;
    for (std::uint32_t& count : next) total += std::exchange(count, total);
    for (const Pending& row : rows) scratch[next[(row.score >> shift) & (kDigits - 1)]++] = row;
    rows.swap(scratch);
  }
}

void ScoreHistogram::Compact() const {
  if (pending_.empty()) return;
  SortByScore(pending_);
  std::vector<ScoreBin> fresh;
  for (const Pending& row : pending_) {
    const std::uint32_t score = row.score >> shift_;
    if (fresh.empty() || fresh.back().score != score) fresh.push_back({score, 0.0, 0.0});
    (row.signed_weight > 0 ? fresh.back().positive : fresh.back().negative) +=
        std::fabs(static_cast<double>(row.signed_weight));
  }
  pending_.clear();
  MergeBins(std::move(fresh));
  // Merging costs the size of the bins, so the buffer grows with them.
  pending_max_ = std::max(kPendingMin, bins_.size() / 2);
}

void ScoreHistogram::MergeBins(std::vector<ScoreBin> other) const {
  if (bins_.empty()) {
    bins_ = std::move(other);
  } else if (!other.empty()) {
    std::vector<ScoreBin> merged;
    merged.reserve(bins_.size() + other.size());
    auto mine = bins_.cbegin();
    auto theirs = other.cbegin();
    while (mine != bins_.cend() || theirs != other.cend()) {
      if (theirs == other.cend() || (mine != bins_.cend() && mine->score < theirs->score)) {
        merged.push_back(*mine++);
      } else if (mine == bins_.cend() || theirs->score < mine->score) {
        merged.push_back(*theirs++);
      } else {
        merged.push_back(
            {mine->score, mine->positive + theirs->positive, mine->negative + theirs->negative});
        ++mine;
        ++theirs;
      }
    }
    bins_ = std::move(merged);
  }
  while (bins_.size() > kBinsMax) Coarsen(shift_ + 1);
}

void ScoreHistogram::Coarsen(std::uint32_t shift) const {
  if (shift <= shift_) return;
  const std::uint32_t by = shift - shift_;
  std::size_t kept = 0;
  for (std::size_t i = 0; i < bins_.size(); ++i) {
    const ScoreBin bin{bins_[i].score >> by, bins_[i].positive, bins_[i].negative};
    if (kept > 0 && bins_[kept - 1].score == bin.score) {
      bins_[kept - 1].positive += bin.positive;
      bins_[kept - 1].negative += bin.negative;
    } else {
      bins_[kept++] = bin;
    }
  }
  bins_.resize(kept);
  shift_ = shift;
}

void ScoreHistogram::Merge(const ScoreHistogram& other) {
  Compact();
  other.Compact();
  Coarsen(other.shift_);
  if (other.shift_ == shift_) {
    MergeBins(other.bins_);
    return;
  }
  ScoreHistogram coarse;
  coarse.bins_ = other.bins_;
  coarse.shift_ = other.shift_;
  coarse.Coarsen(shift_);
  MergeBins(std::move(coarse.bins_));
}

std::optional<double> ScoreHistogram::Auc() const {
  Compact();
  double positive = 0.0;
  double negative = 0.0;
  double ordered = 0.0;  // Weight of the pairs in which the positive is above; ties count half.
  for (const ScoreBin& bin : bins_) {
    ordered += bin.positive * (negative + 0.5 * bin.negative);
    positive += bin.positive;
    negative += bin.negative;
  }
  if (positive <= 0.0 || negative <= 0.0) return std::nullopt;
  return ordered / positive / negative;
}

std::span<const ScoreBin> ScoreHistogram::bins() const {
  Compact();
  return bins_;
}

std::uint32_t ScoreHistogram::shift() const {
  Compact();
  return shift_;
}

Result<ScoreHistogram> ScoreHistogram::FromBins(std::uint32_t shift, std::vector<ScoreBin> bins) {
  const auto refuse = [](std::string what) {
    return Status(StatusCode::kCorruption, "score histogram: " + std::move(what));
  };
  if (shift > kShiftMax) {
    return refuse("shift " + std::to_string(shift) + " is above " + std::to_string(kShiftMax));
  }
  if (bins.size() > kBinsMax) {
    return refuse(std::to_string(bins.size()) + " bins are more than " + std::to_string(kBinsMax));
  }
  const auto weighs = [](double weight) { return weight >= 0.0 && std::isfinite(weight); };
  for (std::size_t i = 0; i < bins.size(); ++i) {
    if (bins[i].score > (~std::uint32_t{0} >> shift) ||
        (i > 0 && bins[i].score <= bins[i - 1].score)) {
      return refuse("the score of bin " + std::to_string(i) + " is out of order or range");
    }
    if (!weighs(bins[i].positive) || !weighs(bins[i].negative)) {
      return refuse("a weight of bin " + std::to_string(i) + " is negative or not finite");
    }
  }
  ScoreHistogram histogram;
  histogram.bins_ = std::move(bins);
  histogram.shift_ = shift;
  return histogram;
}

}  // namespace steelyard::math
