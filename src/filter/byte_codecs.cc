// LZ4 and Snappy, for links that are slower than they are. Layouts: those of the libraries, without frames.
#include <lz4.h>
#include <snappy.h>

#include "filter/codec.h"

namespace steelyard::filter {
namespace {

const char* Chars(Bytes bytes) {
  return reinterpret_cast<const char*>(bytes.data());
}
char* Chars(std::span<std::byte> bytes) {
  return reinterpret_cast<char*>(bytes.data());
}

class Lz4 final : public Codec {
 public:
  CodecId id() const override { return CodecId::kLz4; }
  std::string_view name() const override { return "lz4"; }

  std::size_t EncodedBytesMax(std::size_t input_bytes) const override {
    return input_bytes > LZ4_MAX_INPUT_SIZE
               ? 0
               : static_cast<std::size_t>(LZ4_compressBound(static_cast<int>(input_bytes)));
  }

  std::size_t Encode(Bytes input, std::uint32_t /*width*/,
                     std::span<std::byte> output) const override {
    if (input.empty() || input.size() > LZ4_MAX_INPUT_SIZE) return 0;
    return static_cast<std::size_t>(LZ4_compress_default(Chars(input), Chars(output),
                                                         static_cast<int>(input.size()),
                                                         static_cast<int>(output.size())));
  }

  Status Decode(Bytes input, std::span<std::byte> output) const override {
    if (input.size() > LZ4_MAX_INPUT_SIZE || output.size() > LZ4_MAX_INPUT_SIZE) {
      return CorruptSection(name(), "larger than LZ4 takes");
    }
    const int bytes =
        LZ4_decompress_safe(Chars(input), Chars(output), static_cast<int>(input.size()),
                            static_cast<int>(output.size()));
    if (bytes < 0 || static_cast<std::size_t>(bytes) != output.size()) {
      return CorruptSection(name(), "not an LZ4 block of the declared size");
    }
    return {};
  }
};

class Snappy final : public Codec {
 public:
  CodecId id() const override { return CodecId::kSnappy; }
  std::string_view name() const override { return "snappy"; }

  std::size_t EncodedBytesMax(std::size_t input_bytes) const override {
    return snappy::MaxCompressedLength(input_bytes);
  }

  std::size_t Encode(Bytes input, std::uint32_t /*width*/,
                     std::span<std::byte> output) const override {
    if (input.empty()) return 0;
    std::size_t bytes = 0;
    snappy::RawCompress(Chars(input), input.size(), Chars(output), &bytes);
    return bytes;
  }

  Status Decode(Bytes input, std::span<std::byte> output) const override {
    std::size_t bytes = 0;
    if (!snappy::GetUncompressedLength(Chars(input), input.size(), &bytes) ||
        bytes != output.size() ||
        !snappy::RawUncompress(Chars(input), input.size(), Chars(output))) {
      return CorruptSection(name(), "not Snappy of the declared size");
    }
    return {};
  }
};

}  // namespace

const Codec& Lz4Codec() {
  static const Lz4 codec;
  return codec;
}

const Codec& SnappyCodec() {
  static const Snappy codec;
  return codec;
}

}  // namespace steelyard::filter
