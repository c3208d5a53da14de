// Client: one worker's or program's view of distributed tables: asynchronous push, pull and scan of sorted key lists.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "client/pending.h"
#include "filter/filter_stack.h"
#include "placement/placement.h"
#include "rpc/channel.h"
#include "rpc/identity.h"
#include "steelyard/status.h"
#include "steelyard/types.h"
#include "transport/transport.h"
#include "wire/control_messages.h"
#include "wire/data_messages.h"

namespace steelyard::client {

/// Who speaks on a table: a stream of pushes, in a session, as a member of a worker group.
struct StreamBinding {
  JobId group = 0;  ///< 0: no gate counts this stream.
  StreamId stream = 0;
  Session session = 0;
  Step first_step = 0;
  std::uint32_t members_min = 1;  ///< Gates of the group stay closed until so many have joined.
};

/// Sends requests to the servers that own the keys, sends them again until they are answered, and calls back once.
///
/// A push is applied exactly once however often it is sent: it carries (stream, session, ts, previous ts) and servers
/// drop repeats. Unacknowledged pushes keep their keys and floats here.
///
/// Ownership: keys and floats are moved in; results are moved out to the callback.
/// Threads:   confined to the node's loop; callbacks come from OnFrame, OnClose or OnWake, never from inside a request.
/// Errors:    a callback's Status is kUnavailable (a server was lost with its rows), kCancelled (fenced or detached),
///            kInvalidArgument (refused), kCorruption (a server forgot acknowledged pushes).
class Client {
 public:
  struct Options {
    /// Bytes of unacknowledged pushes above which Push() refuses with kResourceExhausted.
    std::size_t unacked_bytes_max = std::size_t{64} << 20;
    /// First wait for an answer before a request is sent again; doubles up to retry_max.
    runtime::Duration retry_min = std::chrono::milliseconds(250);
    runtime::Duration retry_max = std::chrono::seconds(2);
    /// A server that cannot be reached for this long fails the requests that need it.
    runtime::Duration unreachable_max = std::chrono::seconds(10);
  };
  using Done = std::function<void(const Status&)>;

  /// @param self  borrowed; must outlive the client.
  Client(const rpc::Identity* self, Options options);
  ~Client();

  /// Use a table: connect to its servers and open the stream on each. `done` comes once; pushes are taken from then on.
  void Attach(transport::Transport& transport, const wire::View& view, const StreamBinding& binding,
              Done done);
  /// Stop using a table; its outstanding requests end with `why`.
  void Detach(transport::Transport& transport, TableId table, const Status& why);

  /// Leave the worker group for good, once every push has ended: nobody waits for this stream any more. The table can be
  /// pulled from and scanned further on. `done` comes when every server knows.
  /// Errors: kInvalidArgument  pushes are under way.
  Status Leave(transport::Transport& transport, TableId table, Done done);

  /// Run what is pushed to and pulled from an attached table through filters, from now on (docs/filters.md).
  /// Errors: kNotFound; kInvalidArgument  filters that change values, for a table that does not add what is pushed.
  Status UseFilters(TableId table, filter::FilterStack filters);
  /// Put a filter of one's own ahead of a table's filters; pushes from now on pass it. Errors: as UseFilters().
  Status AddFilter(TableId table, std::unique_ptr<filter::ValueFilter> filter);
  /// What filters hold back of earlier pushes; nothing without filters. The caller pushes it, `exact`.
  filter::PushRows TakeHeldBack(TableId table, std::uint32_t floats_per_key);
  /// Bytes before and after each filter of a table: of pushed values, of keys, and of the floats of pulls' answers.
  std::vector<filter::FilterCounts> FilterCountsOf(TableId table) const;

  /// Send one row of floats per key; each owner applies it with the table's updater, exactly once.
  /// @return the push's ts. Errors: kInvalidArgument, kNotFound (not attached), kResourceExhausted (retry later).
  Result<Ts> Push(transport::Transport& transport, TableId table, PushRequest request, Done done);

  /// Read the keys' floats; a key never pushed reads as zeros.
  Status Pull(transport::Transport& transport, TableId table, PullRequest request,
              std::function<void(Result<Pulled>)> done);

  /// Read rows of one segment in key order.
  Status Scan(transport::Transport& transport, TableId table, const ScanRequest& request,
              std::function<void(Result<Scanned>)> done);

  /// Send `request` to the table's server number `owner` of its view, again until it is answered, by any frame that is
  /// not REFUSED; the callback gets that frame, see wire::DecodeAnswer(). What it does must be harmless to repeat.
  Status Ask(transport::Transport& transport, TableId table, std::size_t owner, wire::Frame request,
             std::function<void(Result<wire::Frame>)> done);

  /// Run a function where the rows are. One that changes rows is a push in all but what is sent: exactly once in each
  /// segment, after the pushes before it; later ones to the same server wait here until it is done.
  Status Call(transport::Transport& transport, TableId table, CallRequest request,
              std::function<void(Result<Called>)> done);

  bool Owns(transport::LinkId link) const;
  void OnOpen(transport::Transport& transport, transport::LinkId link);
  void OnFrame(transport::Transport& transport, transport::LinkId link, const wire::Frame& frame);
  void OnClose(transport::Transport& transport, transport::LinkId link, const Status& why);
  void OnWake(transport::Transport& transport);
  std::optional<runtime::Time> next_wake() const;

