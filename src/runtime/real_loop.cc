// RealLoop on Asio: an io_context that one thread runs, and steady timers.
#include "runtime/real_loop.h"

#include <asio/executor_work_guard.hpp>
#include <asio/io_context.hpp>
#include <asio/post.hpp>
#include <asio/steady_timer.hpp>
#include <chrono>
#include <optional>
#include <utility>

#include "runtime/pause.h"

namespace steelyard::runtime {

struct RealLoop::Impl {
  explicit Impl(Duration spin_for) : spin(spin_for) {}
  const Duration spin;
  asio::io_context context{
      1};  // The hint: one thread runs it, so posts from handlers need no wake-up.
  asio::executor_work_guard<asio::io_context::executor_type> guard{context.get_executor()};
};

RealLoop::RealLoop(Duration spin) : impl_(std::make_unique<Impl>(spin)) {}
RealLoop::~RealLoop() = default;

void RealLoop::Run() {
  if (impl_->spin == Duration::zero()) {
    impl_->context.run();
  } else {
    while (!impl_->context.stopped()) {
      if (!Spin()) impl_->context.run_one();  // Sleeps.
    }
  }
  impl_->context.restart();  // One Stop() ends one Run().
}

/// Work on what there is. Return false when there was nothing for as long as the loop may spin.
bool RealLoop::Spin() {
  asio::io_context& context = impl_->context;
  if (context.poll() > 0) return true;
  const Time end = now() + impl_->spin;
  while (!context.stopped() && now() < end) {
    if (context.poll() > 0) return true;
    Pause();
  }
  return context.stopped();
}

void RealLoop::Stop() {
  impl_->context.stop();
}

void RealLoop::Post(std::function<void()> fn) {
  asio::post(impl_->context, std::move(fn));
}

Time RealLoop::now() const {
  static_assert(std::chrono::steady_clock::is_steady);
  return std::chrono::steady_clock::now().time_since_epoch();
}

asio::io_context& RealLoop::context() {
  return impl_->context;
}

struct RealAlarm::State : std::enable_shared_from_this<State> {
  State(RealLoop& loop, std::function<void()> fn) : timer(loop.context()), on_ring(std::move(fn)) {}

  void Arm(Time time) {
    when = time;
    timer.expires_at(std::chrono::steady_clock::time_point(time));
    timer.async_wait([weak = weak_from_this(), round = ++round](const std::error_code& error) {
      const std::shared_ptr<State> state = weak.lock();
      // A cancelled wait may already be on its way with success: only the newest one counts.
      if (error || state == nullptr || state->round != round || !state->when) return;
      state->when.reset();
      state->on_ring();
    });
  }

  asio::steady_timer timer;
  std::function<void()> on_ring;
  std::optional<Time> when;
  std::uint64_t round = 0;
};

RealAlarm::RealAlarm(RealLoop& loop, std::function<void()> on_ring)
    : state_(std::make_shared<State>(loop, std::move(on_ring))) {}

RealAlarm::~RealAlarm() {
  Cancel();
}

void RealAlarm::RingAt(Time when) {
  const std::optional<Time>& present = state_->when;
  if (!present || when < *present) state_->Arm(when);
}

void RealAlarm::Cancel() {
  state_->when.reset();
  ++state_->round;
  std::error_code ignored;
  state_->timer.cancel(ignored);
}

LoopThread::LoopThread(Duration spin) : loop_(spin), thread_([this] { loop_.Run(); }) {}

LoopThread::~LoopThread() {
  Join();
}

void LoopThread::Join() {
  if (!thread_.joinable()) return;
  loop_.Stop();
  thread_.join();
}

}  // namespace steelyard::runtime
