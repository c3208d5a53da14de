// RealLoop: the event loop of one thread over the operating system's clock and sockets, and its alarms.
#pragma once

#include <functional>
#include <memory>
#include <thread>

#include "runtime/time.h"

namespace asio {
class io_context;
}  // namespace asio

namespace steelyard::runtime {

/// Runs posted functions, alarms and socket handlers one at a time.
///
/// Threads: Run() on any one thread at a time; Post(), Stop() and now() from any thread. Destroy it last: after every
///          alarm, transport and executor that was made on it.
class RealLoop {
 public:
  /// @param spin  after work it looks for more for so long before it sleeps: waking a sleeping thread takes tens of
  ///              microseconds. Costs a processor while there is traffic; 0 where threads outnumber processors.
  explicit RealLoop(Duration spin = Duration::zero());
  ~RealLoop();
  RealLoop(const RealLoop&) = delete;
  RealLoop& operator=(const RealLoop&) = delete;

  /// Work until Stop(), also while there is nothing to do. What is posted later waits for the next Run().
  void Run();
  /// End the present Run() after the function in progress, or the next one at once.
  void Stop();
  /// Run `fn` on the loop, in the order of the posts of one thread; never inline.
  void Post(std::function<void()> fn);
  /// Nanoseconds of CLOCK_MONOTONIC.
  Time now() const;

  /// For the files that put sockets and signals on this loop.
  asio::io_context& context();

 private:
  bool Spin();

  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// An alarm of a loop, with the rule of Transport::WakeAt: an earlier time replaces a later one, and it rings once.
///
/// Threads: confined to the loop. After its destructor it does not ring.
class RealAlarm {
 public:
  RealAlarm(RealLoop& loop, std::function<void()> on_ring);
  ~RealAlarm();
  RealAlarm(const RealAlarm&) = delete;
  RealAlarm& operator=(const RealAlarm&) = delete;

  /// Ring at `when`, or soon if that has passed, unless it is already set to ring earlier.
  void RingAt(Time when);
  void Cancel();

 private:
  struct State;
  std::shared_ptr<State> state_;
};

/// A loop with a thread of its own that runs it.
///
/// Threads: constructed, joined and destroyed by one owner that is not the loop's thread.
class LoopThread {
 public:
  /// @param spin  of its loop.
  explicit LoopThread(Duration spin = Duration::zero());
  ~LoopThread();
  LoopThread(const LoopThread&) = delete;
  LoopThread& operator=(const LoopThread&) = delete;

  RealLoop& loop() { return loop_; }
  /// Stop the loop and wait for its thread; what lives on the loop may then be destroyed by the caller.
  void Join();

 private:
  RealLoop loop_;
  std::thread thread_;
};

}  // namespace steelyard::runtime
