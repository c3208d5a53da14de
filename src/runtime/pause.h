// Pause: what a thread does while it waits in a loop.
#pragma once

namespace steelyard::runtime {

/// Tell the processor that this thread waits in a loop: it leaves the core's units to the other thread on it.
inline void Pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

}  // namespace steelyard::runtime
