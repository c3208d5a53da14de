#include "job/worker.h"

#include <algorithm>
#include <utility>

#include "job/worker_run.h"

namespace steelyard::job {

using transport::Transport;
using wire::MessageType;

Worker::Worker(Options options, WorkerEnvironment environment)
    : MemberNode(wire::Role::kWorker, std::move(options)),
      environment_(std::move(environment)),
      calls_(std::make_shared<WorkerCalls>(&head_, environment_.functions,
                                           environment_.function_thread)) {}

Worker::~Worker() = default;

void Worker::OnHeadReady(Transport& transport) {
  calls_->OnHeadReady(transport);
}

void Worker::OnHeadFrame(Transport& transport, wire::Frame frame) {
  if (calls_->OnFrame(transport, frame)) return;
  switch (frame.header.type) {
    case MessageType::kSlotAssign: {
      const auto assign = wire::Decode<wire::SlotAssign>(frame.body.bytes());
      if (assign.ok()) StartRun(transport, assign.value());
      return;
    }
    case MessageType::kPassPlan: {
      const auto plan = wire::Decode<wire::PassPlan>(frame.body.bytes());
      if (plan.ok() && run_ && run_->job() == plan.value().job)
        run_->OnPlan(transport, plan.value());
      return;
    }
    case MessageType::kDecide: {
      const auto decide = wire::Decode<wire::Decide>(frame.body.bytes());
      if (decide.ok() && run_ && run_->job() == decide.value().job) run_->OnDecide(decide.value());
      return;
    }
    case MessageType::kShardAssign: {
      const auto assign = wire::Decode<wire::ShardAssign>(frame.body.bytes());
      if (assign.ok() && run_ && run_->job() == assign.value().job)
        run_->OnShardAssign(transport, assign.value());
      return;
    }
    case MessageType::kNamesAck: {
      const auto ack = wire::Decode<wire::NamesAck>(frame.body.bytes());
      if (ack.ok() && run_ && run_->job() == ack.value().job)
        run_->OnNamesAck(transport, ack.value());
      return;
    }
    case MessageType::kTableFrozen: {
      const auto frozen = wire::Decode<wire::TableFrozen>(frame.body.bytes());
      if (frozen.ok() && run_) run_->OnFrozen(transport, frozen.value().table, {});
      return;
    }
    case MessageType::kRefused: {
      const auto refused = wire::Decode<wire::Refused>(frame.body.bytes());
      if (refused.ok() && run_)
        run_->OnFrozen(transport, static_cast<TableId>(frame.header.request_id),
                       refused.value().ToStatus());
      return;
    }
    case MessageType::kJobCancel: {
      const auto cancel = wire::Decode<wire::JobCancel>(frame.body.bytes());
      if (cancel.ok() && run_ && run_->job() == cancel.value().job) {
        EndRun(transport,
               Status(StatusCode::kCancelled, "the job ended: " + cancel.value().reason));
      }
      return;
    }
    default:
      return;  // A later head may tell us what we can ignore.
  }
}

void Worker::StartRun(Transport& transport, const wire::SlotAssign& assign) {
  if (assign.session <= last_session_) return;  // A repeat.
  last_session_ = assign.session;
  EndRun(transport, Status(StatusCode::kCancelled, "another slot was assigned"));
  run_ = std::make_shared<Run>(assign, &head_, &client_, &environment_);
  run_->Start(transport);
  calls_->Serve(transport, assign.job, assign.slot, [this] { return run_->Progress(); });
}

void Worker::EndRun(Transport& transport, const Status& why) {
  if (!run_) return;
  const std::shared_ptr<Run> run = std::exchange(run_, nullptr);
  run->Cancel(transport, why);
  calls_->StopServing(transport);
}

void Worker::OnTurn(Transport& transport) {
  failure_ = head_.failure(transport.now());
  if (run_) run_->OnWake(transport);
  calls_->OnTurn(transport);
}

std::optional<runtime::Time> Worker::next_turn() const {
  const std::optional<runtime::Time> calls = calls_->next_turn();
  if (!run_) return calls;
  return calls ? std::min(*calls, run_->next_wake()) : run_->next_wake();
}

}  // namespace steelyard::job
