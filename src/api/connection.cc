#include "api/connection.h"

#include <unistd.h>

#include <random>

#include "base/duration_text.h"

namespace steelyard::api {

using namespace std::chrono_literals;

namespace {

/// The client itself refuses pushes above its own, larger limit.
constexpr std::size_t kUnackedBytesMax = std::size_t{32} << 20;
/// Servers answer or are declared dead long before; this is for a head that neither answers nor goes away.
constexpr auto kAnswerMax = 60s;

Incarnation DrawIncarnation() {
  std::random_device device;
  return (Incarnation{device()} << 32) | device();
}

}  // namespace

Connection::Connection(const std::string& head_address, runtime::Duration spin, std::string filters)
    : head_address_(head_address),
      filters_(std::move(filters)),
      thread_(spin),
      node_(std::make_unique<ClusterNode>(
          ClusterNode::Options{.head_address = head_address,
                               .incarnation = DrawIncarnation(),
                               .description = "pid " + std::to_string(::getpid())})) {
  std::promise<void> made;
  thread_.loop().Post([&] {
    transport_ = std::make_unique<transport::TcpTransport>(
        thread_.loop(), *node_, transport::TcpOptions{.same_host_names = true});
    transport_->Start();
    made.set_value();
  });
  made.get_future().wait();
}

Connection::~Connection() {
  std::promise<void> detached;
  thread_.loop().Post([&] {
    for (const auto& [id, table] : tables_) {
      node_->client().Detach(*transport_, id,
                             Status(StatusCode::kCancelled, "the connection was closed"));
    }
    node_->calls().HandleWith(nullptr);
    node_->calls().Fail(Status(StatusCode::kCancelled, "the connection was closed"));
    node_->OnWake(*transport_);  // Calls back who still waits.
    detached.set_value();
  });
  detached.get_future().wait();
  function_thread_.reset();  // A function that waits for what it gave needs the loop to return.
  thread_.Join();
  transport_.reset();
}

template <typename T>
Result<T> Connection::Wait(std::function<void(std::function<void(Result<T>)>)> work,
                           std::chrono::milliseconds patience) {
  auto promise = std::make_shared<std::promise<Result<T>>>();
  std::future<Result<T>> answer = promise->get_future();
  thread_.loop().Post([work = std::move(work), promise] {
    work([promise](Result<T> result) { promise->set_value(std::move(result)); });
  });
  if (answer.wait_for(patience) == std::future_status::ready) return answer.get();
  return Status(StatusCode::kDeadlineExceeded, "no answer within " + DurationText(patience),
                head_address_);
}

Status Connection::Join(std::chrono::milliseconds patience) {
  const Result<bool> joined = Wait<bool>(
      [this](const auto& done) {
        node_->OnceJoined(
            [done](const Status& status) { done(status.ok() ? Result<bool>(true) : status); });
      },
      patience);
  if (joined.ok()) return {};
  if (joined.status().code() != StatusCode::kDeadlineExceeded) return joined.status();
  const Result<std::string> why = Wait<std::string>(
      [this](const auto& done) { done(node_->head().channel().last_error().message()); },
      kAnswerMax);
  return {StatusCode::kUnavailable,
          "no head answers within " + DurationText(patience) + ": " +
              (why.ok() ? why.value() : "nobody listens there"),
          head_address_};
}

Result<wire::Frame> Connection::AskFrame(wire::Frame request) {
  return Wait<wire::Frame>([this, request = std::move(request)](
                               auto done) { node_->Ask(*transport_, request, std::move(done)); },
                           kAnswerMax);
}

Result<std::shared_ptr<AttachedTable>> Connection::Attach(wire::View view) {
  const std::lock_guard one_at_a_time(attaching_);
  const TableId id = view.table;
  {
    const std::lock_guard lock(mutex_);
    const auto known = tables_.find(id);
    if (known != tables_.end()) return known->second;
  }
  auto table = std::make_shared<AttachedTable>(AttachedTable{std::move(view)});
  const Result<bool> attached = Wait<bool>(
      [this, table](const auto& done) {
        node_->Attach(*transport_, table->view, [done](const Status& status) {
          done(status.ok() ? Result<bool>(true) : status);
        });
        if (filters_ == "none") return;
        const Status used = SetFilters(table->view.table, filters_);
        if (!used.ok()) node_->client().Detach(*transport_, table->view.table, used);
      },
      kAnswerMax);
  if (!attached.ok()) return attached.status();
  const std::lock_guard lock(mutex_);
  return tables_.emplace(id, std::move(table)).first->second;
}

void Connection::Forget(TableId table) {
  {
    const std::lock_guard lock(mutex_);
    if (tables_.erase(table) == 0) return;
  }
  thread_.loop().Post([this, table] {
    node_->client().Detach(*transport_, table,
                           Status(StatusCode::kNotFound, "the table was dropped"));
  });
}

Status Connection::SetFilters(TableId table, const std::string& list) {
  auto filters = filter::FilterStack::Create(list, {.seed = transport_->Random()});
  if (!filters.ok()) return filters.status();
  return node_->client().UseFilters(table, std::move(filters.value()));
}

Status Connection::UseFilters(TableId table, const std::string& list) {
  const Result<bool> used = Wait<bool>(
      [this, table, list](const auto& done) {
        const Status status = SetFilters(table, list);
        done(status.ok() ? Result<bool>(true) : status);
      },
      kAnswerMax);
  return used.ok() ? Status() : used.status();
}

Result<std::vector<FilterCounts>> Connection::CountFilters(TableId table) {
  return Wait<std::vector<FilterCounts>>(
      [this, table](const auto& done) { done(node_->client().FilterCountsOf(table)); }, kAnswerMax);
}

Status Connection::AddFilter(TableId table, std::unique_ptr<filter::ValueFilter> filter) {
  auto given = std::make_shared<std::unique_ptr<filter::ValueFilter>>(std::move(filter));
  const Result<bool> added = Wait<bool>(
      [this, table, given](const auto& done) {
        const Status status = node_->client().AddFilter(table, std::move(*given));
        done(status.ok() ? Result<bool>(true) : status);
      },
      kAnswerMax);
  return added.ok() ? Status() : added.status();
}

client::TaskSpec Connection::NewTask(const TaskOptions& options) {
  client::TaskSpec spec{.step = options.step, .more_of_step = options.more_of_step};
  for (const Task& task : options.after) spec.after.push_back(task.id);
  if (options.gate) spec.gate = {.group = options.gate->group.id, .step = options.gate->step};
  const std::lock_guard lock(mutex_);
  spec.id = next_task_++;
  if (running_function != nullptr && running_function->connection == this)
    running_function->given.push_back(spec.id);
  return spec;
}

Submitted<Status> Connection::Push(TableId table, const TaskOptions& options,
                                   client::PushRequest request) {
  const std::size_t bytes =
      request.keys.size() * sizeof(Key) + request.floats.size() * sizeof(float);
  {
    std::unique_lock lock(mutex_);
    acknowledged_.wait(
        lock, [&] { return unacked_bytes_ == 0 || unacked_bytes_ + bytes <= kUnackedBytesMax; });
    unacked_bytes_ += bytes;
  }
  auto promise = std::make_shared<std::promise<Status>>();
  const client::TaskSpec spec = NewTask(options);
  Submitted<Status> pushed{.task = {spec.id}, .result = promise->get_future()};
  const auto done = [this, promise, bytes](const Status& status) {
    {
      const std::lock_guard lock(mutex_);
      unacked_bytes_ -= bytes;
    }
    acknowledged_.notify_all();
    promise->set_value(status);
  };
  thread_.loop().Post([this, table, spec, done, request = std::move(request)]() mutable {
    if (HasRoomForTask(done))
      node_->tasks().Push(*transport_, table, spec, std::move(request), done);
    node_->ArmAlarm(*transport_);
  });
  return pushed;
}

Submitted<Result<Pulled>> Connection::Pull(TableId table, const TaskOptions& options,
                                           client::PullRequest request) {
  auto promise = std::make_shared<std::promise<Result<Pulled>>>();
  const client::TaskSpec spec = NewTask(options);
  Submitted<Result<Pulled>> pulled{.task = {spec.id}, .result = promise->get_future()};
  const auto done = [promise](Result<client::Pulled> result) {
    if (!result.ok()) return promise->set_value(result.status());
    promise->set_value(
        Pulled{.values = std::move(result.value().floats), .through = result.value().through_min});
  };
  thread_.loop().Post([this, table, spec, done, request = std::move(request)]() mutable {
    if (HasRoomForTask(done))
      node_->tasks().Pull(*transport_, table, spec, std::move(request), done);
    node_->ArmAlarm(*transport_);
  });
  return pulled;
}

std::future<Result<std::vector<float>>> Connection::PullValues(TableId table,
                                                               client::PullRequest request) {
  auto promise = std::make_shared<std::promise<Result<std::vector<float>>>>();
  std::future<Result<std::vector<float>>> pulled = promise->get_future();
  thread_.loop().Post([this, table, promise, request = std::move(request)]() mutable {
    const Status given = node_->client().Pull(
        *transport_, table, std::move(request), [promise](Result<client::Pulled> result) {
          if (!result.ok()) return promise->set_value(result.status());
          promise->set_value(std::move(result.value().floats));
        });
    if (!given.ok()) promise->set_value(given);
    node_->ArmAlarm(*transport_);
  });
  return pulled;
}

Status Connection::Join(const wire::View& view, const Membership& membership) {
  if (membership.group.id == 0 || membership.members == 0) {
    return Status(StatusCode::kInvalidArgument,
                  "a membership needs a group other than 0 and at least one member");
  }
  const Result<bool> joined = Wait<bool>(
      [this, view, membership](const auto& done) {
        node_->Join(*transport_, view, membership, [done](const Status& status) {
          done(status.ok() ? Result<bool>(true) : status);
        });
      },
      kAnswerMax);
  return joined.ok() ? Status() : joined.status();
}

Status Connection::Leave(TableId table) {
  const Result<bool> left = Wait<bool>(
      [this, table](const auto& done) {
        const Status given = node_->client().Leave(
            *transport_, table,
            [done](const Status& status) { done(status.ok() ? Result<bool>(true) : status); });
        if (!given.ok()) done(given);
        node_->ArmAlarm(*transport_);
      },
      kAnswerMax);
  return left.ok() ? Status() : left.status();
}

Result<Cluster::OpenTasks> Connection::CountTasks() {
  return Wait<Cluster::OpenTasks>(
      [this](const auto& done) {
        done(Cluster::OpenTasks{.open = node_->tasks().open_count(),
                                .waiting = node_->tasks().waiting_count()});
      },
      kAnswerMax);
}

Result<wire::Frame> Connection::AskServer(TableId table, std::size_t owner,
                                          const wire::Frame& request) {
  return Wait<wire::Frame>(
      [this, table, owner, &request](const auto& done) {
        const Status given = node_->client().Ask(*transport_, table, owner, request, done);
        if (!given.ok()) done(given);
        node_->ArmAlarm(*transport_);
      },
      kAnswerMax);
}

Result<client::Scanned> Connection::ScanPage(TableId table, const client::ScanRequest& request) {
  return Wait<client::Scanned>(
      [this, table, request](const auto& done) {
        const Status given = node_->client().Scan(*transport_, table, request, done);
        if (!given.ok()) done(given);
        node_->ArmAlarm(*transport_);
      },
      kAnswerMax);
}

Status Connection::Scan(const wire::View& view, client::ScanRequest request,
                        const std::function<Status(const client::Scanned&)>& on_page) {
  while (request.GoTo(view)) {
    const Result<client::Scanned> page = ScanPage(view.table, request);
    if (!page.ok()) return page.status();
    SY_RETURN_IF_ERROR(on_page(page.value()));
    request = request.After(page.value());
  }
  return {};
}

std::string Connection::DescribeWait() {
  const Result<std::string> text = Wait<std::string>(
      [this](const auto& done) { done(node_->client().DescribeWait(thread_.loop().now())); },
      kAnswerMax);
  return text.ok() ? text.value() : text.status().ToString();
}

}  // namespace steelyard::api
