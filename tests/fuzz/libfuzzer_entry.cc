// libFuzzer's entry point for the one target that SY_FUZZ_FUNCTION names.
#include <cstdint>

#include "fuzz/fuzz_target.h"

namespace steelyard::fuzz {
void SY_FUZZ_FUNCTION(Bytes input);
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  steelyard::fuzz::SY_FUZZ_FUNCTION(std::as_bytes(std::span<const std::uint8_t>(data, size)));
  return 0;
}
