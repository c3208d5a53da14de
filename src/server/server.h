// Server: a node that holds segments for its cluster: connections in front of a Shard, membership with the head.
#pragma once

#include <string>

#include "rpc/acceptor.h"
#include "rpc/head_link.h"
#include "server/fair_turns.h"
#include "server/shard.h"
#include "transport/transport.h"

namespace steelyard::server {

/// One shard behind its own connections: requests are parsed, applied and answered on one thread.
///
/// Threads: confined to its loop.
class Server : public transport::Node {
 public:
  struct Options {
    std::string head_address;
    std::string
        listen_address;  ///< Where this node's transport accepts connections, told to the head.
    Incarnation incarnation = 0;
    std::string description;                                 ///< "pid 4711"
    std::size_t memory_bytes_max = Shard::kMemoryUnlimited;  ///< Of the tables' rows.
    UserCode user = {};
    /// Of the lists of keys kept for each connection; clients suppose that it is this much.
    std::size_t key_bytes_max = filter::kKeyCacheBytes;
  };
  explicit Server(Options options);

  void OnStart(transport::Transport& transport) override;
  void OnOpen(transport::Transport& transport, transport::LinkId link, bool accepted,
              const std::string& peer) override;
  void OnFrame(transport::Transport& transport, transport::LinkId link, wire::Frame frame) override;
  void OnClose(transport::Transport& transport, transport::LinkId link, const Status& why) override;
  void OnWake(transport::Transport& transport) override;

  /// Not OK once this server cannot go on (the head is gone or refused it); its process should end with it.
  const Status& failure() const { return failure_; }
  const Shard& shard() const { return shard_; }
  const PackedRequests& packed_requests() const { return packed_; }
  const FairTurns& turns() const { return turns_; }
  const rpc::HeadLink& head() const { return head_; }
  const rpc::Identity& identity() const { return identity_; }

 private:
  void OnHeadFrame(transport::Transport& transport, const wire::Frame& frame);
  /// PackedRequests::Unpack(), and what is kept since counts as memory.
  template <typename Request>
  Result<bool> Unpack(transport::LinkId link, Request& request);
  /// @return why the request is refused.
  Status OnPush(transport::Transport& transport, transport::LinkId link, const wire::Frame& frame,
                Outbox& outbox);
  Status OnBlocks(transport::LinkId link, const wire::Frame& frame, Outbox& outbox);
  /// Answer HOT_KEYS_GET or CLOCKS_GET.
  Result<wire::Frame> AnswerInsight(const wire::Frame& frame) const;
  void OnRequest(transport::Transport& transport, transport::LinkId link, const wire::Frame& frame);
  void SendAll(transport::Transport& transport, Outbox& outbox);
  void Refuse(transport::Transport& transport, transport::LinkId link, std::uint64_t request_id,
              const Status& why);
  /// Tell the head that a table is frozen, if it is.
  void TellFrozen(transport::Transport& transport, TableId table);
  void SendStats(transport::Transport& transport);
  void ArmAlarm(transport::Transport& transport);

  rpc::Identity identity_;
  rpc::HeadLink head_;
  rpc::Acceptor acceptor_;
  FairTurns turns_{Shard::kWaitingBytesMax};
  Shard shard_;
  PackedRequests packed_;
  Status failure_;
  runtime::Time next_stats_{0};
};

}  // namespace steelyard::server
