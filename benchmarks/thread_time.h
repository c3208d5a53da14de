// ThreadSeconds: a stopwatch that other programs do not lengthen.
#pragma once

#include <ctime>

namespace steelyard::bench {

/// Processor time of this thread in seconds; nothing that is measured by it may wait.
inline double ThreadSeconds() {
  timespec time{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

}  // namespace steelyard::bench
