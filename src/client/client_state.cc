#include "client/client_state.h"

#include <algorithm>

namespace steelyard::client {

using runtime::Duration;
using runtime::Time;

namespace {

/// Show `visit` every part of the requests of a table that are not pushes.
template <typename Table, typename Visit>
void ForEachReadPart(Table& table, Visit visit) {
  for (auto& [id, pull] : table.pulls) std::ranges::for_each(pull.parts, visit);
  for (auto& [id, ask] : table.asks) visit(ask.part);
  for (auto& [id, call] : table.calls) std::ranges::for_each(call.parts, visit);
}

}  // namespace

bool Client::Table::opened() const {
  return std::ranges::all_of(servers, [](const auto& server) { return server.second.opened; });
}

bool Client::Table::Asked(std::size_t server, std::uint64_t request_id) const {
  const auto state = servers.find(server);
  if (state == servers.end()) return false;
  const auto waits = [&](const RequestPart& part) { return part.server == server && !part.done; };
  const auto pull = pulls.find(request_id);
  const auto ask = asks.find(request_id);
  const auto call = calls.find(request_id);
  // Who has left asks no more to speak; a late copy may be refused.
  const bool opens = !leaving && state->second.open_request == request_id;
  return opens || (pull != pulls.end() && std::ranges::any_of(pull->second.parts, waits)) ||
         (ask != asks.end() && waits(ask->second.part)) ||
         (call != calls.end() && std::ranges::any_of(call->second.parts, waits)) ||
         std::ranges::any_of(pushes, [&](const PendingPush& push) {
           return std::ranges::any_of(push.parts, [&](const RequestPart& part) {
             return waits(part) && part.request_id == request_id;
           });
         });
}

PendingPush* Client::Table::FindPush(Ts ts) {
  if (pushes.empty() || ts < pushes.front().ts || ts > pushes.back().ts) return nullptr;
  return &pushes[ts - pushes.front().ts];
}

void Client::Table::MarkPushesUnsent(std::size_t server) {
  for (PendingPush& push : pushes) {
    for (PushPart& part : push.parts) {
      if (part.server == server && !part.done) part.sent = false;
    }
  }
  servers.at(server).send_from = 1;
}

void Client::Table::MarkUnsent(std::size_t server) {
  MarkPushesUnsent(server);
  ForEachReadPart(*this, [&](RequestPart& part) {
    if (part.server == server && !part.done) part.sent = false;
  });
}

bool Client::Table::ResendLate(std::size_t server, Time now, Duration retry, Traffic& traffic,
                               std::size_t& inflight_bytes) {
  const auto is_late = [&](const RequestPart& part) {
    return part.server == server && part.sent && !part.done && now >= part.sent_at + retry;
  };
  bool late = false;
  for (const PendingPush& push : pushes) {
    if (std::ranges::any_of(push.parts, is_late)) {
      MarkPushesUnsent(server);
      inflight_bytes = 0;
      ++traffic.resends;
      late = true;
      break;
    }
  }
  ForEachReadPart(*this, [&](RequestPart& part) {
    if (!is_late(part)) return;
    part.sent = false;
    ++traffic.resends;
    late = true;
  });
  return late;
}

std::optional<Time> Client::Table::OldestSent(std::size_t server) const {
  std::optional<Time> oldest;
  const auto consider = [&](const RequestPart& part) {
    if (part.server == server && part.sent && !part.done) {
      oldest = oldest ? std::min(*oldest, part.sent_at) : part.sent_at;
    }
  };
  for (const PendingPush& push : pushes) std::ranges::for_each(push.parts, consider);
  ForEachReadPart(*this, consider);
  return oldest;
}

std::size_t Client::Table::OutstandingParts(std::size_t server) const {
  std::size_t count = 0;
  const auto consider = [&](const RequestPart& part) {
    count += part.server == server && !part.done;
  };
  for (const PendingPush& push : pushes) std::ranges::for_each(push.parts, consider);
  ForEachReadPart(*this, consider);
  return count;
}

std::vector<RequestPart> Client::MakeParts(const Table& table,
                                           std::span<const placement::KeySlice> slices,
                                           bool with_empty) {
  std::vector<RequestPart> parts;
  const auto part_of = [&](std::size_t server) -> RequestPart& {
    for (RequestPart& part : parts) {
      if (part.server == server) return part;
    }
    parts.emplace_back().server = server;
    return parts.back();
  };
  for (std::uint32_t i = 0; i < slices.size(); ++i) {
    part_of(table.server_of_owner[table.view.segments[slices[i].segment].owner])
        .slices.push_back(i);
  }
  if (with_empty) {
    for (const auto& [server, state] : table.servers) part_of(server);
  }
  return parts;
}

GatheredSlices::GatheredSlices(std::span<const Key> keys, std::span<const float> floats,
                               std::size_t width, std::span<const placement::KeySlice> slices,
                               std::span<const std::uint32_t> chosen) {
  if (chosen.empty()) return;
  bool neighbours = true;
  for (std::size_t i = 1; i < chosen.size(); ++i) {
    const placement::KeySlice& before = slices[chosen[i - 1]];
    neighbours &= before.offset + before.count == slices[chosen[i]].offset;
  }
  if (neighbours) {
    const std::size_t first = slices[chosen.front()].offset;
    const std::size_t last = slices[chosen.back()].offset + slices[chosen.back()].count;
    keys_ = keys.subspan(first, last - first);
    floats_ = floats.subspan(first * width, (last - first) * width);
    return;
  }
  for (const std::uint32_t index : chosen) {
    const auto part = keys.subspan(slices[index].offset, slices[index].count);
    gathered_keys_.insert(gathered_keys_.end(), part.begin(), part.end());
    const auto values = floats.subspan(slices[index].offset * width, slices[index].count * width);
    gathered_floats_.insert(gathered_floats_.end(), values.begin(), values.end());
  }
  keys_ = gathered_keys_;
  floats_ = gathered_floats_;
}

Ts PrevTs(const PendingPush& push, SegmentId segment) {
  for (std::size_t i = 0; i < push.slices.size(); ++i) {
    if (push.slices[i].segment == segment) return push.prev_ts[i];
  }
  return ~Ts{0};
}

std::size_t PartBytes(const PendingPush& push, const RequestPart& part) {
  std::size_t keys = 0;
  for (const std::uint32_t index : part.slices) keys += push.slices[index].count;
  return keys * (sizeof(Key) + push.request.floats_per_key * sizeof(float)) +
         part.slices.size() * sizeof(wire::PushEntry);
}

Status CheckFits(std::span<const RequestPart> parts, std::span<const placement::KeySlice> slices,
                 std::uint32_t floats_per_key) {
  // What is left of a frame beside fixed fields and a directory of every segment there may be.
  constexpr std::size_t kBytesMax =
      wire::kFrameBytesMax - 4096 - wire::kSegmentsMax * sizeof(wire::PushEntry);
  for (const RequestPart& part : parts) {
    std::size_t keys = 0;
    for (const std::uint32_t index : part.slices) keys += slices[index].count;
    const std::size_t bytes_per_key = sizeof(Key) + std::size_t{floats_per_key} * sizeof(float);
    const std::size_t keys_max =
        std::min<std::size_t>(wire::kKeysPerFrameMax, kBytesMax / bytes_per_key);
    if (keys > keys_max) {
      return Status(StatusCode::kInvalidArgument,
                    std::to_string(keys) + " keys of " + std::to_string(floats_per_key) +
                        " floats for one server do not fit one request, which takes " +
                        std::to_string(keys_max) + "; use smaller minibatches");
    }
  }
  return {};
}

Status StorePulled(PendingPull& pull, const RequestPart& part, const wire::PullResponse& response) {
  const std::size_t width = pull.request.floats_per_key;
  std::size_t keys = 0;
  bool fits =
      response.entries.size() == part.slices.size() && response.columns == pull.request.columns;
  for (std::size_t i = 0; fits && i < part.slices.size(); ++i) {
    const placement::KeySlice& slice = pull.slices[part.slices[i]];
    fits = response.entries[i].segment == slice.segment;
    keys += slice.count;
  }
  // A gate of its own has no keys, and need not know how wide their rows would be.
  fits &= response.floats_per_key == width || pull.slices.empty();
  if (!fits || response.floats.size() != keys * width) {
    return Status(StatusCode::kCorruption, "a pull's answer does not fit what was asked");
  }
  if (pull.request.gate_step != wire::kNoGate && response.through_min < pull.request.gate_step) {
    return Status(StatusCode::kCorruption, "a pull that waits for step " +
                                               std::to_string(pull.request.gate_step) +
                                               " was answered when a stream was through step " +
                                               std::to_string(response.through_min));
  }
  std::size_t from = 0;
  for (std::size_t i = 0; i < part.slices.size(); ++i) {
    const std::uint32_t index = part.slices[i];
    const placement::KeySlice& slice = pull.slices[index];
    if (response.entries[i].clock < pull.min_clock[index]) {
      return Status(StatusCode::kCorruption,
                    "acknowledged pushes are missing in segment " + std::to_string(slice.segment) +
                        ": clock " + std::to_string(response.entries[i].clock) + ", acknowledged " +
                        std::to_string(pull.min_clock[index]));
    }
    pull.result.slices[index].clock = response.entries[i].clock;
    std::copy_n(response.floats.data() + from, slice.count * width,
                pull.result.floats.data() + slice.offset * width);
    from += slice.count * width;
  }
  pull.result.through_min = std::min(pull.result.through_min, response.through_min);
  return {};
}

}  // namespace steelyard::client
