// Cluster and Table: what a program does with the tables of a running cluster: create, push, pull, scan, drop.
#pragma once

#include <chrono>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "steelyard/functions.h"
#include "steelyard/insight.h"
#include "steelyard/members.h"
#include "steelyard/status.h"
#include "steelyard/table_options.h"
#include "steelyard/task.h"
#include "steelyard/types.h"

namespace steelyard {

namespace api {
class Connection;
struct AttachedTable;
}  // namespace api

/// All keys of a key range of a frozen table: Table::FindBlock(). Pushes and pulls of a block send the range in place of its
/// keys. Copies share the keys.
class KeyBlock {
 public:
  /// [n] strictly increasing.
  const std::vector<Key>& keys() const { return *keys_; }
  KeyRange range() const { return range_; }

 private:
  friend class Table;
  /// What a table may send in place of the keys.
  std::optional<KeyRange> NameIn(TableId table) const {
    return table == table_ ? std::optional(range_) : std::nullopt;
  }
  KeyBlock(TableId table, KeyRange range, std::vector<Key> keys)
      : table_(table),
        range_(range),
        keys_(std::make_shared<const std::vector<Key>>(std::move(keys))) {}

  TableId table_;
  KeyRange range_;
  std::shared_ptr<const std::vector<Key>> keys_;
};

/// A table of a cluster: rows of `width` floats by key, in key order, cut over the servers.
///
/// Ownership: a handle; copies name the same table, and keep the connection. The table itself stays with the cluster until
///            it is dropped.
/// Threads:   any. Scan() and a Push() that has to wait block their caller, nothing else does.
/// Errors:    futures become ready with kInvalidArgument (keys not strictly increasing, values that do not fit, a value
///            that is not finite), kUnavailable (a server or the head is gone), kCancelled (the last handle is gone).
class Table {
 public:
  const TableOptions& options() const;

  /// Hand one row per key to the table's update rule, which applies it exactly once: add, or take as the gradient of a
  /// solver.
  ///
  /// Blocks while more than 32 MB of this connection's pushes are unacknowledged.
  /// Shapes: keys [n] strictly increasing; values [n, width] row-major.
  std::future<Status> Push(std::vector<Key> keys, std::vector<float> values);

  /// Make this connection's pushes to the table and pulls from it smaller, from now on: a list as ConnectOptions::filters,
  /// in whose place it is. What AddFilter() added before is gone.
  Status UseFilters(const std::string& filters);

  /// What each filter was given and left, of this connection and table; those of pulls are called "pull ...".
  Result<std::vector<FilterCounts>> CountFilters();

  /// Run every later push of this connection to the table through a filter of one's own, ahead of those of
  /// ConnectOptions: it may change a row's values, and drops the row where it returns false. It runs once for each row,
  /// on the connection's thread; what it leaves is what is sent again. @param name  for reports.
  Status AddFilter(std::string name, std::function<bool(Key key, std::span<float> values)> filter);

  /// Read the keys' values: [n, width], zeros for a key that nobody pushed. Every push of this connection whose future was
  /// ready before is in them.
  ///
  /// Shapes: keys [n] strictly increasing.
  std::future<Result<std::vector<float>>> Pull(std::vector<Key> keys);

  /// Likewise as tasks, which say what must have finished before they run. At most kTasksMax may be open.
  /// Errors: kInvalidArgument  the task could wait for itself, or its step is over; kResourceExhausted  too many are open;
  ///         a predecessor's error, which then names it.
  Submitted<Status> Push(std::vector<Key> keys, std::vector<float> values,
                         const TaskOptions& options);
  /// Without keys it waits for its gate on every server.
  Submitted<Result<Pulled>> Pull(std::vector<Key> keys, const TaskOptions& options);

  /// Read the rows of a key range, once its gate is open; Scan() needs less memory. While it runs, pushes go on: each row is
  /// whole, but they need not be of one moment.
  Submitted<Result<PulledRange>> PullRange(KeyRange range, const TaskOptions& options = {});

  /// The keys of a range of a frozen table, read once for all of its pushes and pulls; blocks.
  /// Errors: kInvalidArgument  the table's keys are not fixed yet: Freeze() it.
  Result<KeyBlock> FindBlock(KeyRange range = kAllKeys);
  /// Push() and Pull() all keys of a block: 8 bytes a key less on the way, and nothing that a server must keep for it, as it
  /// does for the filter key-cache. The keys of another table's block are sent.
  /// Shapes: values [n, width] row-major, for the block's n keys. @param block  where its keys do not fit one request, take
  /// blocks of parts of its range.
  Submitted<Status> PushBlock(const KeyBlock& block, std::vector<float> values,
                              const TaskOptions& options = {});
  Submitted<Result<Pulled>> PullBlock(const KeyBlock& block, const TaskOptions& options = {});

