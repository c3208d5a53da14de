// BlockSolverTest: a solver of two small segments, and messages of two workers to it.
#pragma once

#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/hash.h"
#include "server/block_solver.h"
#include "table/freezer.h"
#include "table/hash_table.h"
#include "wire/upper_half_float.h"

namespace steelyard::server {

using wire::BlockAction;
using Outbox = BlockSolver::Outbox;

inline constexpr std::size_t kKeys = 8;  // Of each segment: 0 to 7, and 100 to 107.

class BlockSolverTest : public ::testing::Test {
 protected:
  using Counts = std::array<std::uint32_t, 2>;
  static constexpr std::uint16_t kOne = wire::UpperHalfOf(1.0F);

  explicit BlockSolverTest(
      const UpdaterOptions& updater = {.name = std::string(table::kProximalUpdater), .l1 = 1.0F})
      : updater_(updater) {
    const std::size_t row_floats = updater.name == table::kProximalUpdater
                                       ? table::kProximalColumns
                                       : table::kQuasiNewtonColumns;
    for (SegmentId segment = 0; segment < 2; ++segment) {
      const Key first = segment * 100;
      table::HashTable hash({first, segment == 0 ? 99 : kKeyMax}, row_floats, memory_);
      for (Key key = first; key < first + kKeys; ++key) {
        float* row = hash.FindOrInsert(key == 107 ? LastKey() : key);
        row[static_cast<std::size_t>(table::ProximalColumn::kStart)] = 1.0F;
      }
      table::Freezer freezer(
          &hash, [](Key, std::span<const float>) { return true; }, &memory_);
      while (!freezer.Continue(3)) {
      }
      rows_[segment] = freezer.Take();
    }
  }

  Key LastKey() const { return updater_.intercept ? kInterceptKey : 107; }

  Result<wire::BlockJoined> Join(std::uint32_t slot, std::vector<Key> first,
                                 std::vector<Key> second, Session session = 1,
                                 std::uint32_t places_negligible = 0) {
    return solver_.Join({.table = 5,
                         .group = 3,
                         .slot = slot,
                         .session = session,
                         .block_count = 2,
                         .places_negligible = places_negligible,
                         .segments = {{0, std::move(first)}, {1, std::move(second)}}});
  }

  /// Slot 0 has all keys, slot 1 those at even places of segment 0 and none of segment 1.
  void JoinBoth() {
    ASSERT_TRUE(
        Join(0, {0, 1, 2, 3, 4, 5, 6, 7}, {100, 101, 102, 103, 104, 105, 106, LastKey()}).ok());
    ASSERT_TRUE(Join(1, {0, 2, 4, 6}, {}).ok());
  }

  /// A part of a step on block 0: each gradient is `gradient`, each curvature 1.
  wire::BlockStep Part(std::uint32_t slot, steelyard::Step step, float gradient) const {
    const Counts counts = slot == 0 ? Counts{4, 4} : Counts{2, 0};
    return {.table = 5,
            .group = 3,
            .slot = slot,
            .slot_count = 2,
            .session = 1,
            .step = step,
            .pass = 1,
            .counts_signature = SignatureOf(counts),
            .gradients = std::vector<float>(counts[0] + counts[1], gradient),
            .curvatures = std::vector<std::uint16_t>(counts[0] + counts[1], kOne)};
  }

  /// Of the coordinates in each segment.
  static std::uint32_t SignatureOf(const Counts& counts) {
    const std::array<wire::BlockCount, 2> of{{{0, counts[0]}, {1, counts[1]}}};
    return wire::SignatureOf(of);
  }

  static wire::BlockStep OnBlock1(wire::BlockStep part) {
    part.block = 1;
    return part;
  }

  static wire::BlockStepped Answer(const wire::Frame& frame) {
    EXPECT_EQ(frame.header.type, wire::MessageType::kBlockStepped);
    return wire::Decode<wire::BlockStepped>(frame.body.bytes()).value();
  }

  static std::vector<float> ChangesIn(const wire::Frame& frame, std::size_t count) {
    const wire::SparseFloats changes = Answer(frame).changes;
    EXPECT_TRUE(changes.Fits(count));
    return changes.Fits(count) ? changes.Expand(count) : std::vector<float>();
  }

  std::vector<float> Weights(SegmentId segment) const {
    const auto column = std::as_const(*rows_[segment]).column(0);
    return {column.begin(), column.end()};
  }

  table::PageMemory memory_;
  std::array<std::unique_ptr<table::ArrayTable>, 2> rows_;
  UpdaterOptions updater_;
  BlockSolver solver_{3, updater_, [this](SegmentId segment) {
                        return segment < 2 ? rows_[segment].get() : nullptr;
                      }};
};

}  // namespace steelyard::server
