// Goal: every input that is kept stays handled, also by the compiler and the options that ship.
// Method: replays corpus/<target>/ through each target: whole, cut short, and with single bits flipped.
// Runs in tests/fuzz.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

#include "fuzz/fuzz_target.h"
#include "fuzz_targets.inc"

namespace steelyard::fuzz {
namespace {

// Longer inputs are replayed whole, and damaged at this many places spread over them.
constexpr std::size_t kDamagedPlaces = 256;

std::vector<std::byte> ReadFile(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  const std::vector<char> chars{std::istreambuf_iterator<char>(file), {}};
  const Bytes bytes = std::as_bytes(std::span(chars));
  return {bytes.begin(), bytes.end()};
}

class Corpus : public testing::TestWithParam<Target> {};

TEST_P(Corpus, IsHandledWholeAndDamaged) {
  const std::filesystem::path folder = std::filesystem::path("corpus") / GetParam().name;
  std::size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    SCOPED_TRACE(entry.path().string());
    std::vector<std::byte> input = ReadFile(entry.path());
    GetParam().run(input);
    const std::size_t stride = input.size() / kDamagedPlaces + 1;
    for (std::size_t at = 0; at < input.size(); at += stride) {
      GetParam().run(Bytes(input).first(at));
      const std::byte flip{static_cast<unsigned char>(1u << (at % 8))};
      input[at] ^= flip;
      GetParam().run(input);
      input[at] ^= flip;
    }
    ++files;
  }
  EXPECT_GT(files, 0u) << "no corpus in " << folder;
  GetParam().run({});
}

INSTANTIATE_TEST_SUITE_P(Targets, Corpus, testing::ValuesIn(kTargets),
                         [](const testing::TestParamInfo<Target>& target) {
                           return std::string(target.param.name);
                         });

}  // namespace
}  // namespace steelyard::fuzz
