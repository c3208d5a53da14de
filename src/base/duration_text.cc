#include "base/duration_text.h"

#include <cstdlib>

namespace steelyard {

std::string DurationText(std::chrono::nanoseconds duration) {
  const auto ms = std::chrono::round<std::chrono::milliseconds>(duration).count();
  if (ms > -1000 && ms < 1000) return std::to_string(ms) + " ms";
  const auto tenths = (ms + (ms > 0 ? 50 : -50)) / 100;
  std::string text = std::to_string(tenths / 10);
  if (tenths % 10 != 0) text += "." + std::to_string(std::abs(tenths % 10));
  return text + " s";
}

}  // namespace steelyard
