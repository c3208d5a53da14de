// A client against servers that the test plays, frame by frame.
#pragma once

#include <gtest/gtest.h>

#include <optional>

#include "client/client.h"
#include "placement/test_view.h"
#include "rpc/test_identity.h"
#include "transport/recording_transport.h"

namespace steelyard::client {

using namespace std::chrono_literals;
using transport::LinkId;
using transport::SentFrame;
using wire::EntryCode;
using wire::MessageType;

inline constexpr TableId kTable = 5;
inline constexpr Key kHalf = Key{1}
                             << 63;  // First key of segment 1, which the second server holds.

class ClientTest : public ::testing::Test {
 protected:
  void Attach(const StreamBinding& binding = {.group = 3, .stream = 1, .session = 2},
              TableId table = kTable) {
    wire::View view = view_;
    view.table = table;
    client_.Attach(transport_, view, binding, [this](const Status& status) { attached_ = status; });
    if (links_.empty()) links_ = {1, 2};
  }
  void Greet(std::size_t server, std::uint64_t credit = 1 << 20) {
    client_.OnOpen(transport_, links_[server]);
    client_.OnFrame(transport_, links_[server],
                    wire::MakeFrame(wire::HelloAck{.inflight_bytes_max = credit}));
  }
  void AckOpen(std::size_t server, std::vector<wire::SegmentTs> clocks = {},
               TableId table = kTable) {
    client_.OnFrame(transport_, links_[server],
                    wire::MakeFrame(wire::OpenAck{
                        .table = table, .stream = 1, .session = 2, .clocks = std::move(clocks)}));
  }
  void AttachBoth(std::uint64_t credit = 1 << 20) {
    Attach();
    for (std::size_t server : {0, 1}) Greet(server, credit);
    for (std::size_t server : {0, 1}) AckOpen(server);
    transport_.sent.clear();
  }

  Ts Push(std::vector<Key> keys, TableId table = kTable) {
    PushRequest request;
    request.floats.assign(keys.size(), 1.0F);
    request.keys = std::move(keys);
    auto ts = client_.Push(transport_, table, std::move(request),
                           [this](const Status& status) { pushed_.push_back(status); });
    EXPECT_TRUE(ts.ok());
    return ts.ok() ? ts.value() : 0;
  }
  void Pull(std::vector<Key> keys) {
    const Status status =
        client_.Pull(transport_, kTable, {.keys = std::move(keys)},
                     [this](Result<Pulled> pulled) { pulled_.push_back(std::move(pulled)); });
    EXPECT_TRUE(status.ok()) << status.ToString();
  }

  void AckPush(const SentFrame& sent, std::vector<wire::EntryAnswer> failed = {}) {
    const auto push = wire::DecodePush(sent.frame.body.bytes()).value();
    client_.OnFrame(transport_, sent.link,
                    wire::MakeFrame(wire::PushAck{.table = push.table,
                                                  .stream = push.stream,
                                                  .session = push.session,
                                                  .ts = push.ts,
                                                  .failed = failed},
                                    sent.frame.header.request_id));
  }
  /// Answer a pull: every key's float is `value`.
  void AnswerPull(const SentFrame& sent, float value, Ts clock = 0, std::uint32_t width = 1,
                  EntryCode code = EntryCode::kOk) {
    const auto pull = wire::DecodePull(sent.frame.body.bytes()).value();
    std::vector<wire::PulledEntry> entries;
    for (const wire::PullEntry& entry : pull.entries) {
      entries.push_back({.segment = entry.segment, .code = code, .clock = clock});
    }
    const std::size_t count = code == EntryCode::kOk ? pull.keys.size() * width : 0;
    auto [frame, floats] = wire::MakePullResponse({.table = pull.table,
                                                   .columns = pull.columns,
                                                   .floats_per_key = width,
                                                   .entries = entries,
                                                   .floats = {}},
                                                  count, sent.frame.header.request_id);
    std::ranges::fill(floats, value);
    client_.OnFrame(transport_, sent.link, frame);
  }

  /// What an owner does: sleep until the client wants to be woken.
  void Wake() {
    const auto when = client_.next_wake();
    ASSERT_TRUE(when) << "the client waits for nothing";
    transport_.Advance(*when - transport_.now());
    client_.OnWake(transport_);
  }

  static wire::Push Decoded(const SentFrame& sent) {
    return wire::DecodePush(sent.frame.body.bytes()).value();
  }
  static std::vector<Ts> TsOf(const std::vector<SentFrame>& pushes) {
    std::vector<Ts> all;
    for (const SentFrame& sent : pushes) all.push_back(Decoded(sent).ts);
    return all;
  }

  const wire::View view_ = placement::MakeTestView(kTable, 2, placement::TestServers(2));
  const rpc::Identity self_ = rpc::MakeTestIdentity();
  transport::RecordingTransport transport_;
  Client client_{&self_, {.unacked_bytes_max = 10'000}};
  std::vector<LinkId> links_;
  std::optional<Status> attached_;
  std::vector<Status> pushed_;
  std::vector<Result<Pulled>> pulled_;
};

// ---- Attaching ----
}  // namespace steelyard::client
