// Fuzz targets of sections: keys and floats behind any stack of codecs. Input: the count (u32), then a section.
#include <algorithm>
#include <functional>

#include "filter/section.h"
#include "fuzz/fuzz_target.h"

namespace steelyard::fuzz {
namespace {

/// Small, so that the fuzzer's memory limit finds what allocates before it checks.
constexpr filter::SectionLimits kLimits{.decoded_bytes_max = std::size_t{1} << 20};

struct Input {
  std::uint32_t count = 0;
  Buffer section;
};

Input Split(Bytes input) {
  Input split;
  if (input.size() < sizeof split.count) return split;
  std::memcpy(&split.count, input.data(), sizeof split.count);
  split.section = AlignedCopy(input.subspan(sizeof split.count));
  return split;
}

/// What was accepted is within the limits.
void CheckTaken(const Input& input, Bytes rest, std::size_t decoded_bytes) {
  const std::size_t taken = input.section.size() - rest.size();
  SY_CHECK(taken > 0 && taken % filter::kSectionAlignment == 0);
  SY_CHECK(decoded_bytes <= kLimits.decoded_bytes_max);
  SY_CHECK(decoded_bytes <= (taken + 1) * kLimits.ratio_max);
}

}  // namespace

void FuzzKeySection(Bytes bytes) {
  const Input input = Split(bytes);
  Bytes rest = input.section.bytes();
  filter::SectionDecoder decoder(kLimits);
  const auto keys = decoder.DecodeKeys(rest, input.count);
  if (!keys.ok()) {
    SY_CHECK(keys.status().code() == StatusCode::kCorruption);
    return;
  }
  CheckTaken(input, rest, keys.value().size_bytes());
  SY_CHECK(keys.value().size() == input.count);
  SY_CHECK(std::ranges::is_sorted(keys.value(), std::less_equal<>()));
  filter::SectionEncoder encoder({&filter::DeltaCodec(), &filter::Lz4Codec()});
  Bytes section = encoder.Encode(keys.value());
  filter::SectionDecoder again(kLimits);
  const auto same = again.DecodeKeys(section, input.count);
  SY_CHECK(same.ok() && std::ranges::equal(same.value(), keys.value()));
}

void FuzzFloatSection(Bytes bytes) {
  const Input input = Split(bytes);
  Bytes rest = input.section.bytes();
  filter::SectionDecoder decoder(kLimits);
  const auto floats = decoder.DecodeFloats(rest, input.count);
  if (!floats.ok()) {
    SY_CHECK(floats.status().code() == StatusCode::kCorruption);
    return;
  }
  CheckTaken(input, rest, floats.value().size_bytes());
  SY_CHECK(floats.value().size() == input.count);
  filter::SectionEncoder encoder({&filter::ColumnsCodec(), &filter::ZerosCodec(),
                                  &filter::FixedCodec(), &filter::SnappyCodec()});
  Bytes section = encoder.Encode(floats.value(), 2);
  filter::SectionDecoder again(kLimits);
  const auto same = again.DecodeFloats(section, input.count);
  SY_CHECK(same.ok() && SameBytes(std::as_bytes(same.value()), std::as_bytes(floats.value())));
}

}  // namespace steelyard::fuzz
