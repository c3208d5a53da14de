// HeldShards: where each shard ends among the rows that a worker of a batch solver has.
#pragma once

#include <cstddef>
#include <deque>
#include <span>
#include <vector>

#include "base/check.h"

namespace steelyard::job {

/// Rows are added in the order in which they are read; shards go the other way, the last ones first.
/// Threads: confined to the worker's loop. PURE.
class HeldShards {
 public:
  /// Minibatches are about to be read. @param rows  that there are so far.
  void Begin(std::size_t rows) {
    rows_ = rows;
    held_ = ends_.size();
    read_ = added_ = 0;
  }
  /// So many minibatches were read. @param ends  the batches of them before the end of each shard that ended.
  void OnRead(std::size_t batches, std::span<const std::size_t> ends) {
    for (const std::size_t end : ends) waiting_.push_back(read_ + end);
    read_ += batches;
    NoteEnds();
  }
  /// The next minibatch is added. @param rows  that there are now.
  void OnAdded(std::size_t rows) {
    ++added_;
    rows_ = rows;
    NoteEnds();
  }
  /// At Begin().
  std::size_t held() const { return held_; }
  /// Of the shards that were there at Begin() the first `shards` stay. @return their rows.
  std::size_t Keep(std::size_t shards) {
    SY_CHECK(shards <= held_);
    const std::size_t before = held_ == 0 ? 0 : ends_[held_ - 1];
    const std::size_t kept = shards == 0 ? 0 : ends_[shards - 1];
    ends_.erase(ends_.begin() + static_cast<std::ptrdiff_t>(shards),
                ends_.begin() + static_cast<std::ptrdiff_t>(held_));
    for (std::size_t i = shards; i < ends_.size(); ++i) ends_[i] -= before - kept;
    held_ = ends_.size();
    return kept;
  }

 private:
  void NoteEnds() {
    for (; !waiting_.empty() && waiting_.front() <= added_; waiting_.pop_front())
      ends_.push_back(rows_);
  }

  std::vector<std::size_t> ends_;  ///< Rows before the end of each shard.
  std::size_t held_ = 0;
  std::size_t rows_ = 0;
  std::size_t read_ = 0;
  std::size_t added_ = 0;
  std::deque<std::size_t>
      waiting_;  ///< Batches before the end of shards whose rows are not all added.
};

}  // namespace steelyard::job
