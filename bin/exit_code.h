// Exit codes, as scripts rely on them.
#pragma once

#include "steelyard/status.h"

namespace steelyard::cli {

inline constexpr int kExitOk = 0;
inline constexpr int kExitFailed = 1;    ///< The system refused: disk full, permission.
inline constexpr int kExitUsage = 2;     ///< What was typed is wrong.
inline constexpr int kExitBadData = 65;  ///< An input is missing, empty, broken or does not fit.
inline constexpr int kExitUnavailable = 69;  ///< A process, port or reader is not there.
inline constexpr int kExitTryAgain = 75;     ///< A limit or deadline was reached.
inline constexpr int kExitInterrupted = 130;
inline constexpr int kExitTerminated = 143;

/// What Interrupted() says of SIGTERM; of Ctrl-C it says kInterruptedMessage.
inline constexpr const char* kTerminatedMessage = "ended by SIGTERM";
inline constexpr const char* kInterruptedMessage = "interrupted by Ctrl-C";

/// Return the status of a command that SIGINT or SIGTERM ended. @param after  said behind the message; may be empty.
Status Interrupted(int signal, const std::string& after = {});

/// Return the exit code of a command that ended with `status`.
int ExitCodeOf(const Status& status);

/// Return a code whose exit code is `exit_code`, for passing on how a child failed.
StatusCode StatusCodeOf(int exit_code);

}  // namespace steelyard::cli
