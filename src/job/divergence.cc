#include "job/divergence.h"

#include "base/spans.h"

namespace steelyard::job {

Status Diverged(const std::string& what) {
  return {StatusCode::kBadData,
          "training diverges: " + what +
              " is larger than a float holds; take a smaller --alpha, or scale features that have "
              "large values"};
}

Status CheckFinite(std::span<const float> floats, const std::string& what) {
  return FirstNotFinite(floats) < floats.size() ? Diverged(what) : Status();
}

}  // namespace steelyard::job
