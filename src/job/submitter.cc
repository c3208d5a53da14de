#include "job/submitter.h"

#include <algorithm>
#include <utility>

#include "base/duration_text.h"

namespace steelyard::job {

using transport::Transport;
using wire::MessageType;

namespace {

/// A job that is not heard of for this long is asked for again: its submitter may have ended it meanwhile.
constexpr runtime::Duration kSilenceMax = std::chrono::seconds(2);
/// The first word about what is waited for.
constexpr runtime::Duration kFirstWord = std::chrono::seconds(1);
/// A server that the head has not heard for so long is named: it beats every 50 ms.
constexpr std::uint64_t kSilentNs = 1'000'000'000;
// One request of each kind is outstanding at a time: fixed ids make repeats recognisable.
constexpr std::uint64_t kCreateRequest = 1;
constexpr std::uint64_t kSubmitRequest = 2;
constexpr std::uint64_t kDropRequest = 3;
constexpr std::uint64_t kGetRequest = 4;
constexpr std::uint64_t kClusterRequest = 5;

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

Submitter::Submitter(Options options, Manner manner, JobPlan plan, JobEvents events)
    : MemberNode(wire::Role::kClient, std::move(options)),
      scan_(&client_),
      manner_(manner),
      plan_(std::move(plan)),
      events_(std::move(events)) {}

void Submitter::OnBegin(Transport& transport) {
  started_ = transport.now();
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
      head_.Send(transport, wire::MakeFrame(wire::TableCreate{.spec = {plan_.table},
                                                              .servers_min = plan_.servers_min,
                                                              .stays = plan_.detached},
                                            kCreateRequest));
      if (asked_at_ - started_ >= kFirstWord)
        head_.Send(transport, wire::MakeFrame(wire::ClusterGet{}, kClusterRequest));
      return;
    case State::kFinding:
      return head_.Send(transport,
                        wire::MakeFrame(wire::JobGet{.job = manner_.follow}, kGetRequest));
    case State::kFollowing:
      if (manner_.follow == 0 || asked_at_ - heard_of_job_ < kSilenceMax) return;
      return head_.Send(transport,
                        wire::MakeFrame(wire::JobGet{.job = manner_.follow}, kGetRequest));
    case State::kSubmitting: {
      wire::JobSubmit submit;
      submit.parameters = ToPairs(plan_.parameters);
      submit.table = view_.table;
      submit.slot_count = plan_.slot_count;
      submit.rows_total = plan_.rows_total;
      submit.shards = ToSpecs(plan_.shards);
      submit.valid_shards = ToSpecs(plan_.valid_shards);
      submit.detached = plan_.detached;
      submit.notes = plan_.notes;
      return head_.Send(transport, wire::MakeFrame(submit, kSubmitRequest));
    }
    case State::kNames:
      return head_.Send(transport,
                        wire::MakeFrame(wire::NamesGet{.job = job_, .index = names_index_}));
    default:
      return;
  }
}

void Submitter::OnHeadReady(Transport& transport) {
  said_.clear();
  if (state_ == State::kJoining)
    Enter(transport, manner_.follow == 0 ? State::kCreating : State::kFinding);
}

void Submitter::OnHeadFrame(Transport& transport, wire::Frame frame) {
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
      left_ = plan_.detached;
      if (left_) return End(transport, {});
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
    case MessageType::kJobInfo: {
      const auto info = wire::Decode<wire::JobInfo>(frame.body.bytes());
      if (info.ok() && state_ == State::kFinding) OnInfo(transport, info.value());
      return;
    }
    case MessageType::kClusterStatus: {
      const auto status = wire::Decode<wire::ClusterStatus>(frame.body.bytes());
      if (status.ok()) OnClusterStatus(status.value());
      return;
    }
    case MessageType::kRefused: {
      const auto refused = wire::Decode<wire::Refused>(frame.body.bytes());
      if (refused.ok()) OnRefused(transport, frame.header.request_id, refused.value().ToStatus());
      return;
    }
    default:
      return;  // A later head may tell us what we can ignore.
  }
}

void Submitter::OnRefused(Transport& transport, std::uint64_t request_id, const Status& why) {
  const bool expected =
      (state_ == State::kCreating && request_id == kCreateRequest) ||
      (state_ == State::kSubmitting && request_id == kSubmitRequest) ||
      ((state_ == State::kFinding || state_ == State::kFollowing) && request_id == kGetRequest);
  if (expected) End(transport, why);
}

void Submitter::OnView(Transport& transport, const wire::View& view) {
  view_ = view;
  Attach(transport, [this, &transport] {
    Enter(transport, State::kLoading);
    LoadRows(transport);
  });
}

void Submitter::OnInfo(Transport& transport, const wire::JobInfo& info) {
  job_ = info.job;
  auto parameters = FromPairs(info.parameters);
  if (!parameters.ok()) return End(transport, parameters.status());
  plan_.parameters = std::move(parameters.value());
  if (events_.on_info) {
    if (const Status status = events_.on_info(info); !status.ok()) return End(transport, status);
  }
  heard_of_job_ = transport.now();
  if (!manner_.fetch) return Enter(transport, State::kFollowing);
  view_ = info.view;
  Attach(transport, [this, &transport] { Enter(transport, State::kFollowing); });
}

