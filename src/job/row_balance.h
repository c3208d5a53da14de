// RowBalance: decides which shards a batch solver's workers give each other, so that all end a pass at the same time.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

namespace steelyard::job {

/// The scheduler tells it how long each slot worked on its rows in a pass, waits for others left out. It takes for granted
/// that a slot's time goes with its rows, and says which shards to move: the last ones of slow slots.
///
/// - A move must pay: what it takes off a pass, times as many passes as there have been (at least kPassesAhead), must exceed what
///   reading the rows and arranging the columns cost, which loading has shown.
/// - Noise moves nothing: the gain must be kGainMin of a pass in two passes one after the other, or kGainSure in one.
/// - A slot that would be left with less than kShareMin of an equal share gives all: what holds it up goes not with its rows
///   (a process that stands still holds up the others whatever it has). It is not asked again.
///
/// Threads: confined to the head's loop. PURE: the same times give the same moves.
/// Source:  the paper (Li et al., OSDI 2014, section 2) has the scheduler reschedule tasks as it monitors workers; the rule is ours.
class RowBalance {
 public:
  static constexpr double kGainMin = 0.15;
  static constexpr double kGainSure = 0.3;
  static constexpr double kShareMin = 1.0 / 3;
  static constexpr double kPassesAhead = 8;

  /// What a slot has.
  struct Slot {
    std::vector<double> shards;    ///< Rows of each, in the order in which they came.
    double load_seconds = 0.0;     ///< Reading all of them,
    double arrange_seconds = 0.0;  ///< and turning them into columns.
  };
  /// The last shard of `from` goes to `to`.
  struct Move {
    std::size_t from = 0;
    std::size_t to = 0;
    bool operator==(const Move&) const = default;
  };

  explicit RowBalance(const std::vector<Slot>& slots);

  /// A pass is over. @param seconds  [slots] that each took for its rows.
  /// @return what to move before the next one, in order; Apply() says that it is done.
  std::vector<Move> OnPass(std::span<const double> seconds);
  void Apply(std::span<const Move> moves);

  /// How many times as long a row took this slot as the others, in the last pass.
  double Slowness(std::size_t slot) const;

 private:
  struct Share {
    std::vector<double> shards;
    double rows = 0.0;
    double seconds_per_row = 0.0;  ///< In the last pass.
    double load_per_row = 0.0;     ///< Reading one,
    double arrange_per_row = 0.0;  ///< and turning it into a column.

    double seconds() const { return SecondsWith(0.0); }
    double SecondsWith(double more) const { return (rows + more) * seconds_per_row; }
  };
  using Shares = std::vector<Share>;

  static double Longest(const Shares& shares);
  /// Who would end first with so many rows more, of those that have any.
  static std::optional<std::size_t> FirstToEnd(const Shares& shares, double more, std::size_t but);
  static void Make(const Move& move, Shares& shares);
  /// Move last shards from whoever would end last to whoever would end first, as long as that helps.
  static std::vector<Move> Plan(Shares& shares);
  /// Those of `moves` who would be left with too little give the rest.
  static void GiveAll(Shares& shares, std::vector<Move>& moves);
  /// Of reading and arranging, in seconds.
  static double Cost(const Shares& shares, std::span<const Move> moves);

  Shares shares_;
  double passes_ = 0;
  bool gained_before_ = false;  ///< Moving would have helped after the last pass, too.
};

}  // namespace steelyard::job
