// ShardTest: a shard of two segments, and requests to it as they come off the wire.
#pragma once

#include <gtest/gtest.h>

#include <optional>
#include <utility>
#include <vector>

#include "placement/test_view.h"
#include "server/shard.h"

namespace steelyard::server {

using transport::LinkId;
using wire::EntryCode;

inline constexpr Incarnation kSelf = 77;
inline constexpr TableId kTable = 5;
inline constexpr Key kHalf = Key{1} << 63;  // First key of segment 1 of 2.

struct PushSpec {
  Ts ts = 1;
  std::vector<wire::PushEntry> entries = {};
  std::vector<Key> keys = {};
  std::vector<float> floats = {};
  Ts acked_ts = 0;
  StreamId stream = 1;
  Session session = 1;
  Step through_step = 0;
  wire::Columns columns = wire::Columns::kValues;
  std::uint32_t width = 1;
};

struct PullAnswer {
  LinkId link = 0;
  std::uint64_t request_id = 0;
  EntryCode code = EntryCode::kOk;
  Ts clock = 0;
  Step through_min = 0;
  std::vector<float> floats;
};

inline PullAnswer Decoded(const std::pair<LinkId, wire::Frame>& sent) {
  const auto response = wire::DecodePullResponse(sent.second.body.bytes()).value();
  return {.link = sent.first,
          .request_id = sent.second.header.request_id,
          .code = response.entries.front().code,
          .clock = response.entries.front().clock,
          .through_min = response.through_min,
          .floats = {response.floats.begin(), response.floats.end()}};
}

class ShardTest : public ::testing::Test {
 protected:
  ShardTest() { EXPECT_TRUE(shard_.Install(view_).ok()); }

  /// Answers to waiting pulls are in freed_.
  StatusCode Open(StreamId stream = 1, Session session = 1, JobId group = 0,
                  std::uint32_t members_min = 1) {
    Outbox outbox;
    shard_.Open(1,
                {.table = kTable,
                 .group = group,
                 .stream = stream,
                 .session = session,
                 .first_step = 0,
                 .members_min = members_min},
                9, outbox);
    const wire::Frame& frame = outbox.front().second;
    freed_.assign(outbox.begin() + 1, outbox.end());
    if (frame.header.type == wire::MessageType::kOpenAck) return StatusCode::kOk;
    return wire::Decode<wire::Refused>(frame.body.bytes()).value().code;
  }

  /// @return the entries that failed; answers to waiting pulls are in freed_.
  std::vector<wire::EntryAnswer> Push(const PushSpec& spec) {
    Outbox outbox;
    shard_.Push(1,
                {.table = kTable,
                 .stream = spec.stream,
                 .session = spec.session,
                 .ts = spec.ts,
                 .acked_ts = spec.acked_ts,
                 .step = spec.through_step,
                 .through_step = spec.through_step,
                 .columns = spec.columns,
                 .floats_per_key = spec.width,
                 .entries = spec.entries,
                 .keys = spec.keys,
                 .floats = spec.floats},
                1, outbox);
    const auto ack = wire::DecodePushAck(outbox.front().second.body.bytes()).value();
    freed_.assign(outbox.begin() + 1, outbox.end());
    return {ack.failed.begin(), ack.failed.end()};
  }

  std::optional<PullAnswer> Pull(std::vector<Key> keys, Step gate = wire::kNoGate,
                                 std::uint64_t request_id = 7, LinkId link = 1, Epoch epoch = 1) {
    const std::vector<wire::PullEntry> entries = {{.segment = keys.front() >= kHalf ? 1u : 0u,
                                                   .count = static_cast<std::uint32_t>(keys.size()),
                                                   .epoch = epoch}};
    const wire::Frame frame = wire::MakeFrame(wire::Pull{.table = kTable,
                                                         .group = 3,
                                                         .stream = 1,
                                                         .session = 1,
                                                         .step = 100,
                                                         .gate_step = gate,
                                                         .entries = entries,
                                                         .keys = keys},
                                              request_id);
    Outbox outbox;
    shard_.Pull(link, wire::DecodePull(frame.body.bytes()).value(), request_id, frame.body, outbox);
    if (outbox.empty()) return std::nullopt;
    return Decoded(outbox.front());
  }

  float Value(Key key) { return Pull({key}).value().floats.at(0); }

  const wire::View view_ =
      placement::MakeTestView(kTable, 2, {{.node = 1, .incarnation = kSelf, .address = "s"}});
  Shard shard_{kSelf};
  Outbox freed_;
};

}  // namespace steelyard::server
