// BlockSolver: a server's part of a batch solver on one frozen table.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <utility>
#include <vector>

#include "math/proximal_rule.h"
#include "steelyard/status.h"
#include "steelyard/table_options.h"
#include "table/array_table.h"
#include "table/proximal_block.h"
#include "table/quasi_newton_block.h"
#include "table/updater.h"
#include "transport/transport.h"
#include "wire/block_messages.h"

namespace steelyard::server {

/// Collects the workers' parts of each step, sums them in the order of their slots, takes the step, and answers all of
/// them. A step is one exchange: gradients come without keys, because each worker said once which features it has, and
/// the steps or new weights go back the same way.
///
/// A part that is sent again is answered as the first time: its answer is kept until the worker has it.
///
/// Threads: confined to the shard's loop. PURE.
/// Memory:  8 bytes for each feature and 4 more for each that is not settled, or, with the quasi-Newton method, 84 for
///          each; 8 for each feature of each worker (none for a worker that has all); parts and answers of the steps under
///          way, which are as many as the workers' delay.
/// Cost:    a pass costs nothing for features that are settled, a sweep looks at all of them.
/// Source:  Li et al., NIPS 2014; aggregation before the update, Li et al., OSDI 2014, section 3.5. The quasi-Newton method is
///          the paper's system A: math/quasi_newton.h.
class BlockSolver {
 public:
  using Outbox = std::vector<std::pair<transport::LinkId, wire::Frame>>;
  /// A segment's rows if they are held here and frozen; else nullptr.
  using FindRows = std::function<table::ArrayTable*(SegmentId)>;

  /// Steps that may wait for a worker's part.
  static constexpr std::size_t kStepsWaitingMax = 1 << 16;

  /// @param group    the job that solves.
  /// @param updater  the table's: proximal or owlqn.
  BlockSolver(JobId group, const UpdaterOptions& updater, FindRows find)
      : group_(group),
        method_(updater.name == table::kQuasiNewtonUpdater ? Method::kQuasiNewton
                                                           : Method::kProximal),
        rule_{.l1 = updater.l1, .l2 = updater.l2},
        has_intercept_(updater.intercept),
        find_(std::move(find)) {}

  JobId group() const { return group_; }

  /// A worker's features; it may have more, later, between passes, and keeps those that it had.
  /// Errors: kUnavailable  a segment is not here, or not frozen; kInvalidArgument; kCancelled  a later session speaks
  ///         for the slot.
  Result<wire::BlockJoined> Join(const wire::BlockJoin& join);

  /// Take a worker's part; answers go out when the last one is there.
  /// Errors: kUnavailable  the slot has not joined here; kInvalidArgument  it does not fit; kCancelled; and
  ///         kResourceExhausted.
  Status Step(transport::LinkId link, std::uint64_t request_id, wire::BlockStep step,
              Outbox& outbox);

  /// Answers are not sent to a link that is gone.
  void ForgetLink(transport::LinkId link);

  /// Which solver: what a row's columns are, and which actions there are.
  enum class Method : std::uint8_t {
    kProximal,     ///< Delayed block proximal gradient: kStep, kSweep and kSearch.
    kQuasiNewton,  ///< Limited-memory, orthant-wise: kMove and kGradient.
  };

