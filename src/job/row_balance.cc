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

double RowBalance::SecondsOfPass(const Shares& shares) {
  double longest = 0.0;
  double stalled = 0.0;
  for (const Share& share : shares) {
    longest = std::max(longest, share.seconds());
    stalled += share.with_stalls() - share.seconds();
  }
  return longest + stalled;
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

RowBalance::Plan RowBalance::PlanShares(Shares shares) {
  Plan plan;
  std::vector<bool> takes(shares.size());
  while (true) {
    const auto slowest = std::ranges::max_element(shares, {}, &Share::seconds);
    const auto from = static_cast<std::size_t>(slowest - shares.begin());
    plan.seconds = SecondsOfPass(shares);
    if (slowest->shards.size() < 2 || takes[from]) return plan;
    const double rows = slowest->shards.back();
    const auto to = FirstToEnd(shares, rows, from);
    if (!to || !(shares[*to].SecondsWith(rows) < slowest->seconds())) return plan;
    plan.moves.push_back({.from = from, .to = *to});
    Make(plan.moves.back(), shares);
    takes[*to] = true;
  }
}

RowBalance::Plan RowBalance::PlanRest(Shares shares, std::size_t from) {
  Plan plan{.moves = {}, .rests = from};
  while (!shares[from].shards.empty()) {
    const auto to = FirstToEnd(shares, shares[from].shards.back(), from);
    if (!to) break;
    plan.moves.push_back({.from = from, .to = *to});
    Make(plan.moves.back(), shares);
  }
  plan.seconds = SecondsOfPass(shares);
  return plan;
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

void RowBalance::Note(const Times& times, Share& share) {
  share.last.push_back(times);
  if (share.last.size() > kWindow) share.last.pop_front();
  std::vector<double> calm;
  calm.reserve(share.last.size());
  for (const Times& pass : share.last) calm.push_back(pass.seconds - pass.stalled);
  const auto quarter = calm.begin() + static_cast<std::ptrdiff_t>((calm.size() - 1) / 4);
  std::ranges::nth_element(calm, quarter);
  const double usual = *quarter;
  double more = 0.0;
  double most = 0.0;
  for (const Times& pass : share.last) {
    const double stalled = std::max(0.0, pass.seconds - usual);
    more += stalled;
    most = std::max(most, stalled);
  }
  const std::size_t counted = share.last.size() - 1;
  share.stalled = counted == 0 ? 0.0 : (more - most) / static_cast<double>(counted);
  share.seconds_per_row = usual / share.rows;
}

std::vector<RowBalance::Move> RowBalance::OnPass(std::span<const Times> times) {
  SY_CHECK(times.size() == shares_.size());
  for (std::size_t i = 0; i < shares_.size(); ++i) {
    if (!shares_[i].shards.empty()) Note(times[i], shares_[i]);
  }
  Plan plan = PlanShares(shares_);
  const auto slowest = std::ranges::max_element(shares_, {}, &Share::with_stalls);
  const Plan rest = PlanRest(shares_, static_cast<std::size_t>(slowest - shares_.begin()));
  if (rest.seconds < plan.seconds) plan = rest;
  const double before = SecondsOfPass(shares_);
  const double gain = before - plan.seconds;
  const bool gains = gain > kGainMin * before;
  const bool sure = gains && gained_before_ && plan.rests == rested_before_;
  gained_before_ = gains;
  rested_before_ = plan.rests;
  if (!sure || gain * kPassesAhead < Cost(shares_, plan.moves)) return {};
  return plan.moves;
}

void RowBalance::Apply(std::span<const Move> moves) {
  for (const Move& move : moves) Make(move, shares_);
  for (Share& share : shares_) share.last.clear();
  gained_before_ = false;
  rested_before_.reset();
}

double RowBalance::Slowness(std::size_t slot) const {
  double rows = 0.0;
  double seconds = 0.0;
  for (std::size_t i = 0; i < shares_.size(); ++i) {
    if (i == slot || shares_[i].shards.empty()) continue;
    rows += shares_[i].rows;
    seconds += shares_[i].with_stalls();
  }
  if (!(seconds > 0.0)) return 1.0;
  return shares_[slot].with_stalls() / shares_[slot].rows * rows / seconds;
}

}  // namespace steelyard::job
