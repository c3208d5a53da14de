#include "wire/batch_messages.h"

namespace steelyard::wire {

Status BatchPlan::Check() const {
  if (blocks_per_step == 0) return Status(StatusCode::kCorruption, "steps of no block");
  return newton.Check();
}

}  // namespace steelyard::wire
