#include "job/worker_calls.h"

#include <algorithm>
#include <exception>
#include <utility>

namespace steelyard::job {

using transport::Transport;
using wire::MessageType;

namespace {

constexpr runtime::Duration kTellAgainAfter = std::chrono::milliseconds(250);
/// Request ids from here on: those of a worker's other requests are numbers of tables.
constexpr std::uint64_t kFirstRequest = std::uint64_t{1} << 63;

Result<std::string> CallOf(const std::string& name, const WorkerFunction& function,
                           const WorkerProgress& progress, const std::string& arguments) {
  const auto threw = [&](const std::string& what) {
    return Status(StatusCode::kInvalidArgument, "'" + name + "' threw: " + what);
  };
  try {
    return function(progress, arguments);
  } catch (const std::exception& thrown) {
    return threw(thrown.what());
  } catch (...) {
    return threw("something that is no std::exception");
  }
}

}  // namespace

WorkerCalls::WorkerCalls(rpc::HeadLink* head, WorkerFunctions functions,
                         runtime::Executor* executor)
    : head_(head),
      functions_(std::move(functions)),
      executor_(executor),
      calls_(head),
      next_request_(kFirstRequest) {}

void WorkerCalls::Serve(Transport& transport, JobId job, std::uint32_t slot, Progress progress) {
  if (functions_.empty()) return;
  progress_ = std::move(progress);
  seat_ = {.group = job, .member = slot, .functions = {}};
  calls_.HandleWith([this, &transport](const wire::MemberCall& call) { OnCall(transport, call); });
  wire::GroupServe serve = seat_;
  for (const auto& [name, function] : functions_) serve.functions.push_back(name);
  Tell(transport, std::move(serve));
}

void WorkerCalls::StopServing(Transport& transport) {
  if (!std::exchange(progress_, nullptr)) return;
  Tell(transport, seat_);
}

void WorkerCalls::Tell(Transport& transport, wire::GroupServe serve) {
  Unconfirmed& unconfirmed = unconfirmed_[serve.group];
  unconfirmed = {.serve = std::move(serve), .request_id = next_request_++};
  if (head_->ready()) Send(transport, unconfirmed);
}

void WorkerCalls::Send(Transport& transport, Unconfirmed& unconfirmed) {
  unconfirmed.sent_at = transport.now();
  head_->Send(transport, wire::MakeFrame(unconfirmed.serve, unconfirmed.request_id));
}

bool WorkerCalls::OnFrame(Transport& transport, const wire::Frame& frame) {
  if (calls_.OnFrame(transport, frame)) return true;
  const bool answers =
      frame.header.type == MessageType::kGroupServed || frame.header.type == MessageType::kRefused;
  if (!answers || frame.header.request_id < kFirstRequest) return false;
  // A refusal (a group has 256 members that answer functions at most) changes nothing for the job;
  // the head tells those who call the group.
  std::erase_if(unconfirmed_, [&](const auto& entry) {
    return entry.second.request_id == frame.header.request_id;
  });
  return true;
}

void WorkerCalls::OnCall(Transport& transport, const wire::MemberCall& call) {
  const auto known = functions_.find(call.function);
  const bool here = progress_ && call.group == seat_.group && call.member == seat_.member;
  if (!here || known == functions_.end()) {
    const Status gone(
        StatusCode::kNotFound,
        "the worker has left job " + std::to_string(call.group) + " and answers no more for it");
    return calls_.Answer(transport, client::AnswerTo(call, gone));
  }
  auto answer = std::make_shared<Result<std::string>>(std::string());
  executor_->Run([name = known->first, function = known->second, progress = progress_(),
                  arguments = call.arguments,
                  answer] { *answer = CallOf(name, function, progress, arguments); },
                 // The worker may end meanwhile.
                 [weak = weak_from_this(), call, answer, &transport] {
                   if (const auto self = weak.lock())
                     self->calls_.Answer(transport, client::AnswerTo(call, *answer));
                 });
}

void WorkerCalls::OnHeadReady(Transport& transport) {
  for (auto& [group, unconfirmed] : unconfirmed_) Send(transport, unconfirmed);
  calls_.OnHeadReady(transport);
}

void WorkerCalls::OnTurn(Transport& transport) {
  if (!head_->ready()) return;
  for (auto& [group, unconfirmed] : unconfirmed_) {
    if (transport.now() >= unconfirmed.sent_at + kTellAgainAfter) Send(transport, unconfirmed);
  }
  calls_.OnTurn(transport);
}

std::optional<runtime::Time> WorkerCalls::next_turn() const {
  std::optional<runtime::Time> next = calls_.next_turn();
  if (!head_->ready()) return next;
  for (const auto& [group, unconfirmed] : unconfirmed_) {
    const runtime::Time again = unconfirmed.sent_at + kTellAgainAfter;
    next = next ? std::min(*next, again) : again;
  }
  return next;
}

}  // namespace steelyard::job
