#include "job/submitter.h"

#include <algorithm>
#include <utility>

namespace steelyard::job {

using transport::LinkId;
using transport::Transport;
using wire::MessageType;

namespace {

constexpr runtime::Duration kAskAgainAfter = std::chrono::milliseconds(250);
constexpr std::uint32_t kScanRows = 32'768;
/// Submitters' streams lie above those that the scheduler gives to worker slots.
constexpr StreamId kSubmitterStreams = StreamId{1} << 31;
// One request of each kind is outstanding at a time: fixed ids make repeats recognisable.
constexpr std::uint64_t kCreateRequest = 1;
constexpr std::uint64_t kSubmitRequest = 2;
constexpr std::uint64_t kDropRequest = 3;

std::vector<wire::ShardSpec> ToSpecs(const std::vector<data::Shard>& shards) {
  std::vector<wire::ShardSpec> specs;
  specs.reserve(shards.size());
  for (const data::Shard& shard : shards) {
    specs.push_back({.file = shard.file,
                     .first_byte = shard.first_byte,
                     .byte_count = shard.byte_count,
                     .first_row = shard.first_row,
                     .row_count = shard.row_count});
  }
  return specs;
}

}  // namespace

Submitter::Submitter(Options options, JobPlan plan, JobEvents events)
    : identity_{.role = wire::Role::kClient,
                .node = 0,
                .incarnation = options.incarnation,
                .cluster_id = 0,
                .listen_address = {},
                .description = std::move(options.description)},
      head_(std::move(options.head_address), &identity_),
      client_(&identity_, {}),
      start_max_(options.start_max),
      plan_(std::move(plan)),
      events_(std::move(events)) {}

void Submitter::OnStart(Transport& transport) {
  started_ = transport.now();
  head_.Start(transport);
  ArmAlarm(transport);
}

void Submitter::Enter(Transport& transport, State state) {
  state_ = state;
  Ask(transport);
}

/// Send the request of this state; repeated until it is answered.
void Submitter::Ask(Transport& transport) {
  asked_at_ = transport.now();
  switch (state_) {
    case State::kCreating:
      return head_.Send(
          transport, wire::MakeFrame(
                         wire::TableCreate{.spec = {plan_.table}, .servers_min = plan_.servers_min},
                         kCreateRequest));
    case State::kSubmitting: {
      wire::JobSubmit submit;
      submit.parameters = ToPairs(plan_.parameters);
      submit.table = view_.table;
      submit.slot_count = plan_.slot_count;
      submit.rows_total = plan_.rows_total;
      submit.shards = ToSpecs(plan_.shards);
      submit.valid_shards = ToSpecs(plan_.valid_shards);
      return head_.Send(transport, wire::MakeFrame(submit, kSubmitRequest));
    }
    case State::kNames:
      return head_.Send(transport,
                        wire::MakeFrame(wire::NamesGet{.job = job_, .index = names_index_}));
    default:
      return;
  }
}

void Submitter::OnOpen(Transport& transport, LinkId link, bool accepted, const std::string&) {
  if (accepted) {
    transport.Close(link);
  } else if (head_.Owns(link)) {
    head_.OnOpen(transport);
  } else {
    client_.OnOpen(transport, link);
  }
  ArmAlarm(transport);
}

void Submitter::OnFrame(Transport& transport, LinkId link, wire::Frame frame) {
  if (head_.Owns(link)) {
    bool consumed = false;
    const auto event = head_.OnFrame(transport, frame, consumed);
    if (event == rpc::Channel::Event::kReady && state_ == State::kJoining)
      Enter(transport, State::kCreating);
    if (!consumed) OnHeadFrame(transport, frame);
  } else {
    client_.OnFrame(transport, link, frame);
  }
  ArmAlarm(transport);
}

void Submitter::OnHeadFrame(Transport& transport, const wire::Frame& frame) {
  switch (frame.header.type) {
    case MessageType::kView: {
      const auto view = wire::Decode<wire::View>(frame.body.bytes());
      if (view.ok() && state_ == State::kCreating) OnView(transport, view.value());
      return;
    }
    case MessageType::kJobAccepted: {
      const auto accepted = wire::Decode<wire::JobAccepted>(frame.body.bytes());
      if (!accepted.ok() || state_ != State::kSubmitting) return;
      job_ = accepted.value().job;
      return Enter(transport, State::kFollowing);
    }
    case MessageType::kJobStatus: {
      const auto status = wire::Decode<wire::JobStatus>(frame.body.bytes());
      const bool follows = state_ == State::kFollowing || state_ == State::kKeeping;
      if (status.ok() && follows && status.value().job == job_) {
        OnStatus(transport, status.value());
      }
      return;
    }
    case MessageType::kNames: {
      const auto names = wire::Decode<wire::Names>(frame.body.bytes());
      if (names.ok() && state_ == State::kNames && names.value().index == names_index_) {
        OnNames(transport, names.value());
      }
      return;
    }
    case MessageType::kRefused: {
      const auto refused = wire::Decode<wire::Refused>(frame.body.bytes());
      const bool expected =
          (state_ == State::kCreating && frame.header.request_id == kCreateRequest) ||
          (state_ == State::kSubmitting && frame.header.request_id == kSubmitRequest);
      if (refused.ok() && expected) End(transport, refused.value().ToStatus());
      return;
    }
    default:
      return;  // A later head may tell us what we can ignore.
  }
}

void Submitter::OnView(Transport& transport, const wire::View& view) {
  view_ = view;
  Enter(transport, State::kAttaching);
  client_.Attach(
      transport, view_,
      {.group = 0, .stream = kSubmitterStreams + identity_.node, .session = 1, .first_step = 0},
      [this, &transport](const Status& status) {
        if (state_ != State::kAttaching) return;
        if (!status.ok()) return End(transport, status);
        Enter(transport, State::kLoading);
        LoadRows(transport);
      });
}

void Submitter::LoadRows(Transport& transport) {
  if (state_ != State::kLoading) return;
  client::PushRequest request;
  request.columns = wire::Columns::kRows;
  request.floats_per_key = plan_.row_floats;
  if (events_.next_initial_rows) {
    const Status status = events_.next_initial_rows(request.keys, request.floats);
    if (!status.ok()) return End(transport, status);
  }
  if (request.keys.empty()) return Enter(transport, State::kSubmitting);
  const auto pushed = client_.Push(transport, view_.table, std::move(request),
                                   [this, &transport](const Status& status) {
                                     if (!status.ok()) return End(transport, status);
                                     LoadRows(transport);
                                   });
  if (!pushed.ok()) End(transport, pushed.status());
}

void Submitter::OnStatus(Transport& transport, const wire::JobStatus& status) {
  waiting_ = status.state == wire::JobState::kWaiting ? status.message : "";
  if (events_.on_status) events_.on_status(status);
  if (status.state == wire::JobState::kFailed) {
    return End(transport, Status(status.code, status.message, status.where));
  }
  if (state_ == State::kKeeping) return;
  result_pass_ = status.kept_pass;
  if (status.state == wire::JobState::kDone) {
    if (plan_.parameters.keep_names) return Enter(transport, State::kNames);
    return Finish(transport);
  }
  if (!status.keep) return;
  if (kept_pass_ && status.pass < *kept_pass_) return;         // Late.
  if (kept_pass_ == status.pass) return SendKept(transport);  // The first one was lost.
  pass_ = status.pass;
  StartScan(transport, State::kKeeping);
}

void Submitter::SendKept(Transport& transport) {
  head_.Send(transport, wire::MakeFrame(wire::JobKept{.job = job_, .pass = pass_}));
}

void Submitter::Finish(Transport& transport) {
  if (kept_pass_ == result_pass_) return End(transport, {});
  pass_ = result_pass_;
  StartScan(transport, State::kScanning);
}

void Submitter::OnNames(Transport& transport, const wire::Names& names) {
  if (events_.on_names) {
    const Status status = events_.on_names(names.names);
    if (!status.ok()) return End(transport, status);
  }
  ++names_index_;
  if (!names.last) return Enter(transport, State::kNames);
  Finish(transport);
}

void Submitter::StartScan(Transport& transport, State state) {
  scan_segment_ = 0;
  scan_first_ = 0;
  kept_pass_.reset();
  if (events_.on_first_row) events_.on_first_row();
  Enter(transport, state);
  ScanNext(transport);
}

void Submitter::EndScan(Transport& transport) {
  if (state_ == State::kScanning) return End(transport, {});
  kept_pass_ = pass_;
  Enter(transport, State::kFollowing);
  SendKept(transport);
}

void Submitter::ScanNext(Transport& transport) {
  if (state_ != State::kScanning && state_ != State::kKeeping) return;
  if (scan_segment_ == view_.segments.size()) return EndScan(transport);
  const Status status = client_.Scan(transport, view_.table,
                                     {.segment = scan_segment_,
                                      .first = scan_first_,
                                      .rows_max = kScanRows,
                                      .columns = wire::Columns::kRows},
                                     [this, &transport](Result<client::Scanned> scanned) {
                                       OnScanned(transport, std::move(scanned));
                                     });
  if (!status.ok()) End(transport, status);
}

void Submitter::OnScanned(Transport& transport, Result<client::Scanned> scanned) {
  if (state_ != State::kScanning && state_ != State::kKeeping) return;
  if (!scanned.ok()) return End(transport, scanned.status());
  const client::Scanned& rows = scanned.value();
  if (events_.on_rows && !rows.keys.empty()) {
    const Status status = events_.on_rows(rows.keys, rows.floats);
    if (!status.ok()) return End(transport, status);
  }
  const bool last_key = !rows.keys.empty() && rows.keys.back() == kKeyMax;
  if (rows.end || rows.keys.empty() || last_key) {
    ++scan_segment_;
    scan_first_ = scan_segment_ < view_.segments.size() ? view_.segments[scan_segment_].first : 0;
  } else {
    scan_first_ = rows.keys.back() + 1;
  }
  ScanNext(transport);
}

void Submitter::Cancel(Transport& transport, const Status& why) {
  End(transport, why);
}

void Submitter::End(Transport& transport, const Status& status) {
  if (state_ == State::kEnded) return;
  state_ = State::kEnded;
  if (job_ != 0) {
    head_.Send(transport,
               wire::MakeFrame(wire::JobCancel{.job = job_, .reason = status.ToString()}));
  }
  if (view_.table != 0) {
    head_.Send(transport, wire::MakeFrame(wire::TableDrop{.table = view_.table}, kDropRequest));
    client_.Detach(transport, view_.table, Status(StatusCode::kCancelled, "the job ended"));
  }
  if (events_.on_end) events_.on_end(status);
}

void Submitter::OnClose(Transport& transport, LinkId link, const Status& why) {
  if (head_.Owns(link)) {
    (void)head_.OnClose(transport, why);
  } else {
    client_.OnClose(transport, link, why);
  }
  ArmAlarm(transport);
}

void Submitter::OnWake(Transport& transport) {
  (void)head_.OnWake(transport);
  client_.OnWake(transport);
  if (state_ != State::kEnded) {
    const runtime::Time now = transport.now();
    const Status lost = head_.failure(now);
    if (!lost.ok()) {
      End(transport, lost);
    } else if (now - started_ > start_max_ && (state_ <= State::kCreating || !waiting_.empty())) {
      std::string what = waiting_;
      if (state_ == State::kJoining)
        what = "waiting for the head: " + head_.channel().last_error().ToString();
      if (state_ == State::kCreating) {
        what = "waiting for " + std::to_string(plan_.servers_min) + " servers to hold the table";
      }
      End(transport,
          Status(StatusCode::kUnavailable, "the job did not start within " +
                                               std::to_string(start_max_.count() / 1'000'000'000) +
                                               " s: " + what));
    } else if (now >= asked_at_ + kAskAgainAfter) {
      Ask(transport);
    }
  }
  ArmAlarm(transport);
}

void Submitter::ArmAlarm(Transport& transport) {
  if (const auto head = head_.next_wake()) transport.WakeAt(*head);
  if (const auto client = client_.next_wake()) transport.WakeAt(*client);
  if (state_ != State::kEnded) transport.WakeAt(asked_at_ + kAskAgainAfter);
}

}  // namespace steelyard::job