void Submitter::OnClusterStatus(const wire::ClusterStatus& status) {
  const auto servers =
      std::ranges::count(status.nodes, wire::Role::kServer, &wire::NodeStatus::role);
  servers_ =
      ": " + std::to_string(servers) + " of " + std::to_string(plan_.servers_min) + " are there";
  for (const wire::NodeStatus& node : status.nodes) {
    if (node.role != wire::Role::kServer || node.silent_ns < kSilentNs) continue;
    servers_ += "; server " + std::to_string(node.node) + " (" + node.address + ", " +
                node.description + ") does not answer";
  }
}

void Submitter::Attach(Transport& transport, std::function<void()> then) {
  Enter(transport, State::kAttaching);
  AttachAlone(transport, view_, [this, &transport, then = std::move(then)](const Status& status) {
    if (state_ != State::kAttaching) return;
    if (!status.ok()) return End(transport, status);
    then();
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
  heard_of_job_ = transport.now();
  waiting_ = status.state == wire::JobState::kWaiting ? status.message : "";
  Waits(waiting_);
  if (events_.on_status) events_.on_status(status);
  if (status.state == wire::JobState::kFailed) {
    return End(transport, Status(status.code, status.message, status.where));
  }
  if (state_ == State::kKeeping) return;
  result_pass_ = status.kept_pass;
  const bool reads = manner_.follow == 0 || manner_.fetch;
  if (status.state == wire::JobState::kDone) {
    if (!reads) return End(transport, {});
    if (plan_.parameters.keep_names) return Enter(transport, State::kNames);
    return Finish(transport);
  }
  if (!status.keep || manner_.follow != 0) return;
  if (kept_pass_ && status.pass < *kept_pass_) return;        // Late.
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
  kept_pass_.reset();
  if (events_.on_first_row) events_.on_first_row();
  Enter(transport, state);
  scan_.Start(transport, view_,
              {.on_rows = events_.on_rows,
               .on_end = [this, &transport](const Status& status) { EndScan(transport, status); }});
}

void Submitter::EndScan(Transport& transport, const Status& status) {
  if (!status.ok() || state_ == State::kScanning) return End(transport, status);
  kept_pass_ = pass_;
  Enter(transport, State::kFollowing);
  SendKept(transport);
}

void Submitter::Cancel(Transport& transport, const Status& why) {
  End(transport, why);
}

void Submitter::End(Transport& transport, const Status& status) {
  if (state_ == State::kEnded) return;
  state_ = State::kEnded;
  scan_.Stop();
  const bool cleans_up = manner_.follow == 0 && !left_;
  if (job_ != 0 && cleans_up) {
    head_.Send(transport,
               wire::MakeFrame(wire::JobCancel{.job = job_, .reason = status.ToString()}));
  }
  if (view_.table != 0) {
    if (cleans_up)
      head_.Send(transport, wire::MakeFrame(wire::TableDrop{.table = view_.table}, kDropRequest));
    client_.Detach(transport, view_.table, Status(StatusCode::kCancelled, "the job ended"));
  }
  if (events_.on_end) events_.on_end(status);
}

void Submitter::OnTurn(Transport& transport) {
  if (state_ == State::kEnded) return;
  const runtime::Time now = transport.now();
  const Status lost = head_.failure(now);
  if (!lost.ok()) {
    End(transport, lost);
  } else if (SaysWhatItWaitsFor(now) && now - started_ > manner_.start_max) {
    End(transport,
        Status(StatusCode::kUnavailable,
               "the job did not start within " + DurationText(manner_.start_max) + ": " + said_));
  } else if (now >= asked_at_ + kAskAgainAfter) {
    Ask(transport);
  }
}

std::optional<runtime::Time> Submitter::next_turn() const {
  if (state_ == State::kEnded) return {};
  return asked_at_ + kAskAgainAfter;
}

void Submitter::Waits(const std::string& what) {
  if (what == said_) return;
  said_ = what;
  if (events_.on_waiting) events_.on_waiting(what);
}

/// @return true when it waits for something.
bool Submitter::SaysWhatItWaitsFor(runtime::Time now) {
  const bool away = !head_.ready() && now - head_.channel().down_since() >= kFirstWord;
  if (away && state_ > State::kFinding) WaitsForHead();
  if (state_ == State::kFollowing) return !waiting_.empty();
  if (state_ > State::kFinding) return false;
  if (now - started_ < kFirstWord) return true;
  if (state_ == State::kCreating) {
    if (servers_.empty() && now - started_ < 2 * kFirstWord)
      return true;  // The head is being asked.
    const std::string needed =
        plan_.servers_min == 1 ? "a server" : std::to_string(plan_.servers_min) + " servers";
    Waits("waiting for " + needed + " to hold the table" + servers_);
  } else {
    WaitsForHead();
  }
  return true;
}

void Submitter::WaitsForHead() {
  const std::string why = head_.channel().last_error().message();
  Waits("waiting for the head at " + head_.channel().options().address +
        (why.empty() ? "" : ": " + why));
}

}  // namespace steelyard::job
