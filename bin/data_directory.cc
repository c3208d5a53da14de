// Small files, and /proc for who lives.
#include "data_directory.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <system_error>
#include <utility>

namespace steelyard::cli {
namespace {

namespace fs = std::filesystem;

constexpr const char* kAddressFile = "head.address";
constexpr const char* kPidSuffix = ".pid";

struct ProcessState {
  char state = 'X';
  std::uint64_t start_ticks = 0;
};

// Fields 3 and 22 of /proc/PID/stat; the name before them may hold anything but ends at the last ')'.
ProcessState StateOf(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  std::string text;
  std::getline(file, text);
  const std::size_t end = text.rfind(')');
  if (end == std::string::npos) return {};
  std::istringstream fields(text.substr(end + 1));
  ProcessState state;
  fields >> state.state;
  std::string skipped;
  for (int field = 4; field < 22; ++field) fields >> skipped;
  fields >> state.start_ticks;
  return state;
}

}  // namespace

bool StartedProcess::alive() const {
  const ProcessState state = StateOf(pid);
  return state.state != 'X' && state.state != 'Z' && state.start_ticks == start_ticks;
}

bool DataDirectory::exists() const {
  std::error_code error;
  return fs::is_directory(path_, error);
}

Status DataDirectory::Make() const {
  std::error_code error;
  fs::create_directory(path_, error);
  if (error || !exists()) {
    return Status(error == std::errc::no_such_file_or_directory ? StatusCode::kNotFound
                                                                : StatusCode::kIoError,
                  "cannot make the data directory: " +
                      (error ? error.message() : std::string("something else is there")),
                  path_);
  }
  return {};
}

Status DataDirectory::Write(const std::string& name, const std::string& text) const {
  const std::string path = File(name);
  const std::string temporary = path + ".new";
  {
    std::ofstream file(temporary, std::ios::trunc);
    file << text;
    file.close();
    if (!file) {
      return Status(StatusCode::kIoError, "cannot write: " + std::generic_category().message(errno),
                    temporary);
    }
  }
  std::error_code error;
  fs::rename(temporary, path, error);
  return error ? Status(StatusCode::kIoError, "cannot rename: " + error.message(), path) : Status();
}

Status DataDirectory::WriteAddress(const std::string& address) const {
  return Write(kAddressFile, address + "\n");
}

Result<std::string> DataDirectory::ReadAddress() const {
  std::ifstream file(File(kAddressFile));
  std::string address;
  if (std::getline(file, address) && !address.empty()) return address;
  return Status(StatusCode::kNotFound, "no address of a head", File(kAddressFile));
}

Status DataDirectory::WriteProcess(const std::string& name, pid_t pid) const {
  return Write(name + kPidSuffix,
               std::to_string(pid) + " " + std::to_string(StateOf(pid).start_ticks) + "\n");
}

std::vector<StartedProcess> DataDirectory::Processes() const {
  std::vector<StartedProcess> processes;
  std::error_code error;
  fs::directory_iterator entry(path_, error);
  for (; !error && entry != fs::directory_iterator(); entry.increment(error)) {
    if (entry->path().extension() != kPidSuffix) continue;
    StartedProcess process{.name = entry->path().stem()};
    std::ifstream file(entry->path());
    if (file >> process.pid >> process.start_ticks && process.pid > 1) processes.push_back(process);
  }
  std::ranges::sort(processes, {}, &StartedProcess::name);
  return processes;
}

void DataDirectory::Forget() const {
  std::error_code ignored;  // What is left says nothing wrong: start times tell processes apart.
  for (const StartedProcess& process : Processes())
    fs::remove(File(process.name + kPidSuffix), ignored);
  fs::remove(File(kAddressFile), ignored);
}

}  // namespace steelyard::cli
