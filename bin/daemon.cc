// Signals, the loopback rule, the common flags, and a member's life from head to head.
#include "daemon.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <utility>

#include "exit_code.h"
#include "runtime/real_signals.h"

namespace steelyard::cli {
namespace {

using namespace std::chrono_literals;

constexpr const char* kAllowRemote = "insecure-allow-remote";
constexpr auto kWarnEvery = 60s;
constexpr std::uint64_t kSpinMax = 1000;
// The first word about a head that is not there, and the longest silence about it.
constexpr runtime::Duration kFirstWaitMessage = 1s;
constexpr runtime::Duration kWaitMessageMax = 60s;

bool IsLoopback(const std::string& address) {
  const std::string host = address.substr(0, address.rfind(':'));
  return host == "localhost" || host == "[::1]" || host.starts_with("127.") ||
         address.starts_with("unix:");
}

/// Says that the head is waited for: after a second, then ever more rarely.
class WaitMessages {
 public:
  explicit WaitMessages(std::string head_address) : head_address_(std::move(head_address)) {}

  void Restart(runtime::Time now) {
    interval_ = kFirstWaitMessage;
    due_ = now + interval_;
  }
  /// @return when to look again.
  runtime::Time Look(runtime::Time now, const rpc::HeadLink& head) {
    if (now < due_) return due_;
    const std::string why = head.channel().last_error().message();
    LogLine("waiting for the head at " + head_address_ + (why.empty() ? "" : ": " + why));
    interval_ = std::min(interval_ * 3, kWaitMessageMax);
    due_ = now + interval_;
    return due_;
  }

 private:
  std::string head_address_;
  runtime::Duration interval_ = kFirstWaitMessage;
  runtime::Time due_{0};
};

/// How one tenure of a node ended.
struct TenureEnd {
  Status failure;
  bool joined = false;
};

/// One node, from its start to its failure or the end of the loop.
class Tenure {
 public:
  Tenure(runtime::RealLoop& loop, std::string name, std::string head_address, bool once)
      : loop_(loop),
        name_(std::move(name)),
        head_address_(head_address),
        once_(once),
        messages_(std::move(head_address)),
        alarm_(loop, [this] { Look(); }) {}

  TenureEnd Run(transport::TcpTransport& transport, HostedNode& host, Member& member) {
    member_ = &member;
    host.Host(member.node(), [this] { AfterEvent(); });
    messages_.Restart(loop_.now());
    alarm_.RingAt(loop_.now() + kFirstWaitMessage);
    transport.Start();
    loop_.Run();
    alarm_.Cancel();
    return {member.failure(), joined_};
  }

 private:
  void AfterEvent() {
    const rpc::HeadLink& head = member_->head();
    if (head.ready() && !joined_) {
      joined_ = true;
      LogLine("joined the cluster at " + head_address_ + " as " + name_ + " " +
              std::to_string(head.channel().terms().your_node));
    }
    // A head that was never there may still come.
    const bool waits = !once_ && !joined_ && !head.refused();
    if (!member_->failure().ok() && !waits) loop_.Stop();
  }

  void Look() {
    if (member_->head().ready()) messages_.Restart(loop_.now());
    alarm_.RingAt(messages_.Look(loop_.now(), member_->head()));
  }

  runtime::RealLoop& loop_;
  std::string name_;
  std::string head_address_;
  bool once_;
  WaitMessages messages_;
  runtime::RealAlarm alarm_;
  Member* member_ = nullptr;
  bool joined_ = false;
};

}  // namespace

std::vector<Option> MemberOptions() {
  return {{.name = "head",
           .value = "HOST:PORT",
           .help = "address of the cluster's head",
           .required = true},
          {.name = "once", .help = "end when the head is gone, instead of waiting for another"},
          {.name = "spin",
           .value = "MICROSECONDS",
           .help = "look for the next request for so long before sleeping: answers come sooner, a "
                   "processor is busy",
           .range = "0 to 1000",
           .default_text = "0"}};
}

std::vector<Option> ListenOptions(const std::string& default_address) {
  return {{.name = "listen",
           .value = "HOST:PORT",
           .help = "where to take connections; port 0 is a free one",
           .default_text = default_address},
          {.name = kAllowRemote,
           .help = "allow a --listen address that other machines reach: anybody there can read and "
                   "change everything"}};
}

Status CheckListen(const Values& values, const std::string& address) {
  if (IsLoopback(address) || values.Switch(kAllowRemote)) return {};
  return Status(
      StatusCode::kInvalidArgument,
      "--listen takes loopback addresses only (127.0.0.1:0): other machines could connect to " +
          address + " without TLS or a token; --" + kAllowRemote +
          " takes that risk, in a network that only trusted people reach");
}

std::string ProcessDescription() {
  return "pid " + std::to_string(::getpid());
}

void LogLine(const std::string& text) {
  const auto now =
      std::chrono::time_point_cast<std::chrono::seconds>(std::chrono::system_clock::now());
  const std::string line = fmt::format("{:%FT%TZ} {}: {}\n", now, ProcessDescription(), text);
  std::fputs(line.c_str(), stderr);
}

RemoteWarning::RemoteWarning(runtime::RealLoop& loop, const Values& values, std::string address)
    : loop_(loop), address_(std::move(address)), alarm_(loop, [this] { Warn(); }) {
  if (!IsLoopback(address_) && values.Switch(kAllowRemote)) Warn();
}

void RemoteWarning::Warn() {
  LogLine("warning: anybody who reaches " + address_ + " can read and change everything (--" +
          kAllowRemote + ")");
  alarm_.RingAt(loop_.now() + kWarnEvery);
}

Status RunMember(const Values& values, const std::string& name, const std::string& listen,
                 const MakeMember& make) {
  const std::string head = values.Get("head");
  const bool once = values.Switch("once");
  if (!listen.empty()) SY_RETURN_IF_ERROR(CheckListen(values, listen));
  const Result<std::uint64_t> spin = values.GetCount("spin", 0, kSpinMax);
  if (!spin.ok()) return spin.status();
  runtime::RealLoop loop(std::chrono::microseconds(spin.value()));
  int signal = 0;
  const runtime::RealSignals signals(loop, [&](int number) {
    signal = number;
    loop.Stop();
  });
  std::optional<RemoteWarning> warning;
  std::string address = listen;
  for (;;) {
    HostedNode host;
    transport::TcpTransport transport(loop, host, {.same_host_names = true});
    if (!listen.empty()) {
      Result<std::string> listening = transport.Listen(address);
      if (!listening.ok()) return listening.status();
      address = std::move(listening.value());
      if (!warning) warning.emplace(loop, values, address);
    }
    const std::unique_ptr<Member> member = make(loop, transport, address);
    std::string who = name;
    if (!address.empty()) who.append(" at ").append(address);
    LogLine(who.append(" for the head at ").append(head));
    const TenureEnd end = Tenure(loop, name, head, once).Run(transport, host, *member);
    if (signal != 0) return Interrupted(signal);
    if (once || !end.joined) return end.failure;
    LogLine("starting anew without what it held: " + end.failure.ToString());
  }
}

}  // namespace steelyard::cli
