// ReadReals(): many numbers of a text at once.
#pragma once

#include <cstddef>
#include <cstdint>

namespace steelyard::data {

/// Number i stands behind the byte at `befores[i * stride]` and ends before the one at `ends[i * stride]`, both offsets from
/// `text`; the first may be -1. kReadAheadBytes behind each are readable.
struct RealRun {
  static constexpr std::size_t kSpare = 8;

  const char* text;
  const std::uint32_t* befores;
  const std::uint32_t* ends;
  std::size_t stride;
  std::size_t count;
};

/// Read all of each number, rounded to a double as ReadReal() does and then to a float.
///
/// @param values  with room for RealRun::kSpare more than there are.
/// @return how many are numbers and finite as floats: run.count, or the index of the first that is not.
std::size_t ReadReals(const RealRun& run, float* values);

/// The ways there are to read them; all give the same bits.
enum class RealKernel : std::uint8_t { kPortable, kAvx512 };
/// Can this processor run `kernel`?
bool Runs(RealKernel kernel);
/// ReadReals() by one kernel, which Runs().
std::size_t ReadRealsBy(RealKernel kernel, const RealRun& run, float* values);

}  // namespace steelyard::data
