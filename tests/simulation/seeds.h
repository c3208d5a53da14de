// Which seeds a simulation test runs: numbers from the environment.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdlib>

namespace steelyard::simulation {

/// The number that the variable `name` holds, or `otherwise`. Call it before any thread starts.
inline std::uint64_t FromEnvironment(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): before any thread.
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

/// Seeds from `first` on.
struct Seeds {
  std::uint64_t first = 1;
  std::uint64_t count = 0;
  std::uint64_t end() const { return first + count; }
};

/// Those of a test whose seeds take long: from STEELYARD_SIM_FIRST on, one in `share` of STEELYARD_SIM_COUNT, and at least
/// `least`.
inline Seeds SeedsOf(std::uint64_t least, std::uint64_t share) {
  return {.first = FromEnvironment("STEELYARD_SIM_FIRST", 1),
          .count = std::max(least, FromEnvironment("STEELYARD_SIM_COUNT", 0) / share)};
}

}  // namespace steelyard::simulation
