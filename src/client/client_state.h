// State of Client behind its interface: servers, attached tables, and how requests are cut into parts.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <vector>

#include "client/client.h"
#include "filter/key_cache.h"

namespace steelyard::client {

struct Client::Server {
  Server(std::size_t i, wire::Owner o, rpc::Channel::Options channel_options,
         const rpc::Identity* self, runtime::Duration first_retry)
      : index(i),
        owner(std::move(o)),
        channel(std::move(channel_options), self),
        retry(first_retry) {}
  std::size_t index;
  wire::Owner owner;
  rpc::Channel channel;
  std::size_t inflight_bytes = 0;  ///< Of pushes sent on this connection and not acknowledged.
  runtime::Duration retry;
  filter::KeyCache key_lists{
      filter::kKeyCacheBytes};  ///< Names of what this connection's other end may still have.
};

/// The filters of one table, and what they did that they do not count themselves.
struct TableFilters {
  explicit TableFilters(filter::FilterStack filters) : stack(std::move(filters)) {}
  filter::FilterStack stack;
  filter::KeySignature signature;  ///< Of the last frame; its hash is sent from here.
  KeyRange range{};                ///< Likewise.
  filter::FilterCounts push_key_cache{.name = "key-cache"};
  filter::FilterCounts pull_key_cache{.name = "pull key-cache"};
  filter::FilterCounts pull_values{.name = "pull values"};
};

/// What a table needs to know of one of its servers.
struct TableServer {
  bool opened = false;
  runtime::Time open_sent_at{0};
  std::uint64_t open_request = 0;  ///< The last OPEN_STREAM's.
  bool retired = false;  ///< Knows that the stream has left; its binding's Leave() asked for that.
  runtime::Time retire_sent_at{0};
  runtime::Time went_back_at{0};
  Ts send_from = 1;  ///< Pushes before this one are sent on the current connection, or need not be.
};

struct Client::Table {
  wire::View view;
  StreamBinding binding;
  Status failed;
  Done attached;
  bool leaving = false;
  Done left;
  std::vector<std::size_t> server_of_owner;
  std::map<std::size_t, TableServer> servers;
  Ts next_ts = 1;
  std::vector<Ts> last_ts;           ///< Per segment: the last push sent there.
  std::vector<Ts> acked_in_segment;  ///< Per segment: the last push acknowledged there.
  std::deque<PendingPush> pushes;    ///< Consecutive ts, oldest first.
  std::map<std::uint64_t, PendingPull> pulls;
  std::map<std::uint64_t, PendingAsk> asks;
  std::map<std::uint64_t, PendingCall> calls;
  std::unique_ptr<TableFilters> filters;  ///< None: frames are plain.

  bool Packs(filter::Direction direction) const {
    return filters != nullptr && filters->stack.packs(direction);
  }
  /// Its filters, that do nothing where it has none.
  TableFilters& EnsureFilters();
  Ts acked_ts() const { return pushes.empty() ? next_ts - 1 : pushes.front().ts - 1; }
  bool opened() const;
  /// True when an unanswered request to `server`, as it was last sent, has this id.
  bool Asked(std::size_t server, std::uint64_t request_id) const;
  PendingPush* FindPush(Ts ts);
  void MarkPushesUnsent(std::size_t server);
  void MarkUnsent(std::size_t server);
  /// Mark what has waited longer than `retry` as unsent. @return true when there was any.
  bool ResendLate(std::size_t server, runtime::Time now, runtime::Duration retry, Traffic& traffic,
                  std::size_t& inflight_bytes);
  /// When the oldest request part that still waits for `server` was sent.
  std::optional<runtime::Time> OldestSent(std::size_t server) const;
  std::size_t OutstandingParts(std::size_t server) const;
};

/// The keys and floats of some slices as one run: in place when they are neighbours, gathered otherwise.
class GatheredSlices {
 public:
  GatheredSlices(std::span<const Key> keys, std::span<const float> floats, std::size_t width,
                 std::span<const placement::KeySlice> slices,
                 std::span<const std::uint32_t> chosen);
  GatheredSlices(const GatheredSlices&) = delete;
  GatheredSlices& operator=(const GatheredSlices&) = delete;
  std::span<const Key> keys() const { return keys_; }
  std::span<const float> floats() const { return floats_; }

 private:
  std::vector<Key> gathered_keys_;
  std::vector<float> gathered_floats_;
  std::span<const Key> keys_;
  std::span<const float> floats_;
};

/// The ts of the push before this one in `segment`; the largest Ts when it does not touch the segment.
Ts PrevTs(const PendingPush& push, SegmentId segment);

/// Bytes of the frame body that carries a part.
std::size_t PartBytes(const PendingPush& push, const RequestPart& part);

/// Check that requests and answers of `parts` fit into frames. Errors: kInvalidArgument.
Status CheckFits(std::span<const RequestPart> parts, std::span<const placement::KeySlice> slices,
                 std::uint32_t floats_per_key);

/// The frame of one part of a call. @param push  null where it only reads.
wire::Frame MakeCallFrame(const wire::View& view, const StreamBinding& binding,
                          const PendingCall& call, const PendingPush* push, const RequestPart& part,
                          std::uint64_t request_id);

/// Copy a server's answer into the call's results. Errors: kCorruption when it does not fit what was asked.
Status StoreCalled(PendingCall& call, const RequestPart& part,
                   const std::vector<wire::CallResult>& results);

/// Copy a server's answer into the pull's result. Errors: kCorruption when it does not fit what was asked, or misses
/// pushes that were acknowledged before the pull was made.
Status StorePulled(PendingPull& pull, const RequestPart& part, const wire::PullResponse& response);

}  // namespace steelyard::client
