#include "server/server.h"

#include <algorithm>
#include <utility>

namespace steelyard::server {

using transport::LinkId;
using transport::Transport;
using wire::MessageType;

namespace {

constexpr runtime::Duration kStatsEvery = std::chrono::seconds(1);

}  // namespace

Server::Server(Options options)
    : identity_{.role = wire::Role::kServer,
                .incarnation = options.incarnation,
                .listen_address = std::move(options.listen_address),
                .description = std::move(options.description)},
      head_(std::move(options.head_address), &identity_),
      acceptor_(&identity_),
      shard_(options.incarnation, options.memory_bytes_max, std::move(options.user)),
      packed_(options.key_bytes_max, [this](TableId table, SegmentId segment, KeyRange range) {
        return shard_.FixedKeysOf(table, segment, range);
      }) {}

void Server::OnStart(Transport& transport) {
  head_.Start(transport);
  ArmAlarm(transport);
}

void Server::OnOpen(Transport& transport, LinkId link, bool accepted, const std::string& peer) {
  if (accepted) {
    acceptor_.OnOpen(transport.now(), link, peer);
  } else if (head_.Owns(link)) {
    head_.OnOpen(transport);
  }
  ArmAlarm(transport);
}

void Server::OnFrame(Transport& transport, LinkId link, wire::Frame frame) {
  if (head_.Owns(link)) {
    bool consumed = false;
    (void)head_.OnFrame(transport, frame, consumed);
    if (!consumed) OnHeadFrame(transport, frame);
    failure_ = head_.failure(transport.now());
    ArmAlarm(transport);
  } else if (acceptor_.PeerOf(link) != nullptr) {
    if (turns_.Admit(transport.now(), link, frame)) {
      OnRequest(transport, link, frame);
    } else {
      ArmAlarm(transport);
    }
  } else if (acceptor_.Owns(link)) {
    const auto hello = acceptor_.ReadHello(transport, link, frame);
    if (!hello) return;
    acceptor_.Welcome(transport, link, *hello, hello->node,
                      {.inflight_bytes_max = Shard::kWaitingBytesMax});
  }
}

void Server::OnHeadFrame(Transport& transport, const wire::Frame& frame) {
  if (frame.header.type == MessageType::kInstallView) {
    const auto install = wire::Decode<wire::InstallView>(frame.body.bytes());
    const Status status = install.ok() ? shard_.Install(install.value().view) : install.status();
    if (!status.ok()) {  // Said, not swallowed: the head repeats what is not answered.
      head_.Send(transport, wire::MakeFrame(wire::Refused::From(status), frame.header.request_id));
      return;
    }
    const wire::View& view = install.value().view;
    Epoch epoch = 0;
    for (const wire::SegmentView& segment : view.segments) epoch = std::max(epoch, segment.epoch);
    head_.Send(transport, wire::MakeFrame(wire::ViewReady{.table = view.table, .epoch = epoch},
                                          frame.header.request_id));
  } else if (frame.header.type == MessageType::kTableDrop) {
    const auto drop = wire::Decode<wire::TableDrop>(frame.body.bytes());
    if (!drop.ok()) return;
    Outbox outbox;
    shard_.Drop(drop.value().table, outbox);
    SendAll(transport, outbox);
    head_.Send(transport, wire::MakeFrame(wire::TableDropped{.table = drop.value().table},
                                          frame.header.request_id));
  } else if (frame.header.type == MessageType::kTableFreezable) {
    const auto asked = wire::Decode<wire::TableFreezable>(frame.body.bytes());
    const Status status = asked.ok() ? shard_.CheckFreezable(asked.value().table) : asked.status();
    const std::uint64_t id = frame.header.request_id;
    head_.Send(transport, status.ok() ? wire::MakeFrame(asked.value(), id)
                                      : wire::MakeFrame(wire::Refused::From(status), id));
  } else if (frame.header.type == MessageType::kTableFreeze) {
    const auto freeze = wire::Decode<wire::TableFreeze>(frame.body.bytes());
    const Status status = freeze.ok() ? shard_.Freeze(freeze.value()) : freeze.status();
    if (!status.ok()) {
      head_.Send(transport, wire::MakeFrame(wire::Refused::From(status), frame.header.request_id));
      return;
    }
    TellFrozen(transport, freeze.value().table);
  } else if (frame.header.type == MessageType::kRetireStream) {
    const auto retire = wire::Decode<wire::RetireStream>(frame.body.bytes());
    if (!retire.ok()) return;
    Outbox outbox;
    head_.Send(transport, shard_.Retire(retire.value(), frame.header.request_id, outbox));
    SendAll(transport, outbox);
  }
}

void Server::TellFrozen(Transport& transport, TableId table) {
  const auto frozen = shard_.FrozenKeysOf(table);
  if (frozen) head_.Send(transport, wire::MakeFrame(*frozen, table));
}

template <typename Request>
Result<bool> Server::Unpack(LinkId link, Request& request) {
  const bool keeps = request.packed.form == wire::Form::kKept;
  Result<bool> has_keys = packed_.Unpack(link, request);
  if (keeps) shard_.NoteKeyLists(packed_.key_bytes());
  return has_keys;
}

Status Server::OnPush(Transport& transport, LinkId link, const wire::Frame& frame, Outbox& outbox) {
  const std::uint64_t id = frame.header.request_id;
  auto push = wire::DecodePush(frame.body.bytes());
  if (!push.ok()) return push.status();
  const runtime::Time began = transport.now();
  const auto has_keys = Unpack(link, push.value());
  if (!has_keys.ok()) return has_keys.status();
  if (!has_keys.value()) {
    outbox.emplace_back(link, AskForKeys(push.value(), id));
    return {};
  }
  shard_.Push(link, push.value(), id, outbox);
  shard_.NoteDuration(push.value().table, transport.now() - began);
  return {};
}

Status Server::OnBlocks(LinkId link, const wire::Frame& frame, Outbox& outbox) {
  const std::uint64_t id = frame.header.request_id;
  if (frame.header.type == MessageType::kBlockStep) {
    auto step = wire::Decode<wire::BlockStep>(frame.body.bytes());
    if (!step.ok()) return step.status();
    return shard_.StepBlocks(link, std::move(step.value()), id, outbox);
  }
  const auto join = wire::Decode<wire::BlockJoin>(frame.body.bytes());
  if (!join.ok()) return join.status();
  const auto joined = shard_.JoinBlocks(join.value());
  if (!joined.ok()) return joined.status();
  outbox.emplace_back(link, wire::MakeFrame(joined.value(), id));
  return {};
}

Result<wire::Frame> Server::AnswerInsight(const wire::Frame& frame) const {
  const std::uint64_t id = frame.header.request_id;
  if (frame.header.type == MessageType::kHotKeysGet) {
    const auto get = wire::Decode<wire::HotKeysGet>(frame.body.bytes());
    if (!get.ok()) return get.status();
    const auto counts = shard_.HotKeysOf(get.value());
    if (!counts.ok()) return counts.status();
    return wire::MakeFrame(counts.value(), id);
  }
  const auto get = wire::Decode<wire::ClocksGet>(frame.body.bytes());
  if (!get.ok()) return get.status();
  const auto clocks = shard_.ClocksOf(get.value());
  if (!clocks.ok()) return clocks.status();
  return wire::MakeFrame(clocks.value(), id);
}

void Server::OnRequest(Transport& transport, LinkId link, const wire::Frame& frame) {
  const std::uint64_t id = frame.header.request_id;
  Outbox outbox;
  switch (frame.header.type) {
    case MessageType::kPush: {
      const Status status = OnPush(transport, link, frame, outbox);
      if (!status.ok()) return Refuse(transport, link, id, status);
      break;
    }
    case MessageType::kPull: {
      auto pull = wire::DecodePull(frame.body.bytes());
      if (!pull.ok()) return Refuse(transport, link, id, pull.status());
      const bool plain = pull.value().packed.form == wire::Form::kPlain;
      const auto has_keys = Unpack(link, pull.value());
      if (!has_keys.ok()) return Refuse(transport, link, id, has_keys.status());
      if (!has_keys.value()) {
        outbox.emplace_back(link, AskForKeys(pull.value(), id));
        break;
      }
      shard_.Pull(link, pull.value(), id, plain ? frame.body : Buffer(), outbox);
      break;
    }
    case MessageType::kOpenStream: {
      const auto open = wire::Decode<wire::OpenStream>(frame.body.bytes());
      if (!open.ok()) return Refuse(transport, link, id, open.status());
      turns_.Assign(link, open.value().group);
      shard_.Open(link, open.value(), id, outbox);
      break;
    }
    case MessageType::kRetireStream: {
      const auto retire = wire::Decode<wire::RetireStream>(frame.body.bytes());
      if (!retire.ok()) return Refuse(transport, link, id, retire.status());
      wire::Frame answer = shard_.Retire(retire.value(), id, outbox);
      outbox.emplace_back(link, std::move(answer));
      break;
    }
    case MessageType::kScan: {
      const auto scan = wire::DecodeScan(frame.body.bytes());
      if (!scan.ok()) return Refuse(transport, link, id, scan.status());
      outbox.emplace_back(link, shard_.Scan(scan.value(), id));
      break;
    }
    case MessageType::kBlockJoin:
    case MessageType::kBlockStep: {
      const Status status = OnBlocks(link, frame, outbox);
      if (!status.ok()) return Refuse(transport, link, id, status);
      break;
    }
    case MessageType::kCall: {
      auto call = wire::Decode<wire::Call>(frame.body.bytes());
      if (!call.ok()) return Refuse(transport, link, id, call.status());
      shard_.Call(link, std::move(call.value()), id, outbox);
      ArmAlarm(transport);
      break;
    }
    case MessageType::kHotKeysGet:
    case MessageType::kClocksGet: {
      const Result<wire::Frame> answer = AnswerInsight(frame);
      if (!answer.ok()) return Refuse(transport, link, id, answer.status());
      outbox.emplace_back(link, answer.value());
      break;
    }
    case MessageType::kHello:
      acceptor_.WelcomeAgain(transport, link);
      break;
    default:
      return Refuse(
          transport, link, id,
          Status(StatusCode::kInvalidArgument, std::string("a server does not take ") +
                                                   wire::MessageTypeName(frame.header.type)));
  }
  SendAll(transport, outbox);
}

void Server::Refuse(Transport& transport, LinkId link, std::uint64_t request_id,
                    const Status& why) {
  transport.Send(link,
                 rpc::Stamp(wire::MakeFrame(wire::Refused::From(why), request_id), identity_));
  if (why.code() ==
      StatusCode::kCorruption) {  // The peer's encoder is wrong: nothing it sends can be trusted.
    transport.Close(link);
    OnClose(transport, link, why);
  }
}

void Server::SendAll(Transport& transport, Outbox& outbox) {
  for (auto& [link, frame] : outbox) transport.Send(link, rpc::Stamp(std::move(frame), identity_));
}

void Server::OnClose(Transport& transport, LinkId link, const Status& why) {
  if (head_.Owns(link)) {
    (void)head_.OnClose(transport, why);
  } else {
    shard_.ForgetLink(link);
    packed_.ForgetLink(link);
    shard_.NoteKeyLists(packed_.key_bytes());
    turns_.ForgetLink(link);
    acceptor_.OnClose(link);
  }
  ArmAlarm(transport);
}

void Server::OnWake(Transport& transport) {
  (void)head_.OnWake(transport);
  failure_ = head_.failure(transport.now());
  SendStats(transport);
  if (const auto table = shard_.ContinueFreezing()) TellFrozen(transport, *table);
  turns_.Turn([&](LinkId link, const wire::Frame& frame) { OnRequest(transport, link, frame); });
  Outbox outbox;
  shard_.ContinueCalls(outbox);
  SendAll(transport, outbox);
  ArmAlarm(transport);
}

void Server::SendStats(Transport& transport) {
  if (!head_.ready() || transport.now() < next_stats_) return;
  next_stats_ = transport.now() + kStatsEvery;
  const wire::TableStats stats{
      .tables = shard_.Sizes(),
      .memory = {.key_lists = packed_.key_bytes(),
                 .clocks = shard_.clock_bytes(),
                 .waiting = shard_.waiting_bytes() + turns_.waiting_bytes()}};
  head_.Send(transport, wire::MakeFrame(stats));
}

void Server::ArmAlarm(Transport& transport) {
  const auto greeting = acceptor_.OnWake(transport);
  if (greeting) transport.WakeAt(*greeting);
  if (const auto head = head_.next_wake()) transport.WakeAt(*head);
  if (shard_.freezing() || shard_.calling() || turns_.waiting()) transport.WakeAt(transport.now());
}

}  // namespace steelyard::server
