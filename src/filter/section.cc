#include "filter/section.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <new>
#include <utility>

#include "base/check.h"
#include "base/spans.h"
#include "filter/raw_bytes.h"

namespace steelyard::filter {
namespace {

constexpr std::align_val_t kScratchAlignment{64};
/// What a codec that prepares for others may add.
constexpr std::size_t kPreparationBytesMax = 64;

constexpr std::size_t RoundUp(std::size_t bytes, std::size_t multiple) {
  return (bytes + multiple - 1) / multiple * multiple;
}

/// Codec ids, section bytes, decoded bytes, and what each codec left.
constexpr std::size_t HeaderBytes(std::size_t codec_count) {
  return RoundUp(12 + 4 * codec_count, kSectionAlignment);
}
constexpr std::size_t kHeaderBytesMax = HeaderBytes(kStagesMax);

Status Corrupt(const std::string& what) {
  return CorruptSection("section", what);
}

/// What a header says, checked against itself, the limits and the bytes that are there.
struct Header {
  std::array<const Codec*, kStagesMax> codecs{};
  std::array<std::size_t, kStagesMax> left_bytes{};
  std::size_t codec_count = 0;
  std::size_t decoded_bytes = 0;
  std::size_t section_bytes = 0;

  std::size_t payload_bytes() const {
    return codec_count == 0 ? decoded_bytes : left_bytes[codec_count - 1];
  }
};

bool AllZero(Bytes bytes) {
  return std::ranges::all_of(bytes, [](std::byte byte) { return byte == std::byte{0}; });
}

Status ReadCodecs(Bytes ids, Header& header) {
  for (const std::byte id : ids) {
    if (id == std::byte{0}) break;
    const Codec* const codec = FindCodec(static_cast<CodecId>(id));
    if (codec == nullptr) {
      return Corrupt("codec " + std::to_string(std::to_integer<int>(id)) + " is not known here");
    }
    header.codecs[header.codec_count++] = codec;
  }
  return AllZero(ids.subspan(header.codec_count)) ? Status() : Corrupt("a gap in the codecs");
}

Result<Header> ReadHeader(Bytes bytes, const SectionLimits& limits) {
  Header header;
  if (bytes.size() < HeaderBytes(0)) return Corrupt("cut off");
  SY_RETURN_IF_ERROR(ReadCodecs(bytes.first(kStagesMax), header));
  header.section_bytes = LoadAt<std::uint32_t>(bytes.data() + 4);
  header.decoded_bytes = LoadAt<std::uint32_t>(bytes.data() + 8);
  const std::size_t header_bytes = HeaderBytes(header.codec_count);
  if (header.section_bytes > bytes.size() || header.section_bytes % kSectionAlignment != 0 ||
      header.section_bytes < header_bytes) {
    return Corrupt("its length does not fit");
  }
  if (header.decoded_bytes > limits.decoded_bytes_max ||
      header.decoded_bytes / limits.ratio_max > header.section_bytes) {
    return Corrupt(std::to_string(header.section_bytes) + " bytes that say they decode to " +
                   std::to_string(header.decoded_bytes));
  }
  for (std::size_t i = 0; i < header.codec_count; ++i) {
    header.left_bytes[i] = LoadAt<std::uint32_t>(bytes.data() + 12 + 4 * i);
    if (header.left_bytes[i] > header.decoded_bytes + kPreparationBytesMax) {
      return Corrupt("a codec left more than it took");
    }
  }
  const std::size_t end = header_bytes + header.payload_bytes();
  const std::size_t fields_end = 12 + 4 * header.codec_count;
  if (end > header.section_bytes ||
      !AllZero(bytes.subspan(fields_end, header_bytes - fields_end)) ||
      !AllZero(bytes.subspan(end, header.section_bytes - end))) {
    return Corrupt("its codecs' bytes do not fill it");
  }
  return header;
}

}  // namespace

void Scratch::Free::operator()(std::byte* memory) const {
  ::operator delete(memory, kScratchAlignment);
}

std::span<std::byte> Scratch::Take(std::size_t size) {
  if (size > capacity_) {
    memory_.reset();
    capacity_ = 0;
    memory_.reset(static_cast<std::byte*>(::operator new(size, kScratchAlignment)));
    capacity_ = size;
  }
  return {memory_.get(), size};
}

struct SectionEncoder::Stages {
  std::size_t decoded_bytes = 0;
  std::size_t count = 0;
  std::array<CodecId, kStagesMax> ids{};
  std::array<std::size_t, kStagesMax> left_bytes{};
};

SectionEncoder::SectionEncoder(std::vector<const Codec*> codecs, SectionLimits limits)
    : codecs_(std::move(codecs)), limits_(limits), counts_(codecs_.size()) {
  SY_CHECK(codecs_.size() <= kStagesMax);
}

Bytes SectionEncoder::Encode(std::span<const Key> keys) {
  return EncodeBytes(std::as_bytes(keys), 1);
}

Bytes SectionEncoder::Encode(std::span<const float> floats, std::uint32_t width) {
  return EncodeBytes(std::as_bytes(floats), width);
}

std::string SectionEncoder::ToString() const {
  std::string text;
  for (const Codec* const codec : codecs_) {
    if (!text.empty()) text += '+';
    text += codec->name();
  }
  return text.empty() ? "raw" : text;
}

Bytes SectionEncoder::EncodeBytes(Bytes input, std::uint32_t width) {
  SY_CHECK(input.size() <= limits_.decoded_bytes_max);
  Stages stages{.decoded_bytes = input.size()};
  // Room for the header before what a codec leaves, and for padding after it.
  const std::size_t padding_max = input.size() / limits_.ratio_max + 2 * kSectionAlignment;
  Bytes current = input;
  std::span<std::byte> payload;  // `current`, once a codec has left it.
  std::size_t next = 0;          // The scratch buffer that does not hold it.
  for (std::size_t i = 0; i < codecs_.size(); ++i) {
    const std::size_t room = codecs_[i]->EncodedBytesMax(current.size());
    const auto out = scratch_[next].Take(kHeaderBytesMax + room + padding_max);
    const std::size_t left = codecs_[i]->Encode(current, width, out.subspan(kHeaderBytesMax, room));
    const bool prepares = codecs_[i]->id() == CodecId::kColumns;
    const bool kept = left > 0 && (left < current.size() || prepares);
    counts_[i].bytes_before += current.size();
    counts_[i].bytes_after += kept ? left : current.size();
    counts_[i].left_out += kept ? 0 : 1;
    if (!kept) continue;
    stages.ids[stages.count] = codecs_[i]->id();
    stages.left_bytes[stages.count++] = left;
    payload = out.subspan(kHeaderBytesMax, left);
    current = payload;
    next = 1 - next;
  }
  if (stages.count == 0 || current.size() >= input.size()) {
    stages = {.decoded_bytes = input.size()};
    payload = scratch_[0]
                  .Take(kHeaderBytesMax + input.size() + padding_max)
                  .subspan(kHeaderBytesMax, input.size());
    if (!input.empty()) std::memcpy(payload.data(), input.data(), input.size());
  }
  return Finish(stages, payload);
}

Bytes SectionEncoder::Finish(const Stages& stages, std::span<std::byte> payload) const {
  const std::size_t header_bytes = HeaderBytes(stages.count);
  const std::size_t least_bytes =
      (stages.decoded_bytes + limits_.ratio_max - 1) / limits_.ratio_max;
  const std::size_t section_bytes =
      RoundUp(std::max(header_bytes + payload.size(), least_bytes), kSectionAlignment);
  std::byte* const section = payload.data() - header_bytes;
  std::fill(section, payload.data(), std::byte{0});
  std::fill(payload.data() + payload.size(), section + section_bytes, std::byte{0});
  for (std::size_t i = 0; i < stages.count; ++i) {
    section[i] = static_cast<std::byte>(stages.ids[i]);
    StoreAt(section + 12 + 4 * i, static_cast<std::uint32_t>(stages.left_bytes[i]));
  }
  StoreAt(section + 4, static_cast<std::uint32_t>(section_bytes));
  StoreAt(section + 8, static_cast<std::uint32_t>(stages.decoded_bytes));
  return {section, section_bytes};
}

Result<Bytes> SectionDecoder::Decode(Bytes& bytes, std::size_t decoded_bytes,
                                     std::size_t alignment) {
  const Result<Header> read = ReadHeader(bytes, limits_);
  if (!read.ok()) return read.status();
  const Header& header = read.value();
  if (header.decoded_bytes != decoded_bytes) {
    return Corrupt(std::to_string(header.decoded_bytes) + " decoded bytes where the message has " +
                   std::to_string(decoded_bytes));
  }
  Bytes current = bytes.subspan(HeaderBytes(header.codec_count), header.payload_bytes());
  for (std::size_t i = header.codec_count; i-- > 0;) {
    const std::size_t size = i == 0 ? header.decoded_bytes : header.left_bytes[i - 1];
    const std::span<std::byte> out = scratch_[i % 2].Take(size);
    SY_RETURN_IF_ERROR(header.codecs[i]->Decode(current, out));
    current = out;
  }
  if (reinterpret_cast<std::uintptr_t>(current.data()) % alignment != 0) {
    const std::span<std::byte> out = scratch_[0].Take(current.size());
    if (!current.empty()) std::memcpy(out.data(), current.data(), current.size());
    current = out;
  }
  bytes = bytes.subspan(header.section_bytes);
  return current;
}

Result<std::span<const Key>> SectionDecoder::DecodeKeys(Bytes& bytes, std::size_t count) {
  Bytes rest = bytes;
  const Result<Bytes> decoded = Decode(rest, count * sizeof(Key), alignof(Key));
  if (!decoded.ok()) return decoded.status();
  const std::span keys(reinterpret_cast<const Key*>(decoded.value().data()), count);
  if (!StrictlyIncreasing(keys)) return Corrupt("the keys are not strictly increasing");
  bytes = rest;
  return keys;
}

Result<std::span<const float>> SectionDecoder::DecodeFloats(Bytes& bytes, std::size_t count) {
  const Result<Bytes> decoded = Decode(bytes, count * sizeof(float), alignof(float));
  if (!decoded.ok()) return decoded.status();
  return std::span(reinterpret_cast<const float*>(decoded.value().data()), count);
}

}  // namespace steelyard::filter
