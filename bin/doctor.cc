// steelyard doctor: what on this machine would keep a cluster or a job from running well, and what to do about it.
#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <sys/timex.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <limits>
#include <thread>
#include <vector>

#include "cluster_call.h"
#include "cluster_report.h"
#include "command.h"
#include "daemon.h"
#include "data/parquet_file.h"
#include "hosted_node.h"
#include "model_manifest.h"
#include "output.h"
#include "runtime/real_loop.h"
#include "runtime/real_machine.h"
#include "transport/tcp_transport.h"

namespace steelyard::cli {
namespace {

constexpr std::uint64_t kOpenFilesMin = 4096;
constexpr std::uint64_t kMemoryWarn = std::uint64_t{1} << 30;
constexpr std::uint64_t kMemoryMin = std::uint64_t{128} << 20;
constexpr std::uint64_t kDiskWarn = std::uint64_t{2} << 30;
constexpr std::uint64_t kDiskMin = std::uint64_t{64} << 20;
constexpr std::uint64_t kUnlimited = std::numeric_limits<std::uint64_t>::max();

Finding Ok(std::string what, std::string found) {
  return {"ok", std::move(what), std::move(found), ""};
}
Finding Warn(std::string what, std::string found, std::string advice) {
  return {"warn", std::move(what), std::move(found), std::move(advice)};
}
Finding Bad(std::string what, std::string found, std::string advice) {
  return {"bad", std::move(what), std::move(found), std::move(advice)};
}

Finding Version() {
  utsname system{};
  ::uname(&system);
  return Ok("version", fmt::format("{}, {} {}, {}", ProgramName(), system.sysname, system.release,
                                   system.machine));
}

Finding Processors() {
  return Ok("processors", fmt::format("{} cores", std::thread::hardware_concurrency()));
}

Result<std::string> TryToListen(const std::string& address) {
  runtime::RealLoop loop;
  HostedNode host;
  transport::TcpTransport transport(loop, host);
  return transport.Listen(address);
}

Finding Loopback() {
  const Result<std::string> address = TryToListen("127.0.0.1:0");
  if (address.ok()) return Ok("loopback", "ports can be opened at 127.0.0.1");
  return Bad("loopback", address.status().message(), "bring the interface up: ip link set lo up");
}

Finding HeadPort() {
  if (TryToListen(kHeadAddress).ok()) return Ok("port", fmt::format("{} is free", kHeadAddress));
  const auto status =
      AskHead<wire::ClusterStatus>(kHeadAddress, wire::ClusterGet{}, std::chrono::seconds(1));
  if (status.ok())
    return Ok("port",
              fmt::format("a head answers at {} ({})", kHeadAddress, status.value().description));
  return Warn("port", fmt::format("{} is in use by something else", kHeadAddress),
              "give heads another port: --listen 127.0.0.1:PORT");
}

std::string LimitText(std::uint64_t limit) {
  return limit == kUnlimited ? "unlimited" : "up to " + Grouped(limit);
}

Finding OpenFiles() {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  const std::uint64_t now = limit.rlim_cur == RLIM_INFINITY ? kUnlimited : limit.rlim_cur;
  if (now >= kOpenFilesMin) return Ok("open files", LimitText(now));
  return Warn(
      "open files", LimitText(now),
      fmt::format("large clusters and many input files need more: ulimit -n {}", kOpenFilesMin));
}

Finding Processes() {
  rlimit limit{};
  ::getrlimit(RLIMIT_NPROC, &limit);
  const std::uint64_t now = limit.rlim_cur == RLIM_INFINITY ? kUnlimited : limit.rlim_cur;
  if (now >= 512) return Ok("processes", LimitText(now));
  return Warn("processes", LimitText(now),
              "each server and worker has some threads: ulimit -u 4096");
}

std::string FirstLine(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

Finding HugePages() {
  const std::string modes = FirstLine("/sys/kernel/mm/transparent_hugepage/enabled");
  if (modes.find("[always]") != std::string::npos || modes.find("[madvise]") != std::string::npos)
    return Ok("huge pages", modes);
  const char* const file = "/sys/kernel/mm/transparent_hugepage/enabled";
  return Warn("huge pages", modes.empty() ? "this kernel has none" : modes,
              fmt::format("large tables are faster with them: echo madvise > {} (as root)", file));
}

Finding Clock() {
  timex state{};
  const int synchronised = ::adjtimex(&state);
  if (synchronised >= 0 && synchronised != TIME_ERROR)
    return Ok("clock", "synchronised; the protocol itself needs no common time");
  return Warn("clock", "not synchronised",
              "times in the logs of several machines will differ: install chrony");
}

Finding Memory() {
  const std::uint64_t bytes = runtime::FreeMemoryBytes();
  const std::string found = Bytes(bytes) + " available";
  const std::string advice =
      "a table takes about 20 bytes a key; end other programs, or use more machines";
  if (bytes < kMemoryMin) return Bad("memory", found, advice);
  return bytes < kMemoryWarn ? Warn("memory", found, advice) : Ok("memory", found);
}

Finding Disk(const std::string& what, const std::string& path, const std::string& advice) {
  struct statvfs disk {};
  if (::statvfs(path.c_str(), &disk) != 0 || ::access(path.c_str(), W_OK) != 0)
    return Bad(what, path + " cannot be written", advice);
  const std::uint64_t bytes = std::uint64_t{disk.f_bavail} * disk.f_frsize;
  const std::string found = fmt::format("{} free in {}", Bytes(bytes), path);
  if (bytes < kDiskMin) return Bad(what, found, advice);
  return bytes < kDiskWarn ? Warn(what, found, advice) : Ok(what, found);
}

Finding LogDisk() {
  const char* parent =
      std::getenv("TMPDIR");  // NOLINT(concurrency-mt-unsafe): no thread reads or writes it.
  return Disk("logs", parent != nullptr && *parent != '\0' ? parent : "/tmp",
              "free some space, or set TMPDIR to a place that can be written");
}

Finding Parquet() {
  // Any error but "no reader" is the reader's own.
  const auto file = data::OpenParquetFile("/dev/null");
  if (file.ok() || file.status().code() != StatusCode::kUnavailable)
    return Ok("parquet", "the reader is there");
  return Warn("parquet", "this build reads no Parquet files",
              "install Arrow and build again: tools/install_arrow.sh; CSV and text need nothing");
}

Status Run(const Values& values) {
  const std::vector<Finding> findings = {
      Version(),  Processors(), Memory(),    Disk("disk", ".", "free some space for models"),
      LogDisk(),  OpenFiles(),  Processes(), HugePages(),
      Loopback(), HeadPort(),   Clock(),     Parquet()};
  std::string faults;
  for (const Finding& finding : findings) {
    if (finding.grade != "bad") continue;
    faults += fmt::format("{}{}: {}; {}", faults.empty() ? "" : ". ", finding.what, finding.found,
                          finding.advice);
  }
  const bool json = values.Switch("json");
  // One object: that of the error says what is bad.
  if (faults.empty() || !json) {
    SY_RETURN_IF_ERROR(PrintResult(json ? FindingsJson(findings) + "\n" : FindingsText(findings)));
  }
  return faults.empty() ? Status() : Status(StatusCode::kIoError, faults);
}

}  // namespace

Command DoctorCommand() {
  return {.name = "doctor",
          .summary = "Look for what keeps this machine from running Steelyard well",
          .options = {{.name = "json", .help = "print one JSON object on standard output"}},
          .examples = {"steelyard doctor"},
          .notes =
              "Each line is ok, warn (it works, but not as well as it could) or bad, with what to "
              "do. The\nexit code is 1 when something is bad.",
          .run = Run};
}

}  // namespace steelyard::cli
