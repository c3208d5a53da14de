// The one table from status codes to exit codes.
#include "exit_code.h"

#include <csignal>
#include <string>

namespace steelyard::cli {

Status Interrupted(int signal, const std::string& after) {
  const char* message = signal == SIGTERM ? kTerminatedMessage : kInterruptedMessage;
  return Status(StatusCode::kCancelled, message + (after.empty() ? "" : "; " + after));
}

int ExitCodeOf(const Status& status) {
  switch (status.code()) {
    case StatusCode::kOk:
      return kExitOk;
    case StatusCode::kInvalidArgument:
      return kExitUsage;
    case StatusCode::kNotFound:
    case StatusCode::kBadData:
    case StatusCode::kCorruption:
      return kExitBadData;
    case StatusCode::kUnavailable:
      return kExitUnavailable;
    case StatusCode::kDeadlineExceeded:
    case StatusCode::kResourceExhausted:
      return kExitTryAgain;
    case StatusCode::kIoError:
      return kExitFailed;
    case StatusCode::kCancelled:
      return status.message().starts_with(kTerminatedMessage) ? kExitTerminated : kExitInterrupted;
  }
  return kExitFailed;
}

StatusCode StatusCodeOf(int exit_code) {
  switch (exit_code) {
    case kExitOk:
      return StatusCode::kOk;
    case kExitUsage:
      return StatusCode::kInvalidArgument;
    case kExitBadData:
      return StatusCode::kBadData;
    case kExitUnavailable:
      return StatusCode::kUnavailable;
    case kExitTryAgain:
      return StatusCode::kResourceExhausted;
    default:
      return StatusCode::kIoError;
  }
}

}  // namespace steelyard::cli
