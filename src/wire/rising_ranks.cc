#include "wire/rising_ranks.h"

#include "base/check.h"

namespace steelyard::wire {
namespace {

constexpr std::uint32_t kMore = 8;  ///< Of a half-byte: another one follows.

class HalfWriter {
 public:
  explicit HalfWriter(std::vector<std::uint8_t>* bytes) : bytes_(bytes) {}
  void Put(std::uint32_t number) {
    for (; number >= kMore; number >>= 3) PutHalf((number & (kMore - 1)) | kMore);
    PutHalf(number);
  }

 private:
  void PutHalf(std::uint32_t half) {
    if (lower_) {
      bytes_->push_back(static_cast<std::uint8_t>(half));
    } else {
      bytes_->back() |= static_cast<std::uint8_t>(half << 4);
    }
    lower_ = !lower_;
  }
  std::vector<std::uint8_t>* bytes_;
  bool lower_ = true;
};

class HalfReader {
 public:
  explicit HalfReader(std::span<const std::uint8_t> bytes) : bytes_(bytes) {}
  /// Nothing at the end, and for a number of more than 32 bits or with zeros in front.
  std::optional<std::uint32_t> Get() {
    std::uint64_t number = 0;
    for (unsigned shift = 0; shift < 33 && at_ < 2 * bytes_.size(); shift += 3) {
      const std::uint32_t half = bytes_[at_ / 2] >> (at_ % 2 * 4) & 15u;
      ++at_;
      number |= std::uint64_t{half & (kMore - 1)} << shift;
      if ((half & kMore) != 0) continue;
      if (number > ~std::uint32_t{0} || (half == 0 && shift > 0)) return {};
      return static_cast<std::uint32_t>(number);
    }
    return {};
  }
  /// Nothing is left but the zeros that fill a byte.
  bool complete() const {
    return (at_ + 1) / 2 == bytes_.size() && (at_ % 2 == 0 || bytes_.back() >> 4 == 0);
  }

 private:
  std::span<const std::uint8_t> bytes_;
  std::size_t at_ = 0;
};

}  // namespace

RisingRanks RisingRanks::Of(std::span<const std::uint32_t> ranks) {
  RisingRanks coded;
  HalfWriter writer(&coded.halves);
  std::uint32_t next = 0;  // After the last one.
  for (const std::uint32_t rank : ranks) {
    SY_DCHECK(rank >= next);
    writer.Put(rank == kNoRank ? 0 : rank - next + 1);
    if (rank != kNoRank) next = rank + 1;
  }
  return coded;
}

std::optional<std::vector<std::uint32_t>> RisingRanks::Expand(std::size_t count) const {
  if (count > 2 * halves.size()) return {};
  std::vector<std::uint32_t> ranks(count);
  HalfReader reader(halves);
  std::uint64_t next = 0;
  for (std::uint32_t& rank : ranks) {
    const std::optional<std::uint32_t> distance = reader.Get();
    if (!distance) return {};
    next += *distance;
    if (next > kNoRank) return {};
    rank = *distance == 0 ? kNoRank : static_cast<std::uint32_t>(next - 1);
  }
  if (!reader.complete()) return {};
  return ranks;
}

}  // namespace steelyard::wire
