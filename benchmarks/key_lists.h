// Key lists as a data set gives them: hashed ids, drawn uniformly, sorted and without repeats.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "steelyard/types.h"

namespace steelyard::bench {

using KeyList = std::vector<Key>;

/// @param key_count  ids 0 to key_count - 1 are drawn from; their keys are KeyOfId().
std::vector<KeyList> UniformLists(std::uint64_t key_count, std::size_t list_keys,
                                  std::size_t list_count, std::uint64_t seed);

/// Every key once, in lists of `list_keys` neighbours in the order of ids: each list is spread over the key space.
std::vector<KeyList> EveryKey(std::uint64_t key_count, std::size_t list_keys);

}  // namespace steelyard::bench
