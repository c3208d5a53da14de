#include "key_lists.h"

#include <algorithm>
#include <random>

#include "base/hash.h"

namespace steelyard::bench {

std::vector<KeyList> UniformLists(std::uint64_t key_count, std::size_t list_keys,
                                  std::size_t list_count, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::vector<KeyList> lists(list_count);
  for (KeyList& list : lists) {
    while (list.size() < list_keys) {
      while (list.size() < list_keys) list.push_back(KeyOfId(random() % key_count));
      std::ranges::sort(list);
      const auto repeated = std::ranges::unique(list);
      list.erase(repeated.begin(), repeated.end());
    }
  }
  return lists;
}

std::vector<KeyList> EveryKey(std::uint64_t key_count, std::size_t list_keys) {
  std::vector<KeyList> lists;
  for (std::uint64_t id = 0; id < key_count;) {
    KeyList& list = lists.emplace_back();
    for (; id < key_count && list.size() < list_keys; ++id) list.push_back(KeyOfId(id));
    std::ranges::sort(list);
  }
  return lists;
}

}  // namespace steelyard::bench