  /// Every push up to this ts is acknowledged.
  Ts acked_ts(TableId table) const;
  /// The ts that the next push will have.
  Ts next_ts(TableId table) const;
  std::size_t unacked_bytes() const { return unacked_bytes_; }
  /// True when Push() would not refuse `bytes` of keys and floats with kResourceExhausted. It will, at the latest, when
  /// every push so far has ended.
  bool HasRoom(std::size_t bytes) const {
    return unacked_bytes_ == 0 || unacked_bytes_ + bytes <= options_.unacked_bytes_max;
  }
  const Traffic& traffic() const { return traffic_; }
  /// Who is waited for and since when, for messages; empty when nothing is outstanding.
  std::string DescribeWait(runtime::Time now) const;

 private:
  struct Server;
  struct Table;

  Server& ServerFor(transport::Transport& transport, const wire::Owner& owner);
  Server* ServerOfLink(transport::LinkId link);
  Table* FindTable(TableId table);
  const Table* FindTable(TableId table) const;
  void OnReady(transport::Transport& transport, Server& server);
  void SendOpen(transport::Transport& transport, Table& table, Server& server);
  void SendRetire(transport::Transport& transport, Table& table, Server& server);
  void Flush(transport::Transport& transport, Server& server);
  /// @return false when the server's credit is used up.
  bool FlushPushes(transport::Transport& transport, Table& table, Server& server,
                   std::size_t credit);
  void SendPushPart(transport::Transport& transport, Table& table, PendingPush& push,
                    PushPart& part);
  void SendPullPart(transport::Transport& transport, Table& table, std::uint64_t id,
                    PendingPull& pull, PullPart& part);
  /// Let a table's filters change a push, once.
  void FilterPush(Table& table, PushRequest& request);
  /// The keys of one frame as a section, or as what names them; valid until the next call.
  /// @param all_of  of their request.
  wire::Packed PackKeys(Table& table, filter::Direction direction, const RequestPart& part,
                        std::span<const Key> keys, const std::optional<KeyRange>& all_of);
  Status UnpackAnswer(Table& table, const PendingPull& pull, const RequestPart& part,
                      wire::PullResponse& response);
  /// The server lacks lists that were named to it: send them.
  void SendKeys(transport::Transport& transport, Table& table, Server& server, RequestPart& part,
                bool push);
  void OnPushAck(transport::Transport& transport, Server& server, const wire::Frame& frame);
  void OnPullResponse(transport::Transport& transport, Server& server, const wire::Frame& frame);
  void SendCallPart(transport::Transport& transport, Table& table, std::uint64_t request_id,
                    PendingCall& call, RequestPart& part);
  /// Queue a push that is complete but for its ts, and send what can be sent.
  Ts EnqueuePush(transport::Transport& transport, Table& table, PendingPush push);
  wire::Frame MakePushFrame(Table& table, const PendingPush& push, const PushPart& part);
  void OnPushDone(transport::Transport& transport, Table& table, Server& server, PendingPush& push,
                  PushPart& part);
  void OnCallResponse(transport::Transport& transport, Server& server, const wire::Frame& frame);
  void OnChangeResponse(transport::Transport& transport, Table& table, Server& server,
                        const wire::CallResponse& response, std::uint64_t request_id);
  Result<Scanned> OnScanned(TableId table, Server& server, const Result<wire::Frame>& answer);
  /// End the ask that a frame answers. @return false: it answers none.
  bool OnAnswer(Server& server, const wire::Frame& frame);
  /// What is neither the connection's nor an ask's.
  void Dispatch(transport::Transport& transport, Server& server, const wire::Frame& frame);
  void OnOpenAck(transport::Transport& transport, Server& server, const wire::Frame& frame);
  void OnRetired(Table& table, Server& server, const wire::OpenAck& ack);
  void OnRefused(Server& server, const wire::Frame& frame);
  /// Send what failed tables held back, then call back. The end of every event.
  void Settle(transport::Transport& transport);
  void HandlePushFailures(transport::Transport& transport, Table& table, Server& server,
                          const wire::PushAck& ack, const PendingPush& push, const PushPart& part);
  void CompletePushes(Table& table);
  void FinishPull(Table& table, std::uint64_t request_id);
  static std::vector<RequestPart> MakeParts(const Table& table,
                                            std::span<const placement::KeySlice> slices,
                                            bool with_empty);
  bool InUse(const Server& server) const;
  /// End every request of a table with `why`.
  void FailTable(Table& table, const Status& why);
  void FailServer(Server& server, const Status& why);
  void RunCallbacks();
  static Status Refusal(const Server& server);
  /// Why `entry` of `ack` ends the table; ok where the push is only to be sent again.
  Status WhyRefused(const Table& table, const Server& server, const wire::PushAck& ack,
                    const wire::EntryAnswer& entry) const;
  Status LostRows(const Table& table, const Server& server, wire::EntryCode code) const;
  /// Why push `ts` is refused by a server on which the table has `held` bytes.
  Status OverQuota(const Table& table, const Server& server, Ts ts, std::uint64_t held) const;

  const rpc::Identity* self_;
  Options options_;
  std::vector<std::unique_ptr<Server>> servers_;
  std::map<TableId, std::unique_ptr<Table>> tables_;
  std::deque<std::function<void()>>
      callbacks_;  ///< Run at the end of each event, when no state is half changed.
  std::uint64_t next_request_ = 1;
  std::size_t unacked_bytes_ = 0;
  bool credit_freed_ = false;  ///< A failed table gave up pushes that were under way.
  Traffic traffic_;
  filter::SectionDecoder answer_floats_{filter::kAnswerLimits};
};

}  // namespace steelyard::client
