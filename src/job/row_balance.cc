#include "job/row_balance.h"

#include <algorithm>
#include <optional>

#include "base/check.h"

namespace steelyard::job {
RowBalance::RowBalance(const std::vector<Slot>& slots) {
  for (const Slot& slot : slots) {
    Share& share = shares_.emplace_back();
    share.shards = slot.shards;
    for (const double rows : slot.shards) share.rows += rows;
    if (!(share.rows > 0.0)) continue;
    share.load_per_row = slot.load_seconds / share.rows;
    share.arrange_per_row = slot.arrange_seconds / share.rows;
  }
}

double RowBalance::Longest(const Shares& shares) {
  double longest = 0.0;
  for (const Share& share : shares) longest = std::max(longest, share.seconds());
  return longest;
}

std::optional<std::size_t> RowBalance::FirstToEnd(const Shares& shares, double more,
                                                  std::size_t but) {
  std::optional<std::size_t> best;
  for (std::size_t i = 0; i < shares.size(); ++i) {
    if (i == but || shares[i].shards.empty()) continue;
    if (!best || shares[i].SecondsWith(more) < shares[*best].SecondsWith(more)) best = i;
  }
  return best;
}

void RowBalance::Make(const Move& move, Shares& shares) {
  Share& from = shares[move.from];
  Share& to = shares[move.to];
  const double rows = from.shards.back();
  from.shards.pop_back();
  from.rows -= rows;
  to.shards.push_back(rows);
  to.rows += rows;
}

std::vector<RowBalance::Move> RowBalance::Plan(Shares& shares) {
  std::vector<Move> moves;
  std::vector<bool> takes(shares.size());
  while (true) {
    const auto slowest = std::ranges::max_element(shares, {}, &Share::seconds);
    const auto from = static_cast<std::size_t>(slowest - shares.begin());
    if (slowest->shards.empty() || takes[from]) return moves;
    const double rows = slowest->shards.back();
    const auto to = FirstToEnd(shares, rows, from);
    if (!to) return moves;
    if (!(shares[*to].SecondsWith(rows) < slowest->seconds())) return moves;
    moves.push_back({.from = from, .to = *to});
    Make(moves.back(), shares);
    takes[*to] = true;
  }
}

void RowBalance::GiveAll(Shares& shares, std::vector<Move>& moves) {
  double rows = 0.0;
  double slots = 0.0;
  for (const Share& share : shares) {
    rows += share.rows;
    slots += share.shards.empty() ? 0.0 : 1.0;
  }
  const std::vector<Move> planned = moves;
  for (std::size_t from = 0; from < shares.size(); ++from) {
    Share& share = shares[from];
    const bool gives = std::ranges::find(planned, from, &Move::from) != planned.end();
    if (!gives || share.rows >= kShareMin * rows / slots) continue;
    while (!share.shards.empty()) {
      const auto to = FirstToEnd(shares, share.shards.back(), from);
      if (!to) return;
      moves.push_back({.from = from, .to = *to});
      Make(moves.back(), shares);
    }
  }
}

double RowBalance::Cost(const Shares& shares, std::span<const Move> moves) {
  std::vector<double> taken(shares.size());
  Shares after = shares;
  for (const Move& move : moves) {
    taken[move.to] += after[move.from].shards.back();
    Make(move, after);
  }
  double cost = 0.0;
  for (std::size_t i = 0; i < shares.size(); ++i) {
    if (after[i].rows == shares[i].rows) continue;
    const double seconds =
        taken[i] * after[i].load_per_row + after[i].rows * after[i].arrange_per_row;
    cost = std::max(cost, seconds);
  }
  return cost;
}

std::vector<RowBalance::Move> RowBalance::OnPass(std::span<const double> seconds) {
  SY_CHECK(seconds.size() == shares_.size());
  passes_ += 1.0;
  for (std::size_t i = 0; i < shares_.size(); ++i) {
    if (!shares_[i].shards.empty()) shares_[i].seconds_per_row = seconds[i] / shares_[i].rows;
  }
  Shares after = shares_;
  std::vector<Move> moves = Plan(after);
  GiveAll(after, moves);
  const double longest = Longest(shares_);
  const double gain = longest - Longest(after);
  const bool gains = gain > kGainMin * longest;
  const bool sure = gain > kGainSure * longest || (gains && gained_before_);
  gained_before_ = gains;
  if (!sure || gain * std::max(passes_, kPassesAhead) < Cost(shares_, moves)) return {};
  return moves;
}

void RowBalance::Apply(std::span<const Move> moves) {
  for (const Move& move : moves) Make(move, shares_);
  gained_before_ = false;
}

double RowBalance::Slowness(std::size_t slot) const {
  double rows = 0.0;
  double seconds = 0.0;
  for (std::size_t i = 0; i < shares_.size(); ++i) {
    if (i == slot || shares_[i].shards.empty()) continue;
    rows += shares_[i].rows;
    seconds += shares_[i].seconds();
  }
  return seconds > 0.0 ? shares_[slot].seconds_per_row * rows / seconds : 1.0;
}

}  // namespace steelyard::job
