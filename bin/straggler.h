// Straggler: makes one worker of a training run slow, as a shared machine does.
#pragma once

#include <sys/types.h>

#include <cstdint>

#include "runtime/real_loop.h"

namespace steelyard::cli {

/// While it lives, the first worker process that `train` started is stopped half of the time: 20 ms stopped, 20 ms running.
///
/// Ownership: borrows the loop. The worker runs on when this is destroyed.
/// Threads:   confined to the loop.
class Straggler {
 public:
  /// @param train  the process of a `steelyard train --workers W`, which need not have workers yet.
  Straggler(runtime::RealLoop& loop, pid_t train);
  ~Straggler();
  Straggler(const Straggler&) = delete;
  Straggler& operator=(const Straggler&) = delete;

  /// How often it was stopped so far.
  std::uint64_t stops() const { return stops_; }

 private:
  void Turn();
  bool FindWorker();
  bool Signal(int signal) const;

  runtime::RealLoop& loop_;
  const pid_t train_;
  runtime::RealAlarm alarm_;
  int worker_fd_ = -1;  ///< Names the process also when its number is another's by now.
  bool stopped_ = false;
  std::uint64_t stops_ = 0;
};

}  // namespace steelyard::cli
