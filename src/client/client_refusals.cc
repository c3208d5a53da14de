// What a server's refusals mean to a table, in words.
#include <algorithm>
#include <string>

#include "base/byte_size.h"
#include "client/client_state.h"

namespace steelyard::client {

using wire::EntryCode;

namespace {

/// What is wrong with push `ts`; empty where it is only to be sent again.
std::string WhatIsWrong(const TableOptions& table, const wire::EntryAnswer& entry) {
  const std::string detail = std::to_string(entry.detail);
  switch (entry.code) {
    case EntryCode::kInvalid:
      return "in segment " + std::to_string(entry.segment) + ": keys or width do not fit";
    case EntryCode::kNotFinite:
      return "a float of key " + detail + " is NaN or infinite";
    case EntryCode::kFrozen:
      return "the keys of table '" + table.name + "' are frozen, and key " + detail +
             " is not one of them";
    case EntryCode::kFailed:
      return "updater '" + table.updater.name + "' fails at key " + detail +
             "; the server's log says why";
    case EntryCode::kFull:
      return "its tables hold the " + std::to_string(entry.detail / 1'000'000) +
             " MB that they may, and the push brings new keys of table '" + table.name +
             "'; raise --memory-max, use more servers, or fewer features";
    case EntryCode::kHeldFull:
      return "the server holds " + std::to_string(entry.detail / 1'000'000) +
             " MB of pushes of steps that not every member of their groups is through; push less "
             "in a step, or see whom table '" +
             table.name + "' waits for";
    default:
      return {};
  }
}

}  // namespace

Status Client::WhyRefused(const Table& table, const Server& server, const wire::PushAck& ack,
                          const wire::EntryAnswer& entry) const {
  switch (entry.code) {
    case EntryCode::kNotPrimary:
      return LostRows(table, server, entry.code);
    case EntryCode::kFenced:
      return Status(StatusCode::kCancelled,
                    "stream " + std::to_string(ack.stream) + " is taken over by session " +
                        std::to_string(entry.detail),
                    server.channel.name());
    case EntryCode::kGap:
      return Status(StatusCode::kCorruption,
                    "acknowledged pushes are missing in segment " + std::to_string(entry.segment) +
                        ": its clock is " + std::to_string(entry.detail),
                    server.channel.name());
    case EntryCode::kOverQuota:
      return OverQuota(table, server, ack.ts, entry.detail);
    default:
      break;
  }
  const std::string wrong = WhatIsWrong(table.view.spec.options, entry);
  if (wrong.empty()) return {};
  const bool full = entry.code == EntryCode::kFull || entry.code == EntryCode::kHeldFull;
  return Status(full ? StatusCode::kResourceExhausted : StatusCode::kInvalidArgument,
                "push " + std::to_string(ack.ts) + " refused: " + wrong, server.channel.name());
}

Status Client::LostRows(const Table& table, const Server& server, EntryCode code) const {
  return Status(StatusCode::kUnavailable,
                "no longer holds its part of table '" + table.view.spec.options.name + "' (" +
                    wire::EntryCodeName(code) + "): the server was restarted or the table dropped",
                server.channel.name());
}

Status Client::OverQuota(const Table& table, const Server& server, Ts ts,
                         std::uint64_t held) const {
  const wire::View& view = table.view;
  const auto here = std::ranges::count_if(view.segments, [&](const wire::SegmentView& segment) {
    return table.server_of_owner[segment.owner] == server.index;
  });
  const std::uint64_t share = wire::ShareOfMemory(view.spec, static_cast<std::size_t>(here));
  return Status(StatusCode::kResourceExhausted,
                "push " + std::to_string(ts) + " refused: table '" + view.spec.options.name +
                    "' has " + ByteSizeText({held}) + " of the " + ByteSizeText({share}) +
                    " that it may fill here (" + ByteSizeText({view.spec.options.memory_max}) +
                    " over " + std::to_string(view.owners.size()) +
                    " servers), and the push brings new keys; use fewer keys, or create the table "
                    "with a larger --memory-max",
                server.channel.name());
}

}  // namespace steelyard::client
