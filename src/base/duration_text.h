// How long things took or may take, as messages say it.
#pragma once

#include <chrono>
#include <string>

namespace steelyard {

/// Return "250 ms", "5 s", "1.5 s": milliseconds below a second, tenths of a second from there on.
std::string DurationText(std::chrono::nanoseconds duration);

}  // namespace steelyard
