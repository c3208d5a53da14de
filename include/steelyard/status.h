// Status and Result<T>: the only way an operation in this library reports failure.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <string>
#include <utility>
#include <variant>

namespace steelyard {

/// Closed list: a caller may switch over it without a default. Adding a code is an API change.
enum class StatusCode : std::uint8_t {
  kOk,
  kInvalidArgument,    ///< The caller's request is wrong; the same call will fail again.
  kNotFound,           ///< The named table, file or node does not exist; not retried.
  kBadData,            ///< The content of an input is wrong (row, label, schema); never retried.
  kCorruption,         ///< Bytes failed their checksum or their layout; never retried.
  kUnavailable,        ///< The owner is down or moving; retry after the placement changes.
  kDeadlineExceeded,   ///< The caller's own time limit passed; the effect is unknown.
  kResourceExhausted,  ///< A stated limit is reached; retry once acknowledgements arrive.
  kIoError,            ///< The operating system refused a read or write (disk full, permission).
  kCancelled,          ///< The user or the scheduler stopped the operation; not retried.
};

/// Return the code's name as it appears in logs and frames, e.g. "UNAVAILABLE".
const char* StatusCodeName(StatusCode code);

/// A code, what happened (asked, found, what to do), and where (file:line, key or node).
class [[nodiscard]] Status {
 public:
  Status() = default;
  Status(StatusCode code, std::string message, std::string where = {})
      : code_(code), message_(std::move(message)), where_(std::move(where)) {}

  bool ok() const { return code_ == StatusCode::kOk; }
  StatusCode code() const { return code_; }
  const std::string& message() const { return message_; }
  /// The place of the fault: "train.svm:17", "server 1 (127.0.0.1:4070)"; may be empty.
  const std::string& where() const { return where_; }
  /// One line for a person: "where: message".
  std::string ToString() const;

 private:
  StatusCode code_ = StatusCode::kOk;
  std::string message_;
  std::string where_;
};

/// Holds a T or a non-OK Status. Reading the absent side is a programmer error and aborts.
template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::move(value)) {}         // NOLINT(google-explicit-constructor)
  Result(Status status) : state_(std::move(status)) {}  // NOLINT(google-explicit-constructor)

  bool ok() const { return std::holds_alternative<T>(state_); }
  const T& value() const {
    if (!ok()) std::abort();
    return *std::get_if<T>(&state_);
  }
  T& value() {
    if (!ok()) std::abort();
    return *std::get_if<T>(&state_);
  }
  const Status& status() const {
    if (ok()) std::abort();
    return *std::get_if<Status>(&state_);
  }

 private:
  std::variant<T, Status> state_;
};

}  // namespace steelyard

/// Leave the enclosing function with `expression`'s Status unless it is OK.
#define SY_RETURN_IF_ERROR(expression)                                   \
  do {                                                                   \
    if (::steelyard::Status sy_status = (expression); !sy_status.ok()) { \
      return sy_status;                                                  \
    }                                                                    \
  } while (false)
