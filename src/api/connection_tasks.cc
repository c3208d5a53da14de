// The connection's part in tasks that are neither a push nor a pull of keys: calls, and pulls of a range.
#include <utility>

#include "api/connection.h"
#include "placement/placement.h"

namespace steelyard::api {

namespace {

/// Rows of one page of a range.
constexpr std::uint32_t kPageRows = 32'768;

}  // namespace

Submitted<Result<client::Called>> Connection::Call(TableId table,
                                                   const std::optional<TaskOptions>& options,
                                                   client::CallRequest request) {
  const bool changes = request.effect == Effect::kChanges;
  auto promise = std::make_shared<std::promise<Result<client::Called>>>();
  client::TaskSpec spec = NewTask(options.value_or(TaskOptions{}));
  Submitted<Result<client::Called>> called{.task = {spec.id}, .result = promise->get_future()};
  auto answer = std::make_shared<Result<client::Called>>(client::Called());
  const auto call = [this, table, answer, request = std::move(request)](
                        const client::MemberTasks::Progress& at,
                        const client::Client::Done& finished) {
    client::CallRequest placed = request;
    placed.step = at.step;
    placed.through_step = at.through;
    return node_->client().Call(*transport_, table, std::move(placed),
                                [answer, finished](Result<client::Called> result) {
                                  *answer = std::move(result);
                                  finished(answer->ok() ? Status() : answer->status());
                                });
  };
  const auto done = [promise, answer](const Status& status) {
    promise->set_value(status.ok() ? std::move(*answer) : Result<client::Called>(status));
  };
  thread_.loop().Post(
      [this, table, spec, call, done, changes, own_step = !options.has_value()]() mutable {
        if (!HasRoomForTask(done)) return;
        client::MemberTasks& tasks = node_->tasks();
        if (own_step) {
          spec.step = tasks.StepOf(table);
          spec.more_of_step = true;
        }
        if (changes) {
          tasks.Change(*transport_, table, spec, call, done);
        } else {
          tasks.Read(
              *transport_, table, spec,
              [call](Step /*through*/, const client::Client::Done& finished) {
                if (const Status given = call({}, finished); !given.ok()) finished(given);
              },
              done);
        }
        node_->ArmAlarm(*transport_);
      });
  return called;
}

Submitted<Result<PulledRange>> Connection::PullRange(std::shared_ptr<AttachedTable> table,
                                                     const TaskOptions& options, KeyRange range) {
  auto promise = std::make_shared<std::promise<Result<PulledRange>>>();
  const client::TaskSpec spec = NewTask(options);
  Submitted<Result<PulledRange>> pulled{.task = {spec.id}, .result = promise->get_future()};
  const TableId id = table->view.table;
  auto reading =
      std::make_shared<RangeReading>(RangeReading{.table = std::move(table),
                                                  .next = {.first = range.first,
                                                           .last = range.last,
                                                           .rows_max = kPageRows,
                                                           .columns = wire::Columns::kValues},
                                                  .rows = {}});
  const auto start = [this, reading, range](Step through, const client::Client::Done& finished) {
    if (const Status valid = placement::CheckRange(range); !valid.ok()) return finished(valid);
    reading->rows.through = through;
    ReadOn(reading, finished);
  };
  const auto done = [promise, reading](const Status& status) {
    promise->set_value(status.ok() ? std::move(reading->rows) : Result<PulledRange>(status));
  };
  thread_.loop().Post([this, id, spec, start, done] {
    if (HasRoomForTask(done)) node_->tasks().Read(*transport_, id, spec, start, done);
    node_->ArmAlarm(*transport_);
  });
  return pulled;
}

void Connection::ReadOn(const std::shared_ptr<RangeReading>& reading,
                        const client::Client::Done& finished) {
  const wire::View& view = reading->table->view;
  if (!reading->next.GoTo(view)) return finished({});
  const auto on_page = [this, reading, finished](const Result<client::Scanned>& page) {
    if (!page.ok()) return finished(page.status());
    const client::Scanned& rows = page.value();
    PulledRange& read = reading->rows;
    read.keys.insert(read.keys.end(), rows.keys.begin(), rows.keys.end());
    read.values.insert(read.values.end(), rows.floats.begin(), rows.floats.end());
    reading->next = reading->next.After(rows);
    ReadOn(reading, finished);
  };
  const Status given = node_->client().Scan(*transport_, view.table, reading->next, on_page);
  if (!given.ok()) finished(given);
}

}  // namespace steelyard::api
