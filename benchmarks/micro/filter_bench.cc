// filter_bench: GB/s of input that each codec takes and gives back, and its ratio, beside memcpy of the same bytes.
//
// Each figure is of processor time, the median of rounds in turns with memcpy. What decodes to other bytes than it was made
// of ends the program.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "filter/grid.h"
#include "filter/section.h"
#include "usage.h"

namespace steelyard::filter {
namespace {

constexpr const char* kUsage =
    "filter_bench [KILOBYTES]\n\n"
    "GB/s of input that each codec takes and gives back, and its ratio, beside memcpy. Sections of "
    "800 kB unless said,\n"
    "1 to 60000: 100,000 keys, 200,000 floats.\n";
constexpr std::size_t kKilobytesMax = 60'000;
constexpr int kRounds = 15;
constexpr double kFasterThanAnyCopy = 500;
constexpr std::size_t kBytesPerRound = std::size_t{64} << 20;

double Seconds() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

/// GB/s of `bytes` at a time.
double RateOf(std::size_t bytes, const std::function<void()>& once) {
  const std::size_t times = std::max<std::size_t>(1, kBytesPerRound / bytes);
  const double start = Seconds();
  for (std::size_t i = 0; i < times; ++i) once();
  return static_cast<double>(bytes * times) / (Seconds() - start) * 1e-9;
}

double Median(std::vector<double> values) {
  std::ranges::nth_element(values, values.begin() + values.size() / 2);
  return values[values.size() / 2];
}

struct Kind {
  std::string name;
  std::vector<Key> keys;
  std::vector<float> floats;
  std::vector<std::vector<const Codec*>> stacks;

  Bytes bytes() const {
    return keys.empty() ? std::as_bytes(std::span(floats)) : std::as_bytes(std::span(keys));
  }
  Bytes Encode(SectionEncoder& encoder) const {
    return keys.empty() ? encoder.Encode(floats, 1) : encoder.Encode(keys);
  }
  bool Decode(SectionDecoder& decoder, Bytes section) const {
    return keys.empty() ? decoder.DecodeFloats(section, floats.size()).ok()
                        : decoder.DecodeKeys(section, keys.size()).ok();
  }
  /// Do the decoded bytes equal those that were encoded?
  bool ComesBack(SectionDecoder& decoder, Bytes section) const {
    if (!keys.empty()) {
      const auto decoded = decoder.DecodeKeys(section, keys.size());
      return decoded.ok() && std::ranges::equal(decoded.value(), keys);
    }
    const auto decoded = decoder.DecodeFloats(section, floats.size());
    return decoded.ok() &&
           std::memcmp(decoded.value().data(), floats.data(), floats.size() * sizeof(float)) == 0;
  }
};

std::vector<Key> SortedKeys(std::size_t count, Key max, std::mt19937_64& random) {
  std::vector<Key> keys(count);
  for (Key& key : keys) key = std::uniform_int_distribution<Key>(0, max)(random);
  std::ranges::sort(keys);
  keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
  return keys;
}

std::vector<Kind> MakeKinds(std::size_t bytes) {
  std::mt19937_64 random(7);
  std::normal_distribution<float> normal;
  const std::size_t float_count = bytes / sizeof(float);
  Kind dense{"random float32", {}, std::vector<float>(float_count), {}};
  Kind sparse{"float32, 90 % zeros", {}, std::vector<float>(float_count), {}};
  Kind grid{"on a grid of 2 bytes", {}, std::vector<float>(float_count), {}};
  for (std::size_t i = 0; i < float_count; ++i) {
    dense.floats[i] = normal(random);
    sparse.floats[i] = random() % 10 == 0 ? normal(random) : 0;
    grid.floats[i] = std::round(normal(random) * 4096) * PowerOfTwo(-12);
  }
  const std::size_t key_count = bytes / sizeof(Key);
  Kind hashed{"hashed sorted keys", SortedKeys(key_count, kKeyMax, random), {}, {}};
  Kind small{"small sorted ids", SortedKeys(key_count, key_count * 50, random), {}, {}};
  dense.stacks = {{&ZerosCodec()}, {&FixedCodec()}, {&Lz4Codec()}, {&SnappyCodec()}};
  sparse.stacks = dense.stacks;
  sparse.stacks.push_back({&ZerosCodec(), &FixedCodec(), &Lz4Codec()});
  grid.stacks = dense.stacks;
  hashed.stacks = {{&DeltaCodec()}, {&Lz4Codec()}, {&SnappyCodec()}};
  small.stacks = hashed.stacks;
  small.stacks.push_back({&DeltaCodec(), &Lz4Codec()});
  return {dense, sparse, grid, hashed, small};
}

/// 0 where the word is no size that can be measured.
std::size_t KilobytesOf(const std::string& word) {
  const bool digits = word.size() <= 5 && word.find_first_not_of("0123456789") == std::string::npos;
  const std::size_t kilobytes = digits ? std::strtoul(word.c_str(), nullptr, 10) : 0;
  return kilobytes <= kKilobytesMax ? kilobytes : 0;
}

void Measure(const Kind& kind, const std::vector<const Codec*>& stack) {
  SectionEncoder encoder(stack);
  SectionDecoder decoder;
  const Bytes input = kind.bytes();
  const Bytes section = kind.Encode(encoder);
  const std::vector<std::byte> kept(section.begin(), section.end());
  if (!kind.ComesBack(decoder, kept)) {
    std::fprintf(stderr, "%s by %s: other bytes came back\n", kind.name.c_str(),
                 encoder.ToString().c_str());
    std::exit(1);
  }
  std::vector<std::byte> copy(input.size());
  std::vector<double> memcpy_rates, encode_rates, decode_rates;
  for (int round = 0; round < kRounds; ++round) {
    memcpy_rates.push_back(RateOf(input.size(), [&] {
      std::memcpy(copy.data(), input.data(), input.size());
      asm volatile("" : : "r"(copy.data()) : "memory");
    }));
    encode_rates.push_back(RateOf(input.size(), [&] { (void)kind.Encode(encoder); }));
    decode_rates.push_back(RateOf(input.size(), [&] { (void)kind.Decode(decoder, kept); }));
  }
  const double decode_rate = Median(decode_rates);
  char decode_text[32] = "in place";  // A raw section is only looked at.
  if (decode_rate < kFasterThanAnyCopy) {
    std::snprintf(decode_text, sizeof decode_text, "%.1f", decode_rate);
  }
  std::printf("%-22s %-18s %6.2f %9.1f %9s %9.1f\n", kind.name.c_str(), encoder.ToString().c_str(),
              static_cast<double>(input.size()) / static_cast<double>(kept.size()),
              Median(encode_rates), decode_text, Median(memcpy_rates));
}

}  // namespace
}  // namespace steelyard::filter

int main(int count, char** arguments) {
  using namespace steelyard::filter;
  const std::vector<std::string> words(arguments + 1, arguments + count);
  const auto is_size = [&](const std::string& word) {
    return words.size() == 1 && KilobytesOf(word) > 0;
  };
  if (const auto code = steelyard::EndsEarly(words, kUsage, is_size)) return *code;
  const std::size_t kilobytes = words.empty() ? 800 : KilobytesOf(words.front());
  std::printf("%-22s %-18s %6s %9s %9s %9s\n", "data", "codecs", "ratio", "encode", "decode",
              "memcpy");
  for (const auto& kind : MakeKinds(kilobytes * 1000)) {
    for (const auto& stack : kind.stacks) Measure(kind, stack);
  }
}
