// Cluster's calls at members of groups.
#include <utility>

#include "api/connection.h"
#include "steelyard/cluster.h"

namespace steelyard {

Status Cluster::Serve(GroupMember as, MemberFunctions functions) {
  if (functions.empty())
    return Status(StatusCode::kInvalidArgument,
                  "a member without functions answers nothing; StopServing() ends one");
  return connection_->Serve(as, std::move(functions));
}

Status Cluster::StopServing(GroupMember as) {
  return connection_->Serve(as, {});
}

Submitted<Result<std::string>> Cluster::CallMember(GroupMember at, const std::string& function,
                                                   std::string arguments,
                                                   const MemberCallOptions& options) {
  auto promise = std::make_shared<std::promise<Result<std::string>>>();
  Submitted<Result<std::string>> called{.task = {}, .result = promise->get_future()};
  wire::MemberCall call{.group = at.group.id,
                        .member = at.member,
                        .function = function,
                        .arguments = std::move(arguments)};
  called.task = connection_->CallMembers(
      std::move(call), options, [promise](Result<wire::MemberAnswer> answer) {
        if (!answer.ok()) return promise->set_value(answer.status());
        wire::MemberResult& result = answer.value().results.front();
        promise->set_value(result.code == StatusCode::kOk
                               ? Result<std::string>(std::move(result.bytes))
                               : Status(result.code, std::move(result.message)));
      });
  return called;
}

Submitted<Result<std::vector<MemberAnswer>>> Cluster::CallGroup(WorkerGroup group,
                                                                const std::string& function,
                                                                std::string arguments,
                                                                const MemberCallOptions& options) {
  using Answers = Result<std::vector<MemberAnswer>>;
  auto promise = std::make_shared<std::promise<Answers>>();
  Submitted<Answers> called{.task = {}, .result = promise->get_future()};
  wire::MemberCall call{.group = group.id,
                        .member = wire::kEveryMember,
                        .function = function,
                        .arguments = std::move(arguments)};
  called.task = connection_->CallMembers(
      std::move(call), options, [promise](Result<wire::MemberAnswer> answer) {
        if (!answer.ok()) return promise->set_value(answer.status());
        std::vector<MemberAnswer> answers;
        for (wire::MemberResult& result : answer.value().results) {
          Status status(result.code, std::move(result.message));
          if (result.member == wire::kEveryMember) return promise->set_value(status);
          answers.push_back({.member = result.member,
                             .status = std::move(status),
                             .bytes = std::move(result.bytes)});
        }
        promise->set_value(std::move(answers));
      });
  return called;
}

}  // namespace steelyard
