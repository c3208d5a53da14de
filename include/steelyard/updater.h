// Update rules and functions of your own, which servers and workers load: what to derive from, and how to register it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "steelyard/functions.h"
#include "steelyard/table_options.h"
#include "steelyard/types.h"

namespace steelyard {

/// What servers do with pushes and pulls of a table whose updater has your name.
///
/// Threads: const and stateless; one object serves all rows of a table on a server, and tables and shards of one process may
///          ask theirs at the same time.
/// Errors:  a function that throws, and an Apply() that leaves a float of the row NaN or infinite, has its whole push to that
///          segment refused; nothing of it is kept. One that does not return holds its server up until the cluster gives
///          the server up.
class CustomUpdater {
 public:
  virtual ~CustomUpdater() = default;
  /// Floats kept for each key; all of them are 0 at first. The same for the life of the object.
  virtual std::size_t row_floats() const = 0;
  /// Take one push of a key. @param pushed  [width]
  virtual void Apply(std::span<float> row, std::span<const float> pushed) const = 0;
  /// Compute what a pull of the key reads. @param values  [width], to be filled
  virtual void Read(std::span<const float> row, std::span<float> values) const = 0;
};

/// What one call of your function does on one segment of a table: a row after the other, in key order.
///
/// Errors: a function that throws ends the call with an error that repeats what it says.
class CustomFunction {
 public:
  virtual ~CustomFunction() = default;
  /// @param values  [width], as pulls read them; what is written there is kept when it is registered as Effect::kChanges.
  virtual void Row(Key key, std::span<float> values) = 0;
  /// After the last row of the segment.
  virtual FunctionAnswer Finish() { return {}; }
};

using MakeCustomUpdater =
    std::function<std::unique_ptr<CustomUpdater>(const UpdaterOptions& options, std::size_t width)>;
using MakeCustomFunction =
    std::function<std::unique_ptr<CustomFunction>(std::span<const Argument> arguments)>;

/// Where a worker of a training job is.
struct WorkerProgress {
  JobId job = 0;
  std::uint32_t worker = 0;         ///< Its number in the job, from 0.
  std::string phase = {};           ///< "training", "solving", "waiting" for others, ...
  std::uint32_t pass = 0;           ///< From 1.
  std::uint64_t rows = 0;           ///< Learned in this pass; of a batch solver: read, and kept.
  std::uint64_t minibatches = 0;    ///< Learned in this pass.
  std::optional<double> loss = {};  ///< Mean of these rows.
  /// Mean steps that its pulls missed of the slowest worker's, and most; absent where it is alone.
  std::optional<double> staleness = {};
  std::uint64_t staleness_max = 0;
};

/// What workers answer when it is called; it may throw, and the caller hears what. One runs at a time in a worker, beside
/// its learning.
using WorkerFunction =
    std::function<std::string(const WorkerProgress& progress, const std::string& arguments)>;

/// Where a library says what it has.
class FunctionRegistry {
 public:
  virtual ~FunctionRegistry() = default;
  /// `table create --updater NAME`. @param make  may throw, to refuse options; the message reaches the user.
  virtual void AddUpdater(const std::string& name, MakeCustomUpdater make) = 0;
  /// Table::Call(NAME). @param make  may throw, to refuse arguments.
  virtual void AddFunction(const std::string& name, Effect effect, MakeCustomFunction make) = 0;
  /// `jobs call JOB NAME`, Cluster::CallMember() and CallGroup() of WorkerGroup::OfJob().
  virtual void AddWorkerFunction(const std::string& name, WorkerFunction function) = 0;
};

/// Changes whenever a library that was built with another header could not be used.
inline constexpr unsigned kFunctionLibraryVersion = 2;

}  // namespace steelyard
/// A shared library has this once, and in its body says what it has: STEELYARD_FUNCTIONS(registry) { registry.Add...; }
// NOLINTNEXTLINE(readability-identifier-naming): users should see whose it is.
#define STEELYARD_FUNCTIONS(registry)                                                  \
  extern "C" __attribute__((visibility("default"))) unsigned                           \
  steelyard_function_library_version() {                                               \
    return ::steelyard::kFunctionLibraryVersion;                                       \
  }                                                                                    \
  extern "C" __attribute__((visibility("default"))) void steelyard_register_functions( \
      ::steelyard::FunctionRegistry&(registry))
