// RealSignals on Asio's signal_set: the handler writes to a pipe, the loop reads it.
#include "runtime/real_signals.h"

#include <asio/signal_set.hpp>
#include <csignal>
#include <utility>

namespace steelyard::runtime {

struct RealSignals::State : std::enable_shared_from_this<State> {
  State(RealLoop& loop, std::function<void(int)> fn)
      : signals(loop.context()), on_signal(std::move(fn)) {}

  void Wait() {
    signals.async_wait([weak = weak_from_this()](const std::error_code& error, int signal) {
      const std::shared_ptr<State> state = weak.lock();
      if (error || state == nullptr) return;
      state->Wait();
      state->on_signal(signal);
    });
  }

  asio::signal_set signals;
  std::function<void(int)> on_signal;
};

RealSignals::RealSignals(RealLoop& loop, std::function<void(int signal)> on_signal,
                         std::initializer_list<int> signals)
    : state_(std::make_shared<State>(loop, std::move(on_signal))) {
  for (const int signal : signals) state_->signals.add(signal);
  std::signal(SIGPIPE, SIG_IGN);
  state_->Wait();
}

RealSignals::~RealSignals() = default;

}  // namespace steelyard::runtime
