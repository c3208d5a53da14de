// Calls of functions: as pulls where they only read, as pushes where they change rows.
#include <algorithm>
#include <string>
#include <utility>

#include "client/client_state.h"

namespace steelyard::client {

using transport::Transport;
using wire::CallResult;
using wire::EntryCode;

Result<Called> PendingCall::Combined() const {
  const auto failed = std::ranges::find_if(
      results, [](const CallResult& result) { return result.status != StatusCode::kOk; });
  if (failed != results.end()) {
    return Status(failed->status, failed->message, "segment " + std::to_string(failed->segment));
  }
  Called answers;
  for (const CallResult& result : results) answers.push_back(result.answer);
  return answers;
}

wire::Frame MakeCallFrame(const wire::View& view, const StreamBinding& binding,
                          const PendingCall& call, const PendingPush* push, const RequestPart& part,
                          std::uint64_t request_id) {
  wire::Call message{.table = view.table,
                     .stream = binding.stream,
                     .session = binding.session,
                     .ts = push == nullptr ? 0 : push->ts,
                     .acked_ts = push == nullptr ? 0 : part.acked_ts_when_sent,
                     .step = call.request.step,
                     .through_step = call.request.through_step,
                     .first = call.request.range.first,
                     .last = call.request.range.last,
                     .function = call.request.function,
                     .arguments = {call.request.arguments.begin(), call.request.arguments.end()},
                     .entries = {}};
  for (const std::uint32_t index : part.slices) {
    const SegmentId segment = call.slices[index].segment;
    message.entries.push_back({.segment = segment,
                               .epoch = view.segments[segment].epoch,
                               .prev_ts = push == nullptr ? 0 : push->prev_ts[index]});
  }
  return wire::MakeFrame(message, request_id);
}

Status StoreCalled(PendingCall& call, const RequestPart& part,
                   const std::vector<CallResult>& results) {
  bool fits = results.size() == part.slices.size();
  for (std::size_t i = 0; fits && i < results.size(); ++i)
    fits = results[i].segment == call.slices[part.slices[i]].segment;
  if (!fits) return {StatusCode::kCorruption, "a call's answer does not fit what was asked"};
  for (std::size_t i = 0; i < results.size(); ++i) call.results[part.slices[i]] = results[i];
  return {};
}

Status Client::Call(Transport& transport, TableId id, CallRequest request,
                    std::function<void(Result<Called>)> done) {
  Table* table = FindTable(id);
  if (table == nullptr)
    return {StatusCode::kNotFound, "table " + std::to_string(id) + " is not attached"};
  if (!table->failed.ok()) return table->failed;
  if (!table->opened()) {
    return {StatusCode::kNotFound,
            "table " + std::to_string(id) + " is not attached yet; call once Attach() is done"};
  }
  if (table->leaving && request.effect == Effect::kChanges)
    return {StatusCode::kInvalidArgument, "a change after its stream has left the group"};
  SY_RETURN_IF_ERROR(placement::CheckRange(request.range));
  if (request.function.empty() || request.arguments.size() > wire::kCallArgumentsMax) {
    return {StatusCode::kInvalidArgument, "a function has a name and at most " +
                                              std::to_string(wire::kCallArgumentsMax) +
                                              " arguments"};
  }
  auto call = std::make_shared<PendingCall>();
  for (SegmentId i = 0; i < table->view.segments.size(); ++i) {
    const KeyRange range = placement::RangeOfSegment(table->view, i);
    if (range.last < request.range.first || range.first > request.range.last) continue;
    call->slices.push_back({.segment = i, .offset = 0, .count = 0});
  }
  call->results.resize(call->slices.size());
  call->request = std::move(request);
  const bool changes = call->request.effect == Effect::kChanges;
  auto parts = MakeParts(*table, call->slices, /*with_empty=*/changes && table->binding.group != 0);
  if (changes) {
    PendingPush push;
    push.call = call;
    push.slices = call->slices;
    push.parts = std::move(parts);
    push.request.floats_per_key = 0;
    push.done = [call, done = std::move(done)](const Status& status) {
      done(status.ok() ? call->Combined() : Result<Called>(status));
    };
    EnqueuePush(transport, *table, std::move(push));
    return {};
  }
  call->parts = std::move(parts);
  call->done = std::move(done);
  const std::uint64_t request_id = next_request_++;
  const PendingCall& placed = table->calls[request_id] = std::move(*call);
  for (const RequestPart& part : placed.parts) Flush(transport, *servers_[part.server]);
  return {};
}

void Client::SendCallPart(Transport& transport, Table& table, std::uint64_t request_id,
                          PendingCall& call, RequestPart& part) {
  wire::Frame frame =
      MakeCallFrame(table.view, table.binding, call, /*push=*/nullptr, part, request_id);
  part.sent = true;
  part.sent_at = transport.now();
  servers_[part.server]->channel.Send(transport, std::move(frame));
}

void Client::OnCallResponse(Transport& transport, Server& server, const wire::Frame& frame) {
  const auto decoded = wire::Decode<wire::CallResponse>(frame.body.bytes());
  if (!decoded.ok()) return FailServer(server, decoded.status());
  const wire::CallResponse& response = decoded.value();
  Table* table = FindTable(response.table);
  if (table == nullptr || response.stream != table->binding.stream ||
      response.session != table->binding.session)
    return;
  const std::uint64_t request_id = frame.header.request_id;
  if (response.ts > 0) return OnChangeResponse(transport, *table, server, response, request_id);
  const auto found = table->calls.find(request_id);
  if (found == table->calls.end()) return;  // A late copy.
  PendingCall& call = found->second;
  const auto part = std::ranges::find(call.parts, server.index, &RequestPart::server);
  if (part == call.parts.end() || part->done) return;
  server.retry = options_.retry_min;
  for (const CallResult& result : response.results) {
    if (result.code == EntryCode::kBusy) return;  // Sent again by OnWake.
    if (result.code != EntryCode::kOk)
      return FailTable(*table, LostRows(*table, server, result.code));
  }
  const Status wrong = StoreCalled(call, *part, response.results);
  if (!wrong.ok())
    return FailTable(*table, Status(wrong.code(), wrong.message(), server.channel.name()));
  part->done = true;
  if (!std::ranges::all_of(call.parts, &RequestPart::done)) return;
  callbacks_.emplace_back([done = std::move(call.done), result = call.Combined()]() mutable {
    done(std::move(result));
  });
  table->calls.erase(found);
}

void Client::OnChangeResponse(Transport& transport, Table& table, Server& server,
                              const wire::CallResponse& response, std::uint64_t request_id) {
  PendingPush* push = table.FindPush(response.ts);
  if (push == nullptr || !push->call) return;  // A late copy.
  const auto part = std::ranges::find(push->parts, server.index, &PushPart::server);
  if (part == push->parts.end() || part->done) return;
  std::vector<wire::EntryAnswer> failed;
  for (const CallResult& result : response.results) {
    if (result.code != EntryCode::kOk)
      failed.push_back({.segment = result.segment, .code = result.code, .detail = result.detail});
  }
  if (!failed.empty()) {
    // A refusal of an earlier transmission says nothing about the present one.
    if (request_id != part->request_id) return;
    const wire::PushAck ack{.table = response.table,
                            .stream = response.stream,
                            .session = response.session,
                            .ts = response.ts,
                            .failed = failed};
    return HandlePushFailures(transport, table, server, ack, *push, *part);
  }
  const Status wrong = StoreCalled(*push->call, *part, response.results);
  if (!wrong.ok())
    return FailTable(table, Status(wrong.code(), wrong.message(), server.channel.name()));
  OnPushDone(transport, table, server, *push, *part);
}

}  // namespace steelyard::client
