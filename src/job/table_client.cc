#include "job/table_client.h"

#include <utility>

namespace steelyard::job {

using transport::Transport;
using wire::MessageType;

namespace {

constexpr std::uint64_t kFindRequest = 1;
constexpr std::uint64_t kDropRequest = 2;

}  // namespace

TableClient::TableClient(Options options, Work work, Events events)
    : MemberNode(wire::Role::kClient, std::move(options)),
      scan_(&client_),
      work_(std::move(work)),
      events_(std::move(events)) {}

/// Ask for the table; repeated until it is answered.
void TableClient::Ask(Transport& transport) {
  asked_at_ = transport.now();
  if (state_ != State::kFinding) return;
  if (work_.fill) {
    const wire::TableCreate create{.spec = {work_.table}, .servers_min = 1, .stays = true};
    head_.Send(transport, wire::MakeFrame(create, kFindRequest));
  } else {
    const wire::ViewGet get{.table = 0, .name = work_.table.name};
    head_.Send(transport, wire::MakeFrame(get, kFindRequest));
  }
}

void TableClient::OnHeadReady(Transport& transport) {
  if (state_ != State::kJoining) return;
  state_ = State::kFinding;
  Ask(transport);
}

void TableClient::OnHeadFrame(Transport& transport, wire::Frame frame) {
  if (state_ != State::kFinding || frame.header.request_id != kFindRequest) return;
  if (frame.header.type == MessageType::kView) {
    auto view = wire::Decode<wire::View>(frame.body.bytes());
    if (view.ok()) OnView(transport, std::move(view.value()));
  } else if (frame.header.type == MessageType::kRefused) {
    const auto refused = wire::Decode<wire::Refused>(frame.body.bytes());
    if (refused.ok()) End(transport, refused.value().ToStatus());
  }
}

void TableClient::OnView(Transport& transport, wire::View view) {
  view_ = std::move(view);
  if (events_.on_view) {
    if (const Status status = events_.on_view(view_); !status.ok()) return End(transport, status);
  }
  state_ = State::kAttaching;
  AttachAlone(transport, view_, [this, &transport](const Status& status) {
    if (state_ != State::kAttaching) return;
    if (!status.ok()) return End(transport, status);
    Begin(transport);
  });
}

void TableClient::Begin(Transport& transport) {
  state_ = State::kWorking;
  if (work_.fill) return FillNext(transport);
  scan_.Start(transport, view_,
              {.on_rows = events_.on_rows,
               .on_end = [this, &transport](const Status& status) { End(transport, status); }});
}

void TableClient::FillNext(Transport& transport) {
  if (state_ != State::kWorking) return;
  client::PushRequest request;
  request.columns = wire::Columns::kRows;
  request.floats_per_key = work_.row_floats;
  if (events_.next_rows) events_.next_rows(request.keys, request.floats);
  if (request.keys.empty()) return End(transport, {});
  const auto pushed = client_.Push(transport, view_.table, std::move(request),
                                   [this, &transport](const Status& status) {
                                     if (!status.ok()) return End(transport, status);
                                     FillNext(transport);
                                   });
  if (!pushed.ok()) End(transport, pushed.status());
}

void TableClient::End(Transport& transport, const Status& status) {
  if (state_ == State::kEnded) return;
  state_ = State::kEnded;
  scan_.Stop();
  if (view_.table != 0) {
    if (work_.fill && !status.ok())
      head_.Send(transport, wire::MakeFrame(wire::TableDrop{.table = view_.table}, kDropRequest));
    client_.Detach(transport, view_.table, Status(StatusCode::kCancelled, "the work ended"));
  }
  if (events_.on_end) events_.on_end(status);
}

void TableClient::OnTurn(Transport& transport) {
  if (state_ == State::kEnded) return;
  const Status lost = head_.failure(transport.now());
  if (!lost.ok()) {
    End(transport, lost);
  } else if (transport.now() >= asked_at_ + kAskAgainAfter) {
    Ask(transport);
  }
}

std::optional<runtime::Time> TableClient::next_turn() const {
  if (state_ == State::kEnded) return {};
  return asked_at_ + kAskAgainAfter;
}

}  // namespace steelyard::job
