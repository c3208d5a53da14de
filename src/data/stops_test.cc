// Goal: every kernel finds all stops and nothing else, and writes no further than it may. Method: a loop over bytes as the oracle,
// texts of every length up to several blocks, sparse and dense.
#include "data/stops.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

namespace steelyard::data {
namespace {

constexpr std::uint32_t kUntouched = 0xABCDEF01;

std::vector<std::uint32_t> StopsByBytes(const std::string& text, std::size_t bytes) {
  std::vector<std::uint32_t> stops;
  for (std::size_t i = 0; i < bytes; ++i) {
    if (text[i] == ' ' || text[i] == ':' || text[i] == '|') {
      stops.push_back(static_cast<std::uint32_t>(i));
    }
  }
  return stops;
}

std::string RandomText(std::mt19937_64& random, std::size_t bytes, std::uint64_t one_in) {
  std::string text(bytes, ' ');
  // Bytes with the sign bit, and the delimiters with it, are no stops.
  constexpr char kOthers[] = {'a', '0', '\n', '\x9f', '\xa0', '\xba', '\xfc', '\0'};
  for (char& c : text) c = random() % one_in == 0 ? " :|"[random() % 3] : kOthers[random() % 8];
  return text;
}

void CheckKernel(StopKernel kernel) {
  std::mt19937_64 random(11);
  for (std::size_t bytes = 0; bytes < 300; ++bytes) {
    for (const std::uint64_t one_in : {1, 2, 8, 50}) {
      // What stands behind the text is full of stops that must not be found.
      const std::string text = RandomText(random, bytes, one_in) + std::string(kScanBytes, ':');
      const std::vector<std::uint32_t> wanted = StopsByBytes(text, bytes);
      std::vector<std::uint32_t> found(wanted.size() + kScanBytes + 1, kUntouched);
      const std::size_t count =
          FindStopsBy<' ', ':', '|'>(kernel, text.data(), bytes, found.data());
      ASSERT_EQ(found.back(), kUntouched) << bytes;
      found.resize(count);
      ASSERT_EQ(found, wanted) << bytes << " bytes, one in " << one_in;
    }
  }
}

TEST(Stops, PortableKernelFindsThem) {
  CheckKernel(StopKernel::kPortable);
}

TEST(Stops, Avx2KernelFindsThem) {
  if (!Runs(StopKernel::kAvx2)) GTEST_SKIP() << "no AVX2 here";
  CheckKernel(StopKernel::kAvx2);
}

TEST(Stops, Vbmi2KernelFindsThem) {
  if (!Runs(StopKernel::kVbmi2)) GTEST_SKIP() << "no AVX-512 VBMI2 here";
  CheckKernel(StopKernel::kVbmi2);
}

}  // namespace
}  // namespace steelyard::data