  /// Become a member of a worker group on this table, for all of its handles; blocks. Nothing of the table may be under
  /// way. A program that dies leaves its groups at once when the head notices.
  Status Join(const Membership& membership);
  /// Leave the group for good, once every push's future is ready: nobody waits for this member any more. Pulls and scans
  /// go on. Blocks.
  Status Leave();

  /// Read the rows of a key range in key order; blocks. `on_rows` gets keys [n] and values [n, width] piece by piece, on
  /// this thread; an error that it returns ends the scan and is returned.
  Status Scan(const std::function<Status(std::span<const Key> keys, std::span<const float> values)>&
                  on_rows,
              KeyRange range = {0, kKeyMax});

  /// Count the rows whose first value is at least `at_least` away from 0; blocks. The rows stay where they are.
  Result<std::uint64_t> Count(float at_least = 0.0F);

  /// Fix the table's keys: drop the rows whose first value is nearer to 0 than `at_least`, and keep the others as sorted
  /// arrays, which hold more of them in less memory and make ranges cheap. From then on a push of any other key is an
  /// error; pulls read zeros for it, as before. Blocks until every server has done so; what is pushed meanwhile waits,
  /// and is refused where its key has gone. Repeating it changes nothing: the first one decides.
  ///
  /// @return how many keys there are.
  Result<std::uint64_t> Freeze(float at_least = 0.0F);

  /// The keys that pushes and pulls of this table name most often, most first; blocks. Servers count a sample of the keys
  /// of recent requests.
  Result<HotKeys> FindHotKeys(std::size_t count = 10);

  /// The vector clocks of a range: for each of its parts, how far every stream is that was ever opened; blocks.
  Result<std::vector<RangeClock>> Clocks(KeyRange range = {0, kKeyMax});

  // ---- Functions: they run where the rows are, and only what they answer travels. All of them block. ----
  //
  // A column is the index of one of a key's values. Reading ones see the values that pulls see, every push of this
  // connection whose future was ready before included. Changing ones are applied exactly once, after the pushes before
  // them; they need an updater that keeps nothing but the values (add, assign, max, sgd) and are refused for others. While
  // one runs, pulls see some rows changed and others not yet.

  /// Rows, non-zeros, sums and extremes of a column.
  Result<Summary> Summarize(KeyRange range = kAllKeys, std::uint32_t column = 0);
  /// The sum of absolute values of a column.
  Result<double> Norm1(KeyRange range = kAllKeys, std::uint32_t column = 0);
  /// The square root of the sum of squares of a column.
  Result<double> Norm2(KeyRange range = kAllKeys, std::uint32_t column = 0);
  /// The sum of products of two columns.
  Result<double> Dot(std::uint32_t column, std::uint32_t other, KeyRange range = kAllKeys);
  /// The keys whose values are furthest from 0, furthest first; equal ones by key. @param count  10,000 at most.
  Result<std::vector<KeyValue>> TopK(std::uint64_t count, KeyRange range = kAllKeys,
                                     std::uint32_t column = 0);
  /// For each share (0 to 1) the smallest value of the column that at least this share of the rows does not exceed;
  /// exactly, unless rows change meanwhile. Goes over the rows once, and at most twice more for each share.
  /// Errors: kNotFound  the range has no rows.
  Result<std::vector<double>> Quantiles(const std::vector<double>& shares,
                                        KeyRange range = kAllKeys, std::uint32_t column = 0);
  Result<double> Quantile(double share, KeyRange range = kAllKeys, std::uint32_t column = 0);

  /// column = factor x column. Only keys that have a row change; here and below, a result that a float does not hold ends
  /// the call with kInvalidArgument, the rows before it changed.
  Status Scale(double factor, KeyRange range = kAllKeys, std::uint32_t column = 0);
  /// to = to + factor x from.
  Status Axpy(double factor, std::uint32_t from, std::uint32_t to, KeyRange range = kAllKeys);
  /// to = from.
  Status Copy(std::uint32_t from, std::uint32_t to, KeyRange range = kAllKeys);

  /// Run any function that the servers know, by name. @return what each segment of the range answers, in key order.
  Result<std::vector<FunctionAnswer>> Call(const std::string& function,
                                           const std::vector<Argument>& arguments,
                                           KeyRange range = kAllKeys,
                                           Effect effect = Effect::kReads);
  /// Likewise as a task, which does not block. One that changes rows is a push of its step; without options it belongs to
  /// the step that the member is in.
  Submitted<Result<std::vector<FunctionAnswer>>> Call(const std::string& function,
                                                      const std::vector<Argument>& arguments,
                                                      const TaskOptions& options,
                                                      KeyRange range = kAllKeys,
                                                      Effect effect = Effect::kReads);

  static constexpr KeyRange kAllKeys{0, kKeyMax};

