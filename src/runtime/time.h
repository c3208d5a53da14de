// Time as every state machine sees it: nanoseconds of a monotonic clock with an arbitrary origin.
#pragma once

#include <chrono>

namespace steelyard::runtime {

using Duration = std::chrono::nanoseconds;
/// Nanoseconds since an origin that one process (or one simulation) chose; never the wall clock.
using Time = std::chrono::nanoseconds;

using namespace std::chrono_literals;  // 50ms reads as what it is.

}  // namespace steelyard::runtime
