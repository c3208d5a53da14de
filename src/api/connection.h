// Connection: a ClusterNode on a thread of its own, and calls to it from other threads.
#pragma once

#include <chrono>
#include <condition_variable>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "api/cluster_node.h"
#include "runtime/real_executor.h"
#include "runtime/real_loop.h"
#include "steelyard/cluster.h"
#include "steelyard/status.h"
#include "steelyard/table_options.h"
#include "transport/tcp_transport.h"
#include "wire/control_messages.h"

namespace steelyard::api {

/// What a table's handles share.
struct AttachedTable {
  wire::View view;
};

/// Threads: any; destroyed by the last handle, on a thread of the program.
class Connection {
 public:
  /// @param spin  of its loop.
  /// @param filters  of every table.
  Connection(const std::string& head_address, runtime::Duration spin, std::string filters = "none");
  /// What is under way ends with kCancelled.
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  Status Join(std::chrono::milliseconds patience);
  /// Ask the head and wait for its `Answer`.
  template <typename Answer, typename Question>
  Result<Answer> Ask(const Question& question) {
    return wire::DecodeAnswer<Answer>(AskFrame(wire::MakeFrame(question)));
  }
  /// Attach a table, once for all handles.
  Result<std::shared_ptr<AttachedTable>> Attach(wire::View view);
  /// Forget a table that was dropped.
  void Forget(TableId table);

  Status UseFilters(TableId table, const std::string& list);
  Result<std::vector<FilterCounts>> CountFilters(TableId table);
  Status AddFilter(TableId table, std::unique_ptr<filter::ValueFilter> filter);
  Submitted<Status> Push(TableId table, const TaskOptions& options, client::PushRequest request);
  Submitted<Result<Pulled>> Pull(TableId table, const TaskOptions& options,
                                 client::PullRequest request);
  std::future<Result<std::vector<float>>> PullValues(TableId table, client::PullRequest request);
  /// @param options  none: a change belongs to the step that the member is in.
  Submitted<Result<client::Called>> Call(TableId table, const std::optional<TaskOptions>& options,
                                         client::CallRequest request);
  Submitted<Result<PulledRange>> PullRange(std::shared_ptr<AttachedTable> table,
                                           const TaskOptions& options, KeyRange range);
  Status Join(const wire::View& view, const Membership& membership);
  Status Leave(TableId table);
  Result<Cluster::OpenTasks> CountTasks();
  /// Read the rows of a table that `request` asks for, of all segments in order. @param request  of segment 0.
  Status Scan(const wire::View& view, client::ScanRequest request,
              const std::function<Status(const client::Scanned&)>& on_page);
  /// Ask each server of a table in turn, and wait for its `Answer`.
  template <typename Answer, typename Question>
  Result<std::vector<Answer>> AskServers(const wire::View& view, const Question& question) {
    std::vector<Answer> answers;
    for (std::size_t owner = 0; owner < view.owners.size(); ++owner) {
      auto answer =
          wire::DecodeAnswer<Answer>(AskServer(view.table, owner, wire::MakeFrame(question)));
      if (!answer.ok()) return answer.status();
      answers.push_back(std::move(answer.value()));
    }
    return answers;
  }
  std::string DescribeWait();

  /// Answer functions as a member of a group; none: no more.
  Status Serve(GroupMember as, MemberFunctions functions);
  /// `done` gets what the members called answered, on the loop, once.
  using Answered = std::function<void(Result<wire::MemberAnswer>)>;
  Task CallMembers(wire::MemberCall call, const MemberCallOptions& options, const Answered& done);

 private:
  /// A function that runs: what it gives must finish before it has.
  struct RunningFunction {
    const Connection* connection = nullptr;
    std::vector<client::TaskId> given;
  };
  /// Of a program's own thread: none.
  static thread_local RunningFunction* running_function;
  /// Take a call at this program, on the loop.
  void OnMemberCall(const wire::MemberCall& call);
  /// Run it on the functions' thread.
  void RunFunction(const wire::MemberCall& call, const MemberFunction& function);
  /// Answer it on the loop, once what it gave has finished.
  void AnswerAfter(const wire::MemberCall& call, std::vector<client::TaskId> given,
                   const Result<std::string>& answer);

  /// Give an attached table its filters, on the loop.
  Status SetFilters(TableId table, const std::string& list);

  /// Number a task and translate what it waits for.
  client::TaskSpec NewTask(const TaskOptions& options);
  /// A range that is being read, page after page.
  struct RangeReading {
    std::shared_ptr<AttachedTable> table;
    client::ScanRequest next;
    PulledRange rows;
  };
  /// Read on, on the loop, until the range ends.
  void ReadOn(const std::shared_ptr<RangeReading>& reading, const client::Client::Done& finished);
  /// Run on the loop. @return false when too many tasks are open; `done` was told.
  template <typename Done>
  bool HasRoomForTask(const Done& done) {
    if (node_->tasks().open_count() < Cluster::kTasksMax) return true;
    done(Status(StatusCode::kResourceExhausted,
                std::to_string(Cluster::kTasksMax) + " tasks are open; wait for some"));
    return false;
  }
  Result<wire::Frame> AskFrame(wire::Frame request);
  Result<wire::Frame> AskServer(TableId table, std::size_t owner, const wire::Frame& request);
  Result<client::Scanned> ScanPage(TableId table, const client::ScanRequest& request);
  /// Run `work(done)` on the loop and wait for what `done` is given, for `patience` at most.
  template <typename T>
  Result<T> Wait(std::function<void(std::function<void(Result<T>)>)> work,
                 std::chrono::milliseconds patience);

  std::string head_address_;
  std::string filters_;
  runtime::LoopThread thread_;
  std::unique_ptr<ClusterNode> node_;
  std::unique_ptr<transport::TcpTransport> transport_;

  std::mutex
      attaching_;  // Held while a table is attached: the second to ask for it takes the first one's.
  std::mutex mutex_;  // Guards what follows.
  std::condition_variable acknowledged_;
  std::size_t unacked_bytes_ = 0;
  client::TaskId next_task_ = 1;
  std::map<TableId, std::shared_ptr<AttachedTable>> tables_;
  std::map<std::pair<std::uint32_t, std::uint32_t>, MemberFunctions>
      functions_;                                           ///< By group and member.
  std::unique_ptr<runtime::RealExecutor> function_thread_;  ///< From the first functions on.
};

}  // namespace steelyard::api
