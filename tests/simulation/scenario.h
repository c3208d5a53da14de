// Scenario: one seed's story of a cluster under faults, and whether every promise held.
#pragma once

#include <cstdint>
#include <string>

namespace steelyard::simulation {

struct ScenarioResult {
  std::string violation;  ///< Empty when every promise held.
  std::uint64_t events = 0;
  std::uint64_t faults = 0;
  std::uint64_t event_hash = 0;
  std::uint64_t crashes = 0;
};

/// Run the story of `seed`: a head, 3 servers and 3 workers train over several passes while frames are dropped,
/// delayed, duplicated, reordered and corrupted and links break; in three of four seeds a server or worker is killed,
/// after which the job must end within a second with an error that names it, and a second job, once the node is back,
/// must succeed. Whoever succeeds must have counted every row exactly once.
ScenarioResult RunScenario(std::uint64_t seed);

}  // namespace steelyard::simulation
