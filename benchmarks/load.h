// Load: what the push and pull benchmarks ask of every contestant, and how a contestant is asked.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "key_lists.h"
#include "steelyard/status.h"

namespace steelyard::bench {

/// Requests for key lists, one after another and around again, `in_flight` of them under way.
struct Load {
  enum class Kind { kPush, kPull };
  Kind kind = Kind::kPush;
  std::span<const KeyList> lists;
  std::size_t requests = 0;
  std::size_t in_flight = 16;
  /// Receives the seconds of each request; only with one in flight. nullptr: not wanted.
  std::vector<double>* request_seconds = nullptr;

  const KeyList& list(std::size_t request) const { return lists[request % lists.size()]; }
  /// Keys of all requests together.
  std::size_t keys() const {
    std::size_t sum = 0;
    for (std::size_t i = 0; i < requests; ++i) sum += list(i).size();
    return sum;
  }
};

/// What every push adds as its gradient, so that the contestants' values can be compared.
inline constexpr float kGradient = 0.25F;

/// A server process and a client that sends it a load.
class Contestant {
 public:
  virtual ~Contestant() = default;
  virtual std::string name() const = 0;
  /// Carry out the load. @return seconds from the first request to the last answer.
  virtual Result<double> Run(const Load& load) = 0;
  /// The values of `keys` as a pull sees them.
  virtual Result<std::vector<float>> Values(const KeyList& keys) = 0;
};

}  // namespace steelyard::bench
