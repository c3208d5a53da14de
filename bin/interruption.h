// Ctrl-C and SIGTERM for commands without an event loop: one line, nothing half-written left, the right exit code.
#pragma once

#include <string>

namespace steelyard::cli {

/// From now on SIGINT and SIGTERM end the process at once with 130 or 143, and a reader that goes away (SIGPIPE), or a
/// file beyond ulimit -f (SIGXFSZ), is an error code of write. Commands with an event loop replace the first part by
/// signals on that loop.
/// @param json  also print the error object on standard output.
void EndOnSignals(bool json);

/// From now on SIGINT and SIGTERM are not heard: for the moment in which a model is put in its place.
void IgnoreSignals();

/// End the process as `signal` would have, if it has not ended by itself after so many seconds: a thread may be caught
/// in a read that never returns.
void EndAnywayAfter(unsigned seconds, int signal);

/// Remove this file when a signal ends the process; empty: none. One file at a time.
void RemoveOnSignal(const std::string& path);

}  // namespace steelyard::cli
