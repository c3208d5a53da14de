// Sections: the keys or the floats of a message after a stack of codecs, described by their own first bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "filter/codec.h"
#include "steelyard/types.h"
#include "wire/frame.h"

namespace steelyard::filter {

/// A section names at most this many codecs: columns, zeros, fixed, and one of bytes.
inline constexpr std::size_t kStagesMax = 4;
/// A section is as long as a multiple of this, so that what follows it stays aligned.
inline constexpr std::size_t kSectionAlignment = 8;

/// What sender and receiver agree on; the sender pads, the receiver refuses.
struct SectionLimits {
  std::size_t decoded_bytes_max = wire::kFrameBytesMax;
  /// A section decodes to at most so many times its own size: what a peer may have on its way bounds what memory it can
  /// take here. A receiver that asked for just so many floats (a pull) may allow more.
  std::size_t ratio_max = 8;
};

/// Uninitialised memory that is used again and only grows.
class Scratch {
 public:
  /// `size` bytes, 64-byte aligned; what they held is lost.
  std::span<std::byte> Take(std::size_t size);
  std::size_t capacity() const { return capacity_; }

 private:
  struct Free {
    void operator()(std::byte* memory) const;
  };
  std::unique_ptr<std::byte, Free> memory_;
  std::size_t capacity_ = 0;
};

/// Bytes that one codec took and left, over all sections that it was tried on.
struct StageCounts {
  std::uint64_t bytes_before = 0;
  std::uint64_t bytes_after = 0;
  std::uint64_t left_out = 0;  ///< Sections that it would not have made smaller.
};

/// Encodes the sections of one kind of one sender.
///
/// Layout of a section, little-endian: the codecs' ids in the order in which they were applied (4 x u8, 0: no more);
/// the section's bytes (u32); the decoded bytes (u32); for each codec the bytes that it left (u32); zeros up to a
/// multiple of 8; what the last codec left; zeros up to the end.
/// Threads: one at a time. Memory: two scratch buffers of the largest section seen.
class SectionEncoder {
 public:
  /// At most kStagesMax codecs, the first is applied first. None: sections are copies.
  explicit SectionEncoder(std::vector<const Codec*> codecs, SectionLimits limits = {});

  /// Encode keys [n] or floats [n, width]. A codec that shrinks nothing is left out; if none does, the section holds
  /// the bytes as they are.
  /// @return the section; valid until the next call.
  Bytes Encode(std::span<const Key> keys);
  Bytes Encode(std::span<const float> floats, std::uint32_t width);

  std::span<const Codec* const> codecs() const { return codecs_; }
  /// One for each codec, in order.
  std::span<const StageCounts> counts() const { return counts_; }
  /// E.g. "zeros+fixed+lz4", or "raw".
  std::string ToString() const;

 private:
  struct Stages;
  Bytes EncodeBytes(Bytes input, std::uint32_t width);
  /// Put the header before `payload` and zeros after it; there is room.
  Bytes Finish(const Stages& stages, std::span<std::byte> payload) const;

  std::vector<const Codec*> codecs_;
  SectionLimits limits_;
  std::vector<StageCounts> counts_;
  Scratch scratch_[2];
};

/// Decodes foreign sections of any stack. Nothing is allocated before every declared size is within the limits.
///
/// Threads: one at a time. Memory: two scratch buffers of at most decoded_bytes_max + 64 bytes each.
class SectionDecoder {
 public:
  explicit SectionDecoder(SectionLimits limits = {}) : limits_(limits) {}

  /// Take a section from the front of `bytes`, which may hold more behind it.
  /// @param count  how many there must be: what the message's directory says.
  /// @return the keys, strictly increasing; valid until the next call or as long as `bytes`.
  /// Errors: kCorruption  any other bytes than a section of so many; `bytes` is as it was.
  Result<std::span<const Key>> DecodeKeys(Bytes& bytes, std::size_t count);
  /// As DecodeKeys(), of floats: any bits, not finite ones too.
  Result<std::span<const float>> DecodeFloats(Bytes& bytes, std::size_t count);

  /// Memory that it keeps for the next section.
  std::size_t scratch_bytes() const { return scratch_[0].capacity() + scratch_[1].capacity(); }

 private:
  Result<Bytes> Decode(Bytes& bytes, std::size_t decoded_bytes, std::size_t alignment);

  SectionLimits limits_;
  Scratch scratch_[2];
};

}  // namespace steelyard::filter
