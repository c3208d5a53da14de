// WorkerCalls: the functions that a worker answers while it holds a slot, as that member of the job's group.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "client/member_calls.h"
#include "rpc/head_link.h"
#include "runtime/executor.h"
#include "steelyard/types.h"
#include "steelyard/updater.h"
#include "transport/transport.h"
#include "wire/member_messages.h"

namespace steelyard::job {

using WorkerFunctions = std::map<std::string, WorkerFunction>;

/// Tells the head which functions there are, again until it knows, and runs each call once, away from the loop.
///
/// Ownership: borrows the link to the head.
/// Threads:   confined to the worker's loop; functions run on the executor.
class WorkerCalls : public std::enable_shared_from_this<WorkerCalls> {
 public:
  using Progress = std::function<WorkerProgress()>;

  /// @param executor  borrowed; may be null where there are no functions.
  WorkerCalls(rpc::HeadLink* head, WorkerFunctions functions, runtime::Executor* executor);

  /// From now on this worker is member `slot` of the group of `job`. @param progress  asked for each call.
  void Serve(transport::Transport& transport, JobId job, std::uint32_t slot, Progress progress);
  /// It has left the job: no new calls; those that came before are answered.
  void StopServing(transport::Transport& transport);

  /// @return whether the frame belongs to calls.
  bool OnFrame(transport::Transport& transport, const wire::Frame& frame);
  void OnHeadReady(transport::Transport& transport);
  void OnTurn(transport::Transport& transport);
  std::optional<runtime::Time> next_turn() const;

 private:
  /// A GROUP_SERVE that the head has not confirmed.
  struct Unconfirmed {
    wire::GroupServe serve;
    std::uint64_t request_id = 0;
    runtime::Time sent_at{0};
  };
  void Tell(transport::Transport& transport, wire::GroupServe serve);
  void Send(transport::Transport& transport, Unconfirmed& unconfirmed);
  void OnCall(transport::Transport& transport, const wire::MemberCall& call);

  rpc::HeadLink* head_;
  WorkerFunctions functions_;
  runtime::Executor* executor_;
  client::MemberCalls calls_;
  Progress progress_;                                 ///< Of the job now; none: there is no job.
  wire::GroupServe seat_;                             ///< In that job.
  std::map<std::uint32_t, Unconfirmed> unconfirmed_;  ///< By group.
  std::uint64_t next_request_;
};

}  // namespace steelyard::job
