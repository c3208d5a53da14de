// Which seeds a simulation test runs: numbers from the environment.
#pragma once

#include <cstdint>
#include <cstdlib>

namespace steelyard::simulation {

/// The number that the variable `name` holds, or `otherwise`. Call it before any thread starts.
inline std::uint64_t FromEnvironment(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): before any thread.
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

}  // namespace steelyard::simulation
