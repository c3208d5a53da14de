// Signals, the loopback rule, the common flags, and a member's life from head to head.
#include "daemon.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <thread>
#include <utility>

#include "cluster_call.h"
#include "exit_code.h"
#include "node_host.h"
#include "runtime/real_signals.h"

namespace steelyard::cli {
namespace {

using namespace std::chrono_literals;

constexpr const char* kAllowRemote = "insecure-allow-remote";
constexpr auto kWarnEvery = 60s;
constexpr std::uint64_t kSpinMax = 1000;
constexpr std::uint64_t kShardsMax = 1024;
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

/// The address of the member `index` of a process.
/// Errors: kInvalidArgument  its port would be none.
Result<std::string> AddressOf(const MemberKind& kind, std::size_t index) {
  constexpr std::size_t kPortMax = 65535;
  const std::string& listen = kind.listen;
  if (index == 0 || listen.empty() || listen.ends_with(":0") || listen == kLocalAddress)
    return listen;
  if (listen.starts_with("unix:")) return listen + "." + std::to_string(index);
  const std::size_t colon = listen.rfind(':');
  std::size_t port = 0;
  const char* const end = listen.data() + listen.size();
  const auto [stop, error] = std::from_chars(listen.data() + colon + 1, end, port);
  if (error != std::errc() || stop != end || port + index > kPortMax) {
    return Status(StatusCode::kInvalidArgument,
                  fmt::format("--listen {} leaves no port for each of {} shards, which take those "
                              "from there on",
                              listen, kind.count));
  }
  return fmt::format("{}:{}", listen.substr(0, colon), port + index);
}

/// One member after another on one loop: when their head is gone, the next head is waited for.
///
/// Threads: Run() on one thread; Stop() from any.
class MemberLoop {
 public:
  MemberLoop(const Values& values, runtime::Duration spin, const MemberKind& kind,
             std::string listen)
      : values_(values), kind_(kind), address_(std::move(listen)), loop_(spin) {}

  runtime::RealLoop& loop() { return loop_; }

  /// @return OK after Stop(); else why it cannot go on.
  Status Run(const MakeMember& make) {
    const std::string head = values_.Get("head");
    const bool once = values_.Switch("once");
    const bool listens = !address_.empty();
    std::optional<RemoteWarning> warning;
    for (;;) {
      HostedNode host;
      transport::TcpTransport transport(loop_, host, {.same_host_names = true});
      if (listens) {
        Result<std::string> listening = transport.Listen(address_);
        if (!listening.ok()) return listening.status();
        address_ = std::move(listening.value());
        if (!warning) warning.emplace(loop_, values_, address_);
      }
      const std::unique_ptr<Member> member = make(loop_, transport, address_);
      LogLine(kind_.name + (listens ? " at " + address_ : "") + " for the head at " + head);
      const TenureEnd end = Tenure(loop_, kind_.name, head, once).Run(transport, host, *member);
      if (stopped_) return {};
      if (once || !end.joined) return end.failure;
      LogLine("starting anew without what it held: " + end.failure.ToString());
    }
  }

  void Stop() {
    stopped_ = true;
    loop_.Stop();
  }

 private:
  const Values& values_;
  const MemberKind& kind_;
  std::string address_;
  runtime::RealLoop loop_;
  std::atomic<bool> stopped_ = false;
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

Option ShardsOption() {
  return {.name = "shards",
          .value = "N",
          .help =
              "shards of a server process, each a server to the cluster, with a thread and "
              "segments of its own; together they take a server's memory",
          .range = "1 to " + std::to_string(kShardsMax),
          .default_text = "1"};
}

Result<std::uint64_t> ShardsOf(const Values& values) {
  return values.GetCount("shards", 1, kShardsMax, 1);
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

Status RunMembers(const Values& values, const MemberKind& kind, const MakeMember& make) {
  SY_RETURN_IF_ERROR(CheckHeadAddress("--head", values.Get("head")));
  if (!kind.listen.empty()) SY_RETURN_IF_ERROR(CheckListen(values, kind.listen));
  const Result<std::uint64_t> spin = values.GetCount("spin", 0, kSpinMax);
  if (!spin.ok()) return spin.status();
  std::vector<std::unique_ptr<MemberLoop>> loops;
  for (std::size_t i = 0; i < kind.count; ++i) {
    Result<std::string> address = AddressOf(kind, i);
    if (!address.ok()) return address.status();
    loops.push_back(std::make_unique<MemberLoop>(values, std::chrono::microseconds(spin.value()),
                                                 kind, std::move(address.value())));
  }
  int signal = 0;
  const auto stop_all = [&loops] {
    for (const auto& loop : loops) loop->Stop();
  };
  const runtime::RealSignals signals(loops.front()->loop(), [&](int number) {
    signal = number;
    stop_all();
  });
  // What ends one ends all: the process is one thing to those who started it.
  std::vector<Status> ends(loops.size());
  const auto run = [&](std::size_t i) {
    ends[i] = loops[i]->Run(make);
    stop_all();
  };
  std::vector<std::jthread> threads;
  for (std::size_t i = 1; i < loops.size(); ++i) threads.emplace_back(run, i);
  run(0);
  threads.clear();
  if (signal != 0) return Interrupted(signal);
  const auto failed = std::ranges::find_if(ends, [](const Status& end) { return !end.ok(); });
  return failed == ends.end() ? Status() : *failed;
}

}  // namespace steelyard::cli
