// MemberScenario: one seed's story of programs that train in a worker group of their own, under faults.
#pragma once

#include <cstdint>
#include <string>

namespace steelyard::simulation {

struct MemberResult {
  std::string violation;  ///< Empty when every promise held.
  std::uint64_t pulls = 0;
  std::uint64_t bounds_checked = 0;  ///< Values that the delay's bound says must be there.
  std::uint64_t edges_checked = 0;   ///< Values that an edge says must, or must not, be there.
  std::uint64_t stale_pulls = 0;     ///< Pulls that did not see all that a sequential one would.
  std::uint64_t faults = 0;
  std::uint64_t event_hash = 0;
};

/// Run the story of `seed`: three programs of one group and one that serves, each with a random graph of pushes and pulls
/// over 30 steps and a delay drawn by the seed. Every push writes keys of its own, so that each pull tells exactly which
/// pushes it includes. In every fourth seed a member leaves half way, in another one it is killed; the others must go on.
MemberResult RunMemberScenario(std::uint64_t seed);

}  // namespace steelyard::simulation
