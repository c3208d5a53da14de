// LocalCluster: the servers and workers that one train command works with, as threads or as processes.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "job/batch_reader.h"
#include "run_directory.h"
#include "runtime/real_loop.h"
#include "steelyard/status.h"
#include "transport/inproc_transport.h"

namespace steelyard::cli {

/// Ownership: borrows what its maker was given.
/// Threads:   confined to the main thread and its loop.
class LocalCluster {
 public:
  virtual ~LocalCluster() = default;
  /// Start everybody; they join the head at this address.
  virtual Status Start(const std::string& head_address) = 0;
  /// End everybody; `done` is posted to the loop when nobody is left. Nobody may be the reason of an error any more.
  virtual void End(std::function<void()> done) = 0;
  /// The largest memory used so far, besides this process's own.
  virtual std::uint64_t PeakMemoryBytes() const = 0;
};

/// How many servers MakeThreadCluster() starts on so many threads: one where there are few; else half as many, each on a
/// thread of its own.
std::size_t ThreadServers(std::size_t threads);

/// ThreadServers(threads) servers and one worker on about `threads` threads of this process; 0: as many as processors it
/// may use.
/// @param table_bytes_max  of each server's tables.
std::unique_ptr<LocalCluster> MakeThreadCluster(runtime::RealLoop& loop,
                                                transport::InprocNetwork& network,
                                                job::DatasetOpener open_dataset,
                                                std::size_t threads, std::size_t table_bytes_max);

/// Threads of each of `workers` worker processes on this machine. @param threads  what the user gave each; 0: they share the
/// processors that this process may use.
std::size_t ThreadsOfEach(std::uint64_t threads, std::uint64_t workers);

/// How many processes to start, and whom to tell when one dies.
struct ProcessClusterOptions {
  std::uint64_t servers = 1;
  std::uint64_t workers = 1;
  std::uint64_t threads = 0;        ///< Of each worker, as ThreadsOfEach() has it.
  std::size_t table_bytes_max = 0;  ///< Of each server.
  std::function<void(const Status&)> on_death;
  std::optional<data::StreamFeed> stream;  ///< Read here, parsed by the workers.
};

/// Processes of this binary, with log files in `logs`.
std::unique_ptr<LocalCluster> MakeProcessCluster(runtime::RealLoop& loop, const RunDirectory& logs,
                                                 ProcessClusterOptions options);

}  // namespace steelyard::cli
