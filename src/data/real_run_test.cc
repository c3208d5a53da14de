// Goal: numbers read together have the bits of numbers read one by one, and the first that is none is named. Method: ReadReal()
// and a cast as the oracle on random numbers of every form.
#include "data/real_run.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "data/number.h"

namespace steelyard::data {
namespace {

std::string Digits(std::mt19937_64& random, std::size_t most) {
  std::string digits(random() % (most + 1), '0');
  for (char& c : digits) c = static_cast<char>('0' + random() % 10);
  return digits;
}

/// A number of many forms, some of them none.
std::string RandomNumber(std::mt19937_64& random, bool odd) {
  std::string text = random() % 4 == 0 ? "-" : "";
  text += Digits(random, odd ? 20 : 8);
  if (random() % 3 != 0) text += '.' + Digits(random, odd ? 20 : 8);
  if (!odd) return text;
  const char* const tails[] = {"",  "",  "",  "",  "e-5", "e3", "e40",
                               ".", "x", "-", "/", "inf", "nan"};
  text += tails[random() % std::size(tails)];
  if (random() % 50 == 0) text.clear();
  return text;
}

struct Texts {
  std::string text;
  std::vector<std::uint32_t> befores;
  std::vector<std::uint32_t> ends;
};

Texts Together(const std::vector<std::string>& numbers) {
  Texts texts;
  for (const std::string& number : numbers) {
    texts.befores.push_back(static_cast<std::uint32_t>(texts.text.size()));
    texts.text += ' ' + number;
    texts.ends.push_back(static_cast<std::uint32_t>(texts.text.size()));
  }
  texts.text += std::string(kReadAheadBytes, '7');
  return texts;
}

/// How many of `numbers` stand before the first that is none.
std::size_t ReadOneByOne(const std::vector<std::string>& numbers, std::vector<float>& values) {
  for (const std::string& number : numbers) {
    const char* const end = number.data() + number.size();
    double value = 0;
    const bool read = !number.empty() && ReadReal(number.data(), end, value) == end;
    if (!read || !(std::abs(value) <= std::numeric_limits<float>::max())) break;
    values.push_back(static_cast<float>(value));
  }
  return values.size();
}

void CheckKernel(RealKernel kernel) {
  std::mt19937_64 random(17);
  std::size_t read = 0;
  std::size_t refused = 0;
  for (int round = 0; round < 20'000; ++round) {
    const bool odd = round % 2 == 0;
    std::vector<std::string> numbers(1 + random() % (round % 100 == 0 ? 300 : 12));
    for (std::string& number : numbers) number = RandomNumber(random, odd && random() % 4 == 0);
    const Texts texts = Together(numbers);
    std::vector<float> wanted;
    const std::size_t wanted_count = ReadOneByOne(numbers, wanted);
    std::vector<float> values(numbers.size() + RealRun::kSpare);
    const std::size_t count = ReadRealsBy(kernel,
                                          {.text = texts.text.data(),
                                           .befores = texts.befores.data(),
                                           .ends = texts.ends.data(),
                                           .stride = 1,
                                           .count = numbers.size()},
                                          values.data());
    ASSERT_EQ(count, wanted_count);
    for (std::size_t i = 0; i < count; ++i) {
      ASSERT_EQ(std::bit_cast<std::uint32_t>(values[i]), std::bit_cast<std::uint32_t>(wanted[i]))
          << numbers[i];
    }
    read += count;
    refused += count < numbers.size() ? 1 : 0;
  }
  EXPECT_GT(read, 50'000u);
  EXPECT_GT(refused, 1'000u);
}

TEST(RealRun, PortableKernelHasTheBitsOfNumbersReadAlone) {
  CheckKernel(RealKernel::kPortable);
}

TEST(RealRun, Avx512KernelHasTheBitsOfNumbersReadAlone) {
  if (!Runs(RealKernel::kAvx512)) GTEST_SKIP() << "no AVX-512 here";
  CheckKernel(RealKernel::kAvx512);
}

}  // namespace
}  // namespace steelyard::data
