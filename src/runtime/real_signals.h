// RealSignals: SIGINT and SIGTERM, or others, as callbacks of a loop.
#pragma once

#include <csignal>
#include <functional>
#include <initializer_list>
#include <memory>

#include "runtime/real_loop.h"

namespace steelyard::runtime {

/// While it lives, the signals call `on_signal` on the loop instead of ending the process. SIGPIPE is ignored
/// from its construction on, so that a closed peer is an error code.
///
/// Threads: confined to the loop; may be constructed before the loop runs. No callback after its destructor.
class RealSignals {
 public:
  /// @param on_signal  gets the signal's number, once for each delivery.
  RealSignals(RealLoop& loop, std::function<void(int signal)> on_signal,
              std::initializer_list<int> signals = {SIGINT, SIGTERM});
  ~RealSignals();
  RealSignals(const RealSignals&) = delete;
  RealSignals& operator=(const RealSignals&) = delete;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace steelyard::runtime
