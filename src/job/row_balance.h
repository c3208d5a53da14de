// RowBalance: decides which shards a batch solver's workers give each other, so that all end a pass at the same time.
#pragma once

#include <cstddef>
#include <deque>
#include <optional>
#include <span>
#include <vector>

namespace steelyard::job {

/// The scheduler tells it how long each slot worked in a pass, waits for others left out, and it says which shards to move:
/// the last ones of slow slots.
///
/// - What good passes take, and in them most steps, goes with a slot's rows: all work at the same time, and the slowest ends
///   last. What others take longer does not: a process that stands still stops all the others, whatever it has. So a slot
///   gives all its rows where the others end sooner without it. It is not asked again.
/// - A move must pay: what it takes off kPassesAhead passes must exceed what reading the rows and arranging the columns cost,
///   which loading has shown.
/// - Noise moves nothing: times are those of the last kWindow passes, the worst one left out; the gain must be kGainMin of a
///   pass after two passes one after the other.
///
/// Threads: confined to the head's loop. PURE: the same times give the same moves.
/// Source:  the paper's scheduler watches progress and moves tasks (Li et al., OSDI 2014, section 2); the rule is ours.
class RowBalance {
 public:
  static constexpr double kGainMin = 0.15;
  static constexpr double kPassesAhead = 12;
  static constexpr std::size_t kWindow = 5;

  /// What a slot has.
  struct Slot {
    std::vector<double> shards;    ///< Rows of each, in the order in which they came.
    double load_seconds = 0.0;     ///< Reading all of them,
    double arrange_seconds = 0.0;  ///< and turning them into columns.
  };
  /// How long a slot worked in a pass.
  struct Times {
    double seconds = 0.0;
    double stalled = 0.0;  ///< Of these, what a few steps took longer than most.
  };
  /// The last shard of `from` goes to `to`.
  struct Move {
    std::size_t from = 0;
    std::size_t to = 0;
    bool operator==(const Move&) const = default;
  };

  explicit RowBalance(const std::vector<Slot>& slots);

  /// A pass is over. @param times  [slots]
  /// @return what to move before the next one, in order; Apply() says that it is done.
  std::vector<Move> OnPass(std::span<const Times> times);
  void Apply(std::span<const Move> moves);

  /// How many times as long a row took this slot as the others.
  double Slowness(std::size_t slot) const;

 private:
  struct Share {
    std::vector<double> shards;
    double rows = 0.0;
    std::deque<Times> last;        ///< Of passes with these rows.
    double seconds_per_row = 0.0;  ///< As they show it.
    double stalled = 0.0;          ///< Likewise; in a pass, whatever the rows.
    double load_per_row = 0.0;     ///< Reading one,
    double arrange_per_row = 0.0;  ///< and turning it into a column.

    double seconds() const { return SecondsWith(0.0); }
    double SecondsWith(double more) const { return (rows + more) * seconds_per_row; }
    double with_stalls() const { return seconds() + (shards.empty() ? 0.0 : stalled); }
  };
  using Shares = std::vector<Share>;
  static void Note(const Times& times, Share& share);
  struct Plan {
    std::vector<Move> moves;
    std::optional<std::size_t> rests;  ///< This slot gives all.
    double seconds = 0.0;              ///< Of a pass.
  };

  static double SecondsOfPass(const Shares& shares);
  /// Who would end first with so many rows more, of those that have any.
  static std::optional<std::size_t> FirstToEnd(const Shares& shares, double more, std::size_t but);
  static void Make(const Move& move, Shares& shares);
  /// Move last shards from whoever would end last to whoever would end first, as long as that helps.
  static Plan PlanShares(Shares shares);
  /// Move all shards of a slot.
  static Plan PlanRest(Shares shares, std::size_t from);
  /// Of reading and arranging, in seconds.
  static double Cost(const Shares& shares, std::span<const Move> moves);

  Shares shares_;
  bool gained_before_ = false;  ///< Moving would have helped after the last pass, too.
  std::optional<std::size_t> rested_before_;  ///< And this slot would have given all.
};

}  // namespace steelyard::job