 private:
  using Rank = table::ArrayTable::Rank;
  struct Segment {
    table::ArrayTable* rows = nullptr;
    std::vector<Rank> firsts;       ///< Of each block, and the end of the last.
    std::vector<Rank> ranks;        ///< Of the features that are not left out, increasing.
    std::vector<Rank> active;       ///< What is not settled as a pass begins, increasing.
    wire::BlockFigures of_pass{};   ///< violation_max and settled.
    std::vector<float> curvatures;  ///< By rank: of the last step; kProximal.
    Rank intercept = table::ArrayTable::kNoRank;
    table::QuasiNewtonBasis basis{};
  };
  /// The ranks that a worker has of one segment.
  struct RankList {
    bool all = false;         ///< Those of the segment.
    std::vector<Rank> ranks;  ///< Increasing; empty when `all`.
    std::vector<Rank> active =
        {};  ///< Those that are not settled as a pass begins; empty when `all`.
  };
  struct Slot {
    Session session = 0;
    std::map<SegmentId, RankList> lists = {};
    steelyard::Step answered = -1;  ///< It has the answers up to here.
    std::deque<std::pair<steelyard::Step, wire::Frame>> answers =
        {};  ///< Not known to have arrived.
  };
  struct Part {
    transport::LinkId link = 0;
    std::uint64_t request_id = 0;
    wire::BlockStep step;
    wire::BlockStepped answer = {};
    std::size_t next_gradient = 0;    ///< Of `step`, where the next segment begins.
    std::size_t coordinates = 0;      ///< In `answer` so far.
    std::vector<float> changes = {};  ///< Of the answer.
  };
  using Parts = std::map<std::uint32_t, Part>;  ///< By slot.

  Segment& SegmentOf(SegmentId id, table::ArrayTable& rows);
  /// Add ranks to those of a worker. @return whether there are more of them now.
  static bool Unite(table::Ranks more, std::size_t ranks_of_all, RankList& list);
  Status Check(const Slot& slot, const wire::BlockStep& step) const;
  /// The ranks of a segment that the step is about.
  static table::ArrayTable::RankRange RanksOf(const Segment& segment, const wire::BlockStep& step);
  static std::size_t Coordinates(const Segment& segment, const RankList& list,
                                 const wire::BlockStep& step);
  /// A slot's ranks that the step is about, settled or not.
  static table::Ranks RanksIn(const Segment& segment, const RankList& list,
                              const wire::BlockStep& step);
  /// The worker's active ranks that a step is about.
  static table::Ranks ActiveIn(const Segment& segment, const RankList& list,
                               const wire::BlockStep& step);
  /// A pass is about to begin: leave out what has settled, take in what a sweep woke.
  void RefreshActive();
  void BeginPass(const wire::BlockStep& step);
  void Execute(Parts& parts, Outbox& outbox);
  wire::BlockFigures Measure(SegmentId id, const Segment& segment) const;
  wire::BlockFigures Search(SegmentId id, const Segment& segment,
                            const wire::SearchMove& move) const;
  wire::BlockFigures ExecuteFor(SegmentId id, Segment& segment, Parts& parts);
  wire::BlockFigures TakeStep(SegmentId id, Segment& segment, Parts& parts);
  wire::BlockFigures Sweep(SegmentId id, Segment& segment, Parts& parts);
  /// Into gradients_, of all the block's ranks.
  void SumGradients(SegmentId id, const Segment& segment, Parts& parts);
  wire::BlockFigures Move(SegmentId id, Segment& segment, Parts& parts);
  wire::BlockFigures TakeGradients(SegmentId id, Segment& segment, Parts& parts);

  table::ProximalRules RulesOf(const Segment& segment) const {
    return table::ProximalRules(rule_, segment.intercept);
  }
  table::OrthantRules OrthantRulesOf(const Segment& segment) const {
    return table::OrthantRules({.l1 = rule_.l1, .l2 = rule_.l2}, segment.intercept);
  }
  std::size_t row_floats() const {
    return method_ == Method::kProximal ? table::kProximalColumns : table::kQuasiNewtonColumns;
  }

  JobId group_;
  Method method_;
  math::ProximalRule rule_;
  bool has_intercept_;
  FindRows find_;
  std::uint32_t block_count_ = 0;
  std::uint32_t places_negligible_ = 0;
  std::uint32_t pass_ = 0;
  std::uint32_t active_of_ = 0;  ///< The pass that the active ranks are of.
  bool pass_open_ = false;  ///< Steps were taken, and the pass is neither ended nor taken back.
  bool swept_ = false;      ///< Since the active ranks were listed: some may be woken.
  std::map<SegmentId, Segment> segments_;
  std::map<std::uint32_t, Slot> slots_;
  std::map<steelyard::Step, Parts> waiting_;
  std::vector<float> gradients_;
  std::vector<float> curvatures_;
  std::vector<float> steps_;
};

}  // namespace steelyard::server
