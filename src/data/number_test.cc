// Goal: numbers in text are read exactly. Method: strtod and strtoull as oracles, edges of 2^64, fixed seed.
#include "data/number.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <string>

namespace steelyard::data {
namespace {

std::string Padded(const std::string& text) {
  return text + std::string(kReadAheadBytes, '\n');
}

TEST(Number, UnsignedMatchesTheLibraryAtEveryLength) {
  std::mt19937_64 random(3);
  for (int i = 0; i < 200'000; ++i) {
    const std::uint64_t wanted = random() >> (random() % 64);
    const std::string digits = std::to_string(wanted);
    const std::string text = Padded(digits + ":1");
    std::uint64_t value = 0;
    const char* const end = ReadUnsigned(text.data(), value);
    ASSERT_EQ(value, wanted);
    ASSERT_EQ(end, text.data() + digits.size());
  }
}

TEST(Number, UnsignedStopsAtTheLimitsOf64Bits) {
  std::uint64_t value = 0;
  std::string text = Padded("18446744073709551615 ");
  ASSERT_EQ(ReadUnsigned(text.data(), value), text.data() + 20);
  EXPECT_EQ(value, ~std::uint64_t{0});
  for (const char* large : {"18446744073709551616", "99999999999999999999999"}) {
    text = Padded(large);
    EXPECT_EQ(ReadUnsigned(text.data(), value), nullptr) << large;
  }
  text = Padded("00000000000000000000000000007 ");
  ASSERT_NE(ReadUnsigned(text.data(), value), nullptr);
  EXPECT_EQ(value, 7u);
}

TEST(Number, UnsignedFindsNoDigitInOtherBytes) {
  for (int byte = 0; byte < 256; ++byte) {
    if (byte >= '0' && byte <= '9') continue;
    std::uint64_t value = 0;
    const std::string none = Padded(std::string(1, static_cast<char>(byte)) + "123");
    EXPECT_EQ(ReadUnsigned(none.data(), value), none.data()) << byte;
    const std::string two = Padded("42" + std::string(1, static_cast<char>(byte)) + "99999999");
    EXPECT_EQ(ReadUnsigned(two.data(), value), two.data() + 2) << byte;
    EXPECT_EQ(value, 42u);
  }
}

TEST(Number, RealMatchesTheLibraryBitForBit) {
  std::mt19937_64 random(5);
  for (int i = 0; i < 100'000; ++i) {
    char text[64];
    const double scale = std::pow(10.0, static_cast<double>(random() % 40) - 20);
    const double number = (static_cast<double>(random() % 2'000'001) - 1'000'000) * scale;
    const char* const format = i % 3 == 0 ? "%.3f" : i % 3 == 1 ? "%.17g" : "%e";
    std::snprintf(text, sizeof(text), format, number);
    double value = 0;
    const char* const end = text + std::strlen(text);
    ASSERT_EQ(ReadReal(text, end, value), end) << text;
    ASSERT_EQ(value, std::strtod(text, nullptr)) << text;
    ASSERT_EQ(std::signbit(value), text[0] == '-') << text;
  }
}

TEST(Number, RealKnowsSignsFractionsAndTheRange) {
  EXPECT_EQ(ParseReal("+1"), 1.0);
  EXPECT_EQ(ParseReal(" -0.5 "), -0.5);
  EXPECT_EQ(ParseReal(".25"), 0.25);
  EXPECT_EQ(ParseReal("3."), 3.0);
  EXPECT_EQ(ParseReal("1e400"), HUGE_VAL);
  EXPECT_EQ(ParseReal("-1e400"), -HUGE_VAL);
  EXPECT_EQ(ParseReal("1e-400"), 0.0);
  EXPECT_EQ(ParseReal(std::string(400, '9')), HUGE_VAL);
  EXPECT_TRUE(std::isnan(*ParseReal("nan")));
  for (const char* text : {"", "+", "-", ".", "+-1", "1x", "--1", "e5", "1 2"}) {
    EXPECT_FALSE(ParseReal(text)) << text;
  }
}

TEST(Number, IntegerKnowsItsRange) {
  EXPECT_EQ(ParseInteger("-9223372036854775808"), INT64_MIN);
  EXPECT_EQ(ParseInteger("+7"), 7);
  for (const char* text : {"", "9223372036854775808", "1.0", "1e3", "+-1"}) {
    EXPECT_FALSE(ParseInteger(text)) << text;
  }
}

TEST(Number, PlainRealsAreThoseOfTheLibraryOrRefused) {
  std::mt19937_64 random(11);
  const std::string alphabet = "0123456789.-+e";
  int read = 0;
  for (int i = 0; i < 300'000; ++i) {
    std::string number;
    if (i % 2 == 0) {
      const double value =
          (static_cast<double>(random()) - 0x1p63) / std::pow(10, 12 + random() % 8);
      char digits[64];
      std::snprintf(digits, sizeof(digits), "%.*f", static_cast<int>(random() % 10), value);
      number = digits;
    } else {
      for (std::uint64_t left = random() % 19; left > 0; --left) {
        number += alphabet[random() % (random() % 4 == 0 ? alphabet.size() : 10)];
      }
    }
    const std::string text = Padded(number);
    double plain = 0;
    if (!ReadPlainReal(text.data(), number.size(), plain)) continue;
    ++read;
    char* end = nullptr;
    const double wanted = std::strtod(text.data(), &end);
    ASSERT_EQ(end, text.data() + number.size()) << number;
    ASSERT_EQ(plain, wanted) << number;
    ASSERT_EQ(std::signbit(plain), std::signbit(wanted)) << number;
  }
  EXPECT_GT(read, 50'000);
}

}  // namespace
}  // namespace steelyard::data
