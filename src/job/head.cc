#include "job/head.h"

#include <algorithm>
#include <utility>

#include "client/member_node.h"

namespace steelyard::job {

using coord::Departure;
using coord::Outgoing;
using transport::LinkId;
using transport::Transport;
using wire::MessageType;

namespace {

/// Hand the message to `handle`, or refuse one that does not decode.
template <typename Message, typename Handle>
void Take(NodeId from, const wire::Frame& frame, std::vector<Outgoing>& out, Handle&& handle) {
  auto message = wire::Decode<Message>(frame.body.bytes());
  if (message.ok()) {
    handle(std::move(message.value()));
  } else {
    out.push_back(coord::Refuse(from, frame.header.request_id, message.status()));
  }
}

}  // namespace

Head::Head(Options options)
    : identity_{.role = wire::Role::kHead,
                .node = 0,
                .incarnation = options.incarnation,
                .cluster_id = options.cluster_id,
                .listen_address = std::move(options.listen_address),
                .description = std::move(options.description)},
      acceptor_(&identity_),
      membership_(options.membership),
      tables_(&membership_),
      retirements_(&membership_),
      calls_(&membership_),
      log_(options.log),
      scheduler_(&membership_, &tables_,
                 {.names_workers = options.names_workers,
                  .log = std::move(options.log),
                  .make_delay_policy = std::move(options.make_delay_policy)}) {}

void Head::OnStart(Transport& transport) {
  transport.WakeAt(transport.now() + membership_.options().heartbeat);
}

void Head::OnOpen(Transport& transport, LinkId link, bool accepted, const std::string& peer) {
  if (accepted) acceptor_.OnOpen(transport.now(), link, peer);
}

void Head::OnHello(Transport& transport, LinkId link, const wire::Frame& frame) {
  const auto hello = acceptor_.ReadHello(transport, link, frame);
  if (!hello) return;
  std::vector<Departure> departed;
  const auto id = membership_.Join(transport.now(), link, *hello, departed);
  std::vector<Outgoing> out;
  HandleDepartures(departed, out);
  if (!id.ok()) {
    acceptor_.Refuse(transport, link, id.status());
  } else {
    LogMember(id.value());
    const auto& options = membership_.options();
    acceptor_.Welcome(transport, link, *hello, id.value(),
                      {.inflight_bytes_max = wire::kFrameBytesMax,
                       .heartbeat_ns = static_cast<std::uint64_t>(options.heartbeat.count()),
                       .dead_after_ns = static_cast<std::uint64_t>(options.dead_after.count())});
  }
  Tick(transport, out);
}

void Head::OnFrame(Transport& transport, LinkId link, wire::Frame frame) {
  if (acceptor_.PeerOf(link) == nullptr) {
    if (acceptor_.Owns(link)) OnHello(transport, link, frame);
    return;
  }
  last_now_ = transport.now();
  membership_.OnHeard(last_now_, link);
  const coord::Member* member = membership_.FindByLink(link);
  if (member == nullptr) {  // Declared dead meanwhile: it must learn that.
    acceptor_.Refuse(transport, link,
                     Status(StatusCode::kUnavailable, "this process was declared dead"));
    return;
  }
  if (frame.header.type == MessageType::kHeartbeat) {
    const auto beat = wire::Decode<wire::Heartbeat>(frame.body.bytes());
    if (!beat.ok()) return;
    transport.Send(
        link, rpc::Stamp(wire::MakeFrame(wire::HeartbeatAck{.sequence = beat.value().sequence}),
                         identity_));
    return;
  }
  if (frame.header.type == MessageType::kHello) return acceptor_.WelcomeAgain(transport, link);
  std::vector<Outgoing> out;
  Dispatch(member->id, frame, out);
  SendAll(transport, out);
}

void Head::Dispatch(NodeId from, const wire::Frame& frame, std::vector<Outgoing>& out) {
  const std::uint64_t id = frame.header.request_id;
  const runtime::Time now = last_now_;
  switch (frame.header.type) {
    case MessageType::kTableCreate:
      return Take<wire::TableCreate>(from, frame, out,
                                     [&](const auto& m) { tables_.Create(from, id, m, out); });
    case MessageType::kTableDrop:
      return Take<wire::TableDrop>(from, frame, out,
                                   [&](const auto& m) { DropTable(from, id, m.table, out); });
    case MessageType::kTableFreeze:
      return Take<wire::TableFreeze>(from, frame, out,
                                     [&](const auto& m) { tables_.Freeze(from, id, m, out); });
    case MessageType::kTableFreezable:
      return Take<wire::TableFreezable>(from, frame, out,
                                        [&](const auto& m) { tables_.OnFreezable(from, m, out); });
    case MessageType::kTableFrozen:
      return Take<wire::TableFrozen>(from, frame, out,
                                     [&](const auto& m) { tables_.OnFrozen(from, m, out); });
    case MessageType::kViewGet:
      return Take<wire::ViewGet>(from, frame, out,
                                 [&](const auto& m) { tables_.Get(from, id, m, out); });
    case MessageType::kViewReady:
      return Take<wire::ViewReady>(from, frame, out,
                                   [&](const auto& m) { tables_.OnViewReady(now, from, m, out); });
    case MessageType::kTableDropped:
      return Take<wire::TableDropped>(from, frame, out,
                                      [&](const auto& m) { tables_.OnDropped(from, m); });
    case MessageType::kOpenAck:
      return Take<wire::OpenAck>(from, frame, out,
                                 [&](const auto& m) { retirements_.OnAnswer(from, m.stream); });
    case MessageType::kTableStats:
      return Take<wire::TableStats>(from, frame, out,
                                    [&](const auto& m) { tables_.OnStats(from, m, out); });
    case MessageType::kClusterGet:
      return Take<wire::ClusterGet>(from, frame, out, [&](const auto&) {
        out.push_back({from, wire::MakeFrame(StatusFor(from), id)});
      });
    case MessageType::kRefused:
      return Take<wire::Refused>(from, frame, out, [&](const auto& m) {
        tables_.OnRefused(from, static_cast<TableId>(id), m.ToStatus(), out);
      });
    case MessageType::kGroupServe:
    case MessageType::kMemberCall:
    case MessageType::kMemberAnswer:
    case MessageType::kMemberDone:
      return DispatchToCalls(from, frame, out);
    default:
      return DispatchToScheduler(from, frame, out);
  }
}

void Head::DispatchToCalls(NodeId from, const wire::Frame& frame, std::vector<Outgoing>& out) {
  const std::uint64_t id = frame.header.request_id;
  switch (frame.header.type) {
    case MessageType::kGroupServe:
      return Take<wire::GroupServe>(from, frame, out,
                                    [&](const auto& m) { calls_.Serve(from, id, m, out); });
    case MessageType::kMemberCall:
      return Take<wire::MemberCall>(from, frame, out,
                                    [&](const auto& m) { calls_.OnCall(last_now_, from, m, out); });
    case MessageType::kMemberAnswer:
      return Take<wire::MemberAnswer>(from, frame, out,
                                      [&](const auto& m) { calls_.OnAnswer(from, m, out); });
    default:
      return Take<wire::MemberDone>(from, frame, out,
                                    [&](const auto& m) { calls_.OnDone(from, m); });
  }
}

void Head::DispatchToScheduler(NodeId from, const wire::Frame& frame, std::vector<Outgoing>& out) {
  const std::uint64_t id = frame.header.request_id;
  switch (frame.header.type) {
    case MessageType::kJobGet:
      return Take<wire::JobGet>(from, frame, out,
                                [&](const auto& m) { scheduler_.Get(from, id, m, out); });
    case MessageType::kJobSubmit:
      return Take<wire::JobSubmit>(from, frame, out,
                                   [&](const auto& m) { scheduler_.Submit(from, id, m, out); });
    case MessageType::kJobKept:
      return Take<wire::JobKept>(from, frame, out,
                                 [&](const auto& m) { scheduler_.OnKept(from, m, out); });
    case MessageType::kJobCancel:
      return Take<wire::JobCancel>(from, frame, out,
                                   [&](const auto& m) { scheduler_.Cancel(from, id, m, out); });
    case MessageType::kSlotReady:
      return Take<wire::SlotReady>(from, frame, out,
                                   [&](const auto& m) { scheduler_.OnSlotReady(from, m, out); });
    case MessageType::kShardRequest:
      return Take<wire::ShardRequest>(
          from, frame, out, [&](const auto& m) { scheduler_.OnShardRequest(from, m, out); });
    case MessageType::kProgress:
      return Take<wire::Progress>(from, frame, out,
                                  [&](const auto& m) { scheduler_.OnProgress(from, m, out); });
    case MessageType::kPassDone:
      return Take<wire::PassDone>(from, frame, out,
                                  [&](const auto& m) { scheduler_.OnPassDone(from, m, out); });
    case MessageType::kNames:
      return Take<wire::Names>(from, frame, out,
                               [&](auto m) { scheduler_.OnNames(from, std::move(m), out); });
    case MessageType::kNamesGet:
      return Take<wire::NamesGet>(from, frame, out,
                                  [&](const auto& m) { scheduler_.OnNamesGet(from, m, out); });
    case MessageType::kWorkerFailed:
      return Take<wire::WorkerFailed>(
          from, frame, out, [&](const auto& m) { scheduler_.OnWorkerFailed(from, m, out); });
    default:
      out.push_back(coord::Refuse(
          from, id,
          Status(StatusCode::kInvalidArgument, std::string("the head does not take ") +
                                                   wire::MessageTypeName(frame.header.type))));
  }
}

void Head::DropTable(NodeId from, std::uint64_t request_id, TableId table,
                     std::vector<Outgoing>& out) {
  const JobId job = scheduler_.JobOfTable(table);
  if (job == 0 || scheduler_.SubmitterOf(job) == from) {
    return tables_.Drop(from, request_id, table, out);
  }
  const Status used(StatusCode::kUnavailable,
                    "job " + std::to_string(job) + " uses the table; cancel the job first");
  out.push_back({from, wire::MakeFrame(wire::Refused::From(used), request_id)});
}

wire::ClusterStatus Head::StatusFor(NodeId asker) const {
  wire::ClusterStatus status;
  status.description = identity_.description;
  status.tables = tables_.List();
  for (wire::TableStatus& table : status.tables) table.job = scheduler_.JobOfTable(table.table);
  status.jobs = scheduler_.List();
  for (const auto& [id, member] : membership_.members()) {
    if (id == asker) continue;
    const bool submits = std::ranges::any_of(
        status.jobs, [&](const wire::JobSummary& job) { return job.submitter == member.name(); });
    if (member.role == wire::Role::kClient && !submits) continue;
    const auto silent = std::max(last_now_ - member.last_heard, runtime::Duration(0));
    status.nodes.push_back({.node = id,
                            .role = member.role,
                            .address = member.listen_address,
                            .description = member.description,
                            .silent_ns = static_cast<std::uint64_t>(silent.count()),
                            .job = scheduler_.JobOfWorker(id),
                            .memory = tables_.MemoryOf(id)});
  }
  return status;
}

void Head::LogMember(NodeId id) {
  if (id <= newest_) return;  // It came back.
  newest_ = id;
  const coord::Member* member = membership_.Find(id);
  if (log_ && member->role != wire::Role::kClient) log_(member->name() + " joined");
}

void Head::HandleDepartures(const std::vector<Departure>& departures, std::vector<Outgoing>& out) {
  for (const Departure& gone : departures) {
    if (log_ && gone.member.role != wire::Role::kClient) log_(gone.why.ToString());
    tables_.OnDeparture(gone, out);
    calls_.OnDeparture(gone, out);
    scheduler_.OnDeparture(gone, out);
    if (gone.member.role == wire::Role::kClient)
      retirements_.Add(client::OwnStream(gone.member.id), out);
  }
}

void Head::OnClose(Transport& transport, LinkId link, const Status&) {
  acceptor_.OnClose(link);
  membership_.OnClose(transport.now(), link);
}

void Head::OnWake(Transport& transport) {
  std::vector<Outgoing> out;
  HandleDepartures(membership_.OnWake(transport.now()), out);
  Tick(transport, out);
}

void Head::Tick(Transport& transport, std::vector<Outgoing>& out) {
  last_now_ = transport.now();
  tables_.OnWake(last_now_, out);
  retirements_.OnWake(last_now_, out);
  calls_.OnWake(last_now_, out);
  scheduler_.OnWake(last_now_, out);
  SendAll(transport, out);
  if (const auto greeting = acceptor_.OnWake(transport)) transport.WakeAt(*greeting);
  transport.WakeAt(last_now_ + membership_.options().heartbeat);
}

void Head::SendAll(Transport& transport, std::vector<Outgoing>& out) {
  // Nobody waits for the answers: member 0 is nobody.
  for (const TableId table : scheduler_.TakeUnusedTables()) tables_.Drop(0, 0, table, out);
  for (const StreamId stream : scheduler_.TakeEndedStreams()) retirements_.Add(stream, out);
  for (Outgoing& outgoing : out) {
    const coord::Member* member = membership_.Find(outgoing.to);
    if (member == nullptr || member->link == 0)
      continue;  // What matters is repeated until it is answered.
    transport.Send(member->link, rpc::Stamp(std::move(outgoing.frame), identity_));
  }
  out.clear();
}

}  // namespace steelyard::job
