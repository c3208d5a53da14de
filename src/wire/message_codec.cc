#include "wire/message_codec.h"

#include <string>

namespace steelyard::wire::internal {

Status BodyRefused(MessageType type, std::size_t body_bytes, const Status& why) {
  return Status(StatusCode::kCorruption, std::string(MessageTypeName(type)) + " body of " +
                                             std::to_string(body_bytes) +
                                             " bytes does not hold its fields" +
                                             (why.message().empty() ? "" : ": " + why.message()));
}

}  // namespace steelyard::wire::internal
