// FairTurns: requests of several worker groups in turn, so that none waits for all that another one sends.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>

#include "runtime/time.h"
#include "steelyard/types.h"
#include "transport/transport.h"
#include "wire/frame.h"

namespace steelyard::server {

/// Deficit round robin over parties: a worker group is one, whatever the number of its connections; a connection of no
/// group is one. In each turn a party may have kQuantum bytes of requests carried out; what it asks beyond that waits for
/// the next turn, behind what others ask meanwhile. A party that is alone does not wait at all.
///
/// Requests of one connection stay in order.
///
/// Threads: confined to the shard's loop. PURE.
/// Cost:    O(1) a request; nothing is copied.
/// Source:  Shreedhar and Varghese, "Efficient fair queuing using deficit round robin", 1995.
class FairTurns {
 public:
  using Serve = std::function<void(transport::LinkId link, const wire::Frame& frame)>;
  static constexpr std::size_t kQuantum = std::size_t{256} << 10;
  /// A party that was not heard for so long does not count as there.
  static constexpr runtime::Duration kPresent = std::chrono::milliseconds(50);

  /// @param bytes_max  that may wait of one connection; more are dropped, as if they had been lost on the way.
  explicit FairTurns(std::size_t bytes_max) : bytes_max_(bytes_max) {}

  /// `link` belongs to a group from now on.
  void Assign(transport::LinkId link, JobId group);

  /// A request has come. @return true: carry it out now; false: it is kept, or dropped.
  bool Admit(runtime::Time now, transport::LinkId link, const wire::Frame& frame);

  /// Begin a turn: `serve` what has waited and is due.
  void Turn(const Serve& serve);

  /// Forget what waits of a connection that ended.
  void ForgetLink(transport::LinkId link);

  bool waiting() const { return waiting_ > 0; }
  std::size_t waiting_count() const { return waiting_; }
  std::size_t waiting_bytes() const { return bytes_; }
  std::uint64_t dropped() const { return dropped_; }

 private:
  /// A group, or kAlone with the number of a connection.
  using PartyId = std::uint64_t;
  static constexpr PartyId kAlone = PartyId{1} << 63;
  struct Waiting {
    transport::LinkId link;
    wire::Frame frame;
  };
  struct Party {
    std::size_t credit = kQuantum;
    runtime::Time heard{0};
    std::deque<Waiting> waiting;
  };
  PartyId PartyOf(transport::LinkId link) const;
  bool Alone(PartyId id, runtime::Time now) const;
  static std::size_t CostOf(const wire::Frame& frame);

  std::size_t bytes_max_;
  std::map<transport::LinkId, JobId> groups_;
  std::map<transport::LinkId, std::size_t> bytes_of_;  ///< Of those that wait.
  std::map<PartyId, Party> parties_;
  PartyId next_ = 0;  ///< Whose turn comes first.
  std::size_t waiting_ = 0;
  std::size_t bytes_ = 0;
  std::uint64_t dropped_ = 0;
};

}  // namespace steelyard::server
