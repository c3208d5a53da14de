// Block messages: batch solvers on a frozen table, by ranks instead of keys.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "wire/message_codec.h"
#include "wire/rising_ranks.h"
#include "wire/sparse_floats.h"

namespace steelyard::wire {

inline constexpr std::uint32_t kBlocksMax = 1u << 20;

/// The keys of one segment that a worker's data have.
struct BlockKeys {
  SegmentId segment = 0;
  std::vector<Key> keys;  ///< Strictly increasing.
  template <typename V>
  void Fields(V& v) {
    v(segment, keys);
  }
};

/// Worker to server: these are my features; I will push their gradients without keys. Repeating it changes nothing; other
/// keys, between passes, are more features.
struct BlockJoin {
  static constexpr MessageType kType = MessageType::kBlockJoin;
  TableId table = 0;
  JobId group = 0;
  std::uint32_t slot = 0;
  Session session = 0;
  std::uint32_t block_count = 0;  ///< The same from every worker.
  /// Features that stand in at most so many places, and whose weight is 0, are left out: they have no rank. The same from
  /// every worker.
  std::uint32_t places_negligible = 0;
  std::vector<BlockKeys> segments;
  template <typename V>
  void Fields(V& v) {
    v(table, group, slot, session, block_count, places_negligible, segments);
  }
  Status Check() const;
};

/// Where a worker's features stand in one segment.
struct BlockRanks {
  SegmentId segment = 0;
  std::vector<std::uint32_t> firsts;  ///< [block_count] the first rank of each block.
  std::uint32_t keys = 0;
  RisingRanks ranks;     ///< [keys] kNoRank where the table has no such key, or it is left out.
  SparseFloats weights;  ///< [keys] 0 likewise.
  template <typename V>
  void Fields(V& v) {
    v(segment, firsts, keys, ranks, weights);
  }
};

/// Answers BLOCK_JOIN, in its order of segments.
struct BlockJoined {
  static constexpr MessageType kType = MessageType::kBlockJoined;
  TableId table = 0;
  std::vector<BlockRanks> segments;
  template <typename V>
  void Fields(V& v) {
    v(table, segments);
  }
  Status Check() const;
};

/// What the servers do once every worker's part of a step is there.
enum class BlockAction : std::uint8_t {
  kStep = 0,   ///< A proximal step on the block.
  kSweep = 1,  ///< Judge every coordinate of the block; wake those that violate their condition.
  kMeasure =
      2,  ///< No block: norms of the weights, and figures of the pass. Comes after all of its blocks.
  kSearch = 3,    ///< No block: the penalty after `move`, at each of math::kSearchScales.
  kMove = 4,      ///< The block's weights become a trial point of the line search.
  kGradient = 5,  ///< The trial point is accepted, and these are the block's gradients at it.
};

/// Does a worker send a gradient for each of its coordinates?
bool HasGradients(BlockAction action);
/// And an upper bound of the curvature?
bool HasCurvatures(BlockAction action);
/// Is it one of a quasi-Newton solver alone?
bool IsQuasiNewton(BlockAction action);

/// How far to go along what the last pass changed and what changed before it: math::SearchMove.
struct SearchMove {
  double pass = 0.0;
  double earlier = 0.0;
  double scale = 0.0;
  template <typename V>
  void Fields(V& v) {
    v(pass, earlier, scale);
  }
};

/// Of a quasi-Newton solver. Places are those of math::QuasiNewtonMemory's basis.
struct QuasiNewtonStep {
  static constexpr std::uint32_t kNoPair = ~std::uint32_t{0};
  std::vector<double> direction;  ///< kMove: a coefficient for each place.
  double reach = 0.0;             ///< kMove: how far along it.
  std::uint32_t pair = kNoPair;   ///< kGradient: where the last step goes.
  template <typename V>
  void Fields(V& v) {
    v(direction, reach, pair);
  }
  Status Check() const;
};

/// What a step is about in one segment.
struct BlockCount {
  SegmentId segment = 0;
  std::uint32_t count = 0;  ///< Coordinates.
};

/// A hash of the counts of every segment of a server, in order: worker and server know them, and must agree.
std::uint32_t SignatureOf(std::span<const BlockCount> counts);

/// Worker to server: my part of a step. The answer comes when every slot's part is there and the step is done.
struct BlockStep {
  static constexpr MessageType kType = MessageType::kBlockStep;
  TableId table = 0;
  JobId group = 0;
  std::uint32_t slot = 0;
  std::uint32_t slot_count = 0;  ///< So many take part: those that have rows.
  Session session = 0;
  Step step = 0;            ///< Counts up; the same block and action for every slot.
  Step answered_step = -1;  ///< I have the answers of all steps up to this one.
  std::uint32_t pass = 0;   ///< Counts up from 1; the first step of a pass begins it.
  bool take_back = false;   ///< Before this pass begins, undo the one before.
  SearchMove move = {};     ///< Otherwise, end the one before with it; kSearch: what to look at.
  BlockAction action = BlockAction::kStep;
  std::uint32_t block = 0;   ///< kStep and kSweep: the first one.
  std::uint32_t blocks = 1;  ///< So many, taken as one.
  float margin = 0.0F;       ///< Coordinates at 0 settle when their gradient is that far below l1.
  QuasiNewtonStep newton = {};  ///< kMove and kGradient; others do not send it.
  /// SignatureOf() the worker's coordinates in the block. kStep leaves out what is settled.
  std::uint32_t counts_signature = 0;
  /// Of these coordinates, by segment, then by rank; kStep, kSweep and kGradient.
  std::vector<float> gradients;
  /// Likewise: UpperHalfOf() them; kStep alone.
  std::vector<std::uint16_t> curvatures;
  template <typename V>
  void Fields(V& v) {
    v(table, group, slot, slot_count, session, step, answered_step, pass, take_back, move, action,
      block, blocks, margin);
    if (IsQuasiNewton(action)) v(newton);
    v(counts_signature, gradients, curvatures);
  }
  Status Check() const;
};

/// Add element by element; missing ones are 0.
void AddTo(std::vector<double>& sums, std::span<const double> parts);

/// What a step found in one segment. kStep: nothing, kMeasure tells it. kSweep: violation_max, gradient_max, gain, norms of
/// the blocks. kMeasure: norms, nonzeros and the search's model now, violation_max and settled of the pass. kSearch: penalties.
/// kMove: norms, nonzeros and slope of the blocks. kGradient: violation_max, gradient_max and products of the blocks.
struct BlockFigures {
  SegmentId segment = 0;
  float violation_max = 0.0F;
  float gradient_max = 0.0F;
  double gain = 0.0;
  double norm1 = 0.0;
  double norm2_squared = 0.0;
  std::uint64_t nonzeros = 0;
  std::uint64_t settled = 0;
  std::uint64_t features = 0;
  std::vector<double> model = {};      ///< math::SearchModel::figures().
  std::vector<double> penalties = {};  ///< By scale.
  double slope = 0.0;  ///< Of the objective, times the step from where the line search began.
  std::vector<double> products = {};  ///< Inner products: table::GradientOutcome.
  /// Each action finds a few of them, so a bit for each says whether it is sent: it is not 0, or not empty.
  template <typename V>
  void Fields(V& v) {
    std::uint16_t sent = Found();
    v(segment, sent);
    const auto fields = [&](auto&... figures) {
      int bit = 0;
      ((sent >> bit++ & 1 ? v(figures) : void()), ...);
    };
    fields(violation_max, gradient_max, gain, norm1, norm2_squared, nonzeros, settled, features,
           model, penalties, slope, products);
    if (sent != Found()) v.Refuse();
  }
  void Add(const BlockFigures& other);

 private:
  /// The bits, first figure lowest.
  std::uint16_t Found() const;
};

/// Answers BLOCK_STEP.
struct BlockStepped {
  static constexpr MessageType kType = MessageType::kBlockStepped;
  TableId table = 0;
  Step step = 0;
  /// To the lowest slot: of each segment, in the request's order; kStep: none.
  std::vector<BlockFigures> figures;
  /// Of the worker's coordinates. kStep: as by math::ShortStep(); kMove: new weights.
  SparseFloats changes = {};
  /// kStep and kSweep: a bit for each of the worker's coordinates, first one lowest: it is settled now.
  std::vector<std::uint8_t> settled = {};
  template <typename V>
  void Fields(V& v) {
    v(table, step, figures, changes, settled);
  }
  Status Check() const { return {}; }

  /// Coordinates are appended in order, from 0.
  void AppendSettled(std::size_t coordinate, bool is_settled);
  bool Settled(std::size_t coordinate) const {
    return (settled[coordinate / 8] >> (coordinate % 8) & 1u) != 0;
  }
};

}  // namespace steelyard::wire
