// CustomFunctions: update rules and functions of users, by name, and what keeps their faults from the server.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "steelyard/status.h"
#include "steelyard/updater.h"
#include "table/algebra.h"
#include "table/updater.h"

namespace steelyard::table {

/// Filled once, before any server asks.
///
/// Threads: const calls from any.
class CustomFunctions final : public FunctionRegistry {
 public:
  void AddUpdater(const std::string& name, MakeCustomUpdater make) override;
  void AddFunction(const std::string& name, Effect effect, MakeCustomFunction make) override;
  void AddWorkerFunction(const std::string& name, WorkerFunction function) override;

  /// What was wrong with a registration: a name that is taken, or none.
  const Status& status() const { return status_; }
  std::vector<std::string_view> updaters() const;
  std::vector<std::string_view> functions() const;
  const std::map<std::string, WorkerFunction>& worker_functions() const {
    return worker_functions_;
  }

  /// Null when no updater has this name. Errors: kInvalidArgument  it refuses the options.
  Result<std::unique_ptr<Updater>> MakeUpdater(const UpdaterOptions& options,
                                               std::size_t width) const;
  /// Null when no function has this name. Errors: kInvalidArgument  it refuses the arguments.
  Result<std::unique_ptr<RangeFunction>> MakeFunction(std::string_view name,
                                                      std::span<const Argument> arguments,
                                                      std::size_t width) const;

 private:
  struct Function {
    Effect effect;
    MakeCustomFunction make;
  };
  void CheckName(const std::string& name, bool taken);

  std::map<std::string, MakeCustomUpdater, std::less<>> updaters_;
  std::map<std::string, Function, std::less<>> functions_;
  std::map<std::string, WorkerFunction> worker_functions_;
  Status status_;
};

}  // namespace steelyard::table