 private:
  friend class Cluster;
  /// About `count` keys, evenly drawn in key order from the rows that Count() counts.
  Result<std::vector<Key>> SampleKeys(std::uint64_t count, float at_least);
  Table(std::shared_ptr<api::Connection> connection, std::shared_ptr<api::AttachedTable> table);

  std::shared_ptr<api::Connection> connection_;
  std::shared_ptr<api::AttachedTable> table_;
};

/// How a program connects.
struct ConnectOptions {
  /// For a head to answer.
  std::chrono::milliseconds patience = std::chrono::seconds(5);
  /// The connection's thread looks for the next answer for so long before it sleeps: 20 to 50 us make single requests
  /// several times faster, at the price of a processor while there is traffic (`steelyard server --spin`, too).
  std::chrono::microseconds spin = std::chrono::microseconds(0);
  /// Make what is pushed and pulled smaller, e.g. "key-cache,delta,zeros,lz4", or "fixed:2,lz4/zeros" where pulls have a
  /// list of their own; docs/filters.md lists them. Of all tables that Table::UseFilters() gives no others. Those that hold rows back (significant, feedback) and kkt are for training jobs. For tables that `assign` or keep the `max`
  /// only those that lose nothing.
  std::string filters = "none";
};

/// A program's connection to a running cluster (`steelyard up`), on a thread of its own.
///
/// Ownership: a handle, as Table is; the connection ends with the last of both.
/// Threads:   any. All calls block, for two minutes at most; of threads that open tables, each waits for those before it.
/// Errors:    kUnavailable  the head is not there, has refused this program or was restarted: connect anew.
class Cluster {
 public:
  /// Join the cluster whose head listens at `address` ("127.0.0.1:4070").
  /// Errors: kUnavailable  no head answers within `patience`; the message says what was found instead;
  ///         kInvalidArgument  options.filters is no list of filters, or has one that a program cannot use.
  static Result<Cluster> Connect(const std::string& address, const ConnectOptions& options = {});

  /// Errors: kInvalidArgument  the name is taken, or an option is wrong; kUnavailable  there is no server.
  Result<Table> CreateTable(const TableOptions& options);
  /// Likewise, cut so that every segment holds equally many of the keys that `like` has now; only rows whose first value
  /// is at least `at_least` away from 0 count. For keys that are not spread evenly, such as raw or grouped ids.
  Result<Table> CreateTable(const TableOptions& options, Table& like, float at_least = 0.0F);
  /// Errors: kNotFound  no table has this name.
  Result<Table> OpenTable(const std::string& name);
  /// Drop a table with all of its rows, whoever uses it. Errors: kNotFound.
  Status DropTable(const std::string& name);

  // ---- Functions of programs: docs/functions.md. They pass through the head. ----

  /// Answer these functions from now on, as a member of a group; again replaces them. Blocks. What the group has joined
  /// with Table::Join() does not matter here.
  /// Errors: kInvalidArgument  another program is that member, or a name or number is out of bounds;
  ///         kResourceExhausted  256 programs of the group answer functions.
  Status Serve(GroupMember as, MemberFunctions functions);
  /// Answer no more calls; those that came before are still answered. Blocks.
  Status StopServing(GroupMember as);

  /// Call a function of one member. It runs once, unless the call ends before with an error.
  ///
  /// Errors: kNotFound  there is no such member, or it has no such function; kDeadlineExceeded  it has not answered
  ///         within the patience, kUnavailable  it died: it may have run then; each names the member. kResourceExhausted
  ///         64 calls of this connection, or at that member, are open. What the function returns.
  /// Cost:   two round trips through the head's one thread: for control, not for data.
  Submitted<Result<std::string>> CallMember(GroupMember at, const std::string& function,
                                            std::string arguments = {},
                                            const MemberCallOptions& options = {});
  /// Likewise, each member that the group has when the call reaches the head. @return what each of them answered, by
  /// number; as a task it has finished when all have, and has failed when one has.
  /// Errors: kNotFound  the group has no member that answers functions.
  Submitted<Result<std::vector<MemberAnswer>>> CallGroup(WorkerGroup group,
                                                         const std::string& function,
                                                         std::string arguments = {},
                                                         const MemberCallOptions& options = {});

  /// Who is waited for and since when, e.g. "server 2 (127.0.0.1:4071): 3 requests unanswered for 700 ms"; empty when
  /// nothing is outstanding.
  std::string DescribeWait();

  /// Tasks that have not finished, and of those the ones that wait for others.
  struct OpenTasks {
    std::size_t open = 0;
    std::size_t waiting = 0;
  };
  Result<OpenTasks> CountTasks();
  /// Tasks of one connection that may be open.
  static constexpr std::size_t kTasksMax = 65'536;

 private:
  explicit Cluster(std::shared_ptr<api::Connection> connection);
  Result<Table> Create(const TableOptions& options, std::vector<Key> cuts);

  std::shared_ptr<api::Connection> connection_;
};

}  // namespace steelyard
