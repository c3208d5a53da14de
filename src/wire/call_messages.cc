#include "wire/call_messages.h"

#include <algorithm>

#include "wire/control_messages.h"

namespace steelyard::wire {
namespace {

Status Wrong(const char* what) {
  return {StatusCode::kCorruption, what};
}

}  // namespace

Status Call::Check() const {
  if (first > last) return Wrong("the range ends before it begins");
  if (function.empty()) return Wrong("a function has a name");
  if (arguments.size() > kCallArgumentsMax) return Wrong("too many arguments");
  if (entries.size() > kSegmentsMax) return Wrong("more entries than a table has segments");
  if (acked_ts > 0 && acked_ts >= ts) return Wrong("acknowledged before it was sent");
  if (!std::ranges::all_of(arguments, &CallArgument::known)) return Wrong("unknown argument kind");
  return {};
}

Status CallResponse::Check() const {
  const auto known = [](const CallResult& result) {
    return result.code <= EntryCode::kFailed && result.status <= StatusCode::kCancelled;
  };
  return std::ranges::all_of(results, known) ? Status() : Wrong("unknown code");
}

}  // namespace steelyard::wire
