#include "job/worker.h"

#include <utility>

#include "job/worker_run.h"

namespace steelyard::job {

using transport::LinkId;
using transport::Transport;
using wire::MessageType;

Worker::Worker(Options options, WorkerEnvironment environment)
    : identity_{.role = wire::Role::kWorker,
                .node = 0,
                .incarnation = options.incarnation,
                .cluster_id = 0,
                .listen_address = {},
                .description = std::move(options.description)},
      head_(std::move(options.head_address), &identity_),
      client_(&identity_, {}),
      environment_(std::move(environment)) {}

Worker::~Worker() = default;

void Worker::OnStart(Transport& transport) {
  head_.Start(transport);
  ArmAlarm(transport);
}

void Worker::OnOpen(Transport& transport, LinkId link, bool accepted, const std::string&) {
  if (accepted) {
    transport.Close(link);  // A worker takes no connections.
  } else if (head_.Owns(link)) {
    head_.OnOpen(transport);
  } else {
    client_.OnOpen(transport, link);
  }
  ArmAlarm(transport);
}

void Worker::OnFrame(Transport& transport, LinkId link, wire::Frame frame) {
  if (head_.Owns(link)) {
    bool consumed = false;
    (void)head_.OnFrame(transport, frame, consumed);
    if (!consumed) OnHeadFrame(transport, frame);
    failure_ = head_.failure(transport.now());
  } else {
    client_.OnFrame(transport, link, frame);
  }
  ArmAlarm(transport);
}

void Worker::OnHeadFrame(Transport& transport, const wire::Frame& frame) {
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
}

void Worker::EndRun(Transport& transport, const Status& why) {
  if (!run_) return;
  const std::shared_ptr<Run> run = std::exchange(run_, nullptr);
  run->Cancel(transport, why);
}

void Worker::OnClose(Transport& transport, LinkId link, const Status& why) {
  if (head_.Owns(link)) {
    (void)head_.OnClose(transport, why);
  } else {
    client_.OnClose(transport, link, why);
  }
  ArmAlarm(transport);
}

void Worker::OnWake(Transport& transport) {
  (void)head_.OnWake(transport);
  failure_ = head_.failure(transport.now());
  client_.OnWake(transport);
  if (run_) run_->OnWake(transport);
  ArmAlarm(transport);
}

void Worker::ArmAlarm(Transport& transport) {
  if (const auto head = head_.next_wake()) transport.WakeAt(*head);
  if (const auto client = client_.next_wake()) transport.WakeAt(*client);
  if (run_) transport.WakeAt(run_->next_wake());
}

}  // namespace steelyard::job
