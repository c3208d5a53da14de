// The connection's part in calls at members of groups: calls that it makes, and functions that it runs.
#include <algorithm>
#include <exception>
#include <optional>

#include "api/connection.h"

namespace steelyard::api {

namespace {

Status CheckCall(const wire::MemberCall& call) {
  if (call.function.empty() || call.function.size() > wire::kFunctionNameMax)
    return Status(StatusCode::kInvalidArgument, "a function's name has 1 to 256 bytes, not " +
                                                    std::to_string(call.function.size()));
  if (call.arguments.size() > wire::kCallBytesMax)
    return Status(StatusCode::kInvalidArgument,
                  "arguments of " + std::to_string(call.arguments.size()) + " bytes for '" +
                      call.function + "', more than " + std::to_string(wire::kCallBytesMax) +
                      "; what is larger belongs in a table");
  return {};
}

/// A call as a task: it fails when a member did.
Status Outcome(const Result<wire::MemberAnswer>& answer) {
  if (!answer.ok()) return answer.status();
  for (const wire::MemberResult& result : answer.value().results)
    if (result.code != StatusCode::kOk) return {result.code, result.message};
  return {};
}

}  // namespace

thread_local Connection::RunningFunction* Connection::running_function = nullptr;

Status Connection::Serve(GroupMember as, MemberFunctions functions) {
  wire::GroupServe serve{.group = as.group.id, .member = as.member, .functions = {}};
  for (const auto& [name, function] : functions) {
    if (!function) return Status(StatusCode::kInvalidArgument, "'" + name + "' is no function");
    serve.functions.push_back(name);
  }
  if (const Status valid = serve.Check(); !valid.ok())
    return Status(StatusCode::kInvalidArgument,
                  "member " + std::to_string(as.member) + " of group " +
                      std::to_string(as.group.id) + " with " + std::to_string(functions.size()) +
                      " functions: a group has a number above 0, a member one below 2^32 - 1, and "
                      "at most 256 functions with names of 1 to 256 bytes");
  // They are there before the first call can be, and until the last one was: calls that came before the end are answered.
  const std::pair<std::uint32_t, std::uint32_t> seat = {as.group.id, as.member};
  std::optional<MemberFunctions> before;
  if (!functions.empty()) {
    const std::lock_guard lock(mutex_);
    if (!function_thread_)
      function_thread_ = std::make_unique<runtime::RealExecutor>(thread_.loop(), 1);
    if (const auto known = functions_.find(seat); known != functions_.end()) before = known->second;
    functions_[seat] = std::move(functions);
  }
  thread_.loop().Post([this] {
    node_->calls().HandleWith([this](const wire::MemberCall& call) { OnMemberCall(call); });
  });
  const auto served = Ask<wire::GroupServed>(serve);
  if (served.ok() && !serve.functions.empty()) return {};
  const std::lock_guard lock(mutex_);
  if (before) {
    functions_[seat] = std::move(*before);
  } else {
    functions_.erase(seat);
  }
  return served.ok() ? Status() : served.status();
}

Task Connection::CallMembers(wire::MemberCall call, const MemberCallOptions& options,
                             const Answered& done) {
  constexpr std::chrono::milliseconds kPatienceMax = std::chrono::hours(24 * 365);
  call.patience_ns = static_cast<std::uint64_t>(
      std::chrono::nanoseconds(
          std::clamp(options.patience, std::chrono::milliseconds(0), kPatienceMax))
          .count());
  const client::TaskSpec spec = NewTask({.after = options.after});
  auto answer = std::make_shared<std::optional<Result<wire::MemberAnswer>>>();
  const auto start = [this, call = std::move(call), answer](const client::Client::Done& finished) {
    if (const Status valid = CheckCall(call); !valid.ok()) return finished(valid);
    node_->Call(*transport_, call, [answer, finished](Result<wire::MemberAnswer> given) {
      const Status outcome = Outcome(given);
      answer->emplace(std::move(given));
      finished(outcome);
    });
  };
  const auto ended = [done, answer](const Status& status) {
    done(answer->has_value() ? std::move(**answer) : Result<wire::MemberAnswer>(status));
  };
  thread_.loop().Post([this, spec, start, ended] {
    if (HasRoomForTask(ended)) node_->tasks().Run(spec, start, ended);
    node_->ArmAlarm(*transport_);
  });
  return {spec.id};
}

void Connection::OnMemberCall(const wire::MemberCall& call) {
  MemberFunction function;
  {
    const std::lock_guard lock(mutex_);
    const auto seat = functions_.find({call.group, call.member});
    if (seat != functions_.end()) {
      const auto known = seat->second.find(call.function);
      if (known != seat->second.end()) function = known->second;
    }
  }
  if (!function) {
    return node_->calls().Answer(
        *transport_,
        client::AnswerTo(call, Status(StatusCode::kNotFound,
                                      "member " + std::to_string(call.member) +
                                          " has stopped answering '" + call.function + "'")));
  }
  function_thread_->Run(
      [this, call, function = std::move(function)] { RunFunction(call, function); }, nullptr);
}

void Connection::RunFunction(const wire::MemberCall& call, const MemberFunction& function) {
  RunningFunction running{.connection = this, .given = {}};
  running_function = &running;
  Result<std::string> answer = std::string();
  try {
    answer = function(call.arguments);
  } catch (const std::exception& thrown) {
    answer = Status(StatusCode::kInvalidArgument,
                    "'" + call.function + "' threw: " + std::string(thrown.what()));
  } catch (...) {
    answer = Status(StatusCode::kInvalidArgument,
                    "'" + call.function + "' threw what is no std::exception");
  }
  running_function = nullptr;
  AnswerAfter(call, std::move(running.given), answer);
}

void Connection::AnswerAfter(const wire::MemberCall& call, std::vector<client::TaskId> given,
                             const Result<std::string>& answer) {
  client::TaskSpec spec = NewTask({});
  spec.after = std::move(given);
  thread_.loop().Post([this, call, spec, answer] {
    node_->tasks().Run(
        spec, [](const client::Client::Done& finished) { finished({}); },
        [this, call, answer](const Status& status) {
          node_->calls().Answer(
              *transport_,
              client::AnswerTo(call, status.ok() ? answer : Result<std::string>(status)));
        });
  });
}

}  // namespace steelyard::api
