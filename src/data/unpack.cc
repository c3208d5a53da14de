// gzip (zlib) and zstd streams as byte sources, with truncation told apart from the end.
#include <fmt/format.h>
#include <zlib.h>
#include <zstd.h>

#include <utility>
#include <vector>

#include "data/byte_source.h"

namespace steelyard::data {
namespace {

constexpr std::size_t kPackedChunkBytes = 256 << 10;

/// The packed side: a chunk in memory and how many bytes went through.
class PackedInput {
 public:
  PackedInput(std::unique_ptr<ByteSource> source, std::string name)
      : source_(std::move(source)), name_(std::move(name)), chunk_(kPackedChunkBytes) {}

  /// Make at least one byte available unless the input ended.
  Status Refill() {
    if (begin < end || ended) return {};
    const Result<std::size_t> got = source_->Read(chunk_.data(), chunk_.size());
    if (!got.ok()) return got.status();
    begin = chunk_.data();
    end = begin + got.value();
    ended = got.value() == 0;
    total += got.value();
    return {};
  }
  std::uint64_t consumed() const { return total - static_cast<std::uint64_t>(end - begin); }

  Status Truncated(const char* kind, std::uint64_t unpacked) const {
    return Status(
        StatusCode::kCorruption,
        fmt::format("the {} stream is truncated: it stops after {} packed bytes ({} bytes of "
                    "text); copy the file again",
                    kind, total, unpacked),
        name_);
  }
  Status Damaged(const char* kind, const char* why, std::uint64_t unpacked) const {
    return Status(StatusCode::kCorruption,
                  fmt::format("the {} stream is damaged near packed byte {} ({} bytes of text were "
                              "good): {}",
                              kind, consumed(), unpacked, why),
                  name_);
  }

  const char* begin = nullptr;
  const char* end = nullptr;
  bool ended = false;
  std::uint64_t total = 0;

 private:
  std::unique_ptr<ByteSource> source_;
  std::string name_;
  std::vector<char> chunk_;
};

class GzipSource : public ByteSource {
 public:
  GzipSource(std::unique_ptr<ByteSource> packed, std::string name)
      : in_(std::move(packed), std::move(name)) {
    ready_ = inflateInit2(&stream_, 15 + 16) == Z_OK;  // 15: largest window; 16: gzip header.
  }
  GzipSource(const GzipSource&) = delete;
  GzipSource& operator=(const GzipSource&) = delete;
  ~GzipSource() override { inflateEnd(&stream_); }

  Result<std::size_t> Read(char* out, std::size_t size) override {
    if (!ready_) return Status(StatusCode::kResourceExhausted, "zlib found no memory");
    for (;;) {
      SY_RETURN_IF_ERROR(in_.Refill());
      if (between_members_) {
        const Result<bool> more = NextMember();
        if (!more.ok()) return more.status();
        if (!more.value()) return std::size_t{0};
        if (in_.begin == in_.end) continue;
      }
      if (in_.ended) return in_.Truncated("gzip", unpacked_);
      stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(in_.begin));
      stream_.avail_in = static_cast<uInt>(in_.end - in_.begin);
      stream_.next_out = reinterpret_cast<Bytef*>(out);
      stream_.avail_out = static_cast<uInt>(size);
      const int code = inflate(&stream_, Z_NO_FLUSH);
      in_.begin = in_.end - stream_.avail_in;
      const std::size_t got = size - stream_.avail_out;
      unpacked_ += got;
      if (code == Z_STREAM_END) {
        between_members_ = true;
      } else if (code != Z_OK && code != Z_BUF_ERROR) {
        return in_.Damaged("gzip", stream_.msg ? stream_.msg : "unreadable", unpacked_);
      }
      if (got > 0) return got;
    }
  }

 private:
  /// Between members: skip zero padding; true when another member begins, false at the end.
  Result<bool> NextMember() {
    while (in_.begin < in_.end && *in_.begin == '\0') ++in_.begin;
    if (in_.begin == in_.end) return !in_.ended;
    if (*in_.begin != '\x1f') {
      return in_.Damaged("gzip", "what follows the end of a member is no gzip member", unpacked_);
    }
    inflateReset(&stream_);
    between_members_ = false;
    return true;
  }

  PackedInput in_;
  z_stream stream_{};
  bool ready_ = false;
  bool between_members_ = false;
  std::uint64_t unpacked_ = 0;
};

class ZstdSource : public ByteSource {
 public:
  ZstdSource(std::unique_ptr<ByteSource> packed, std::string name)
      : in_(std::move(packed), std::move(name)), stream_(ZSTD_createDStream()) {}
  ZstdSource(const ZstdSource&) = delete;
  ZstdSource& operator=(const ZstdSource&) = delete;
  ~ZstdSource() override { ZSTD_freeDStream(stream_); }

  Result<std::size_t> Read(char* out, std::size_t size) override {
    if (stream_ == nullptr) return Status(StatusCode::kResourceExhausted, "zstd found no memory");
    for (;;) {
      SY_RETURN_IF_ERROR(in_.Refill());
      if (in_.ended && !inside_frame_) return std::size_t{0};
      if (in_.ended && !flushing_) return in_.Truncated("zstd", unpacked_);
      ZSTD_inBuffer input{in_.begin, static_cast<std::size_t>(in_.end - in_.begin), 0};
      ZSTD_outBuffer output{out, size, 0};
      const std::size_t code = ZSTD_decompressStream(stream_, &output, &input);
      if (ZSTD_isError(code)) return in_.Damaged("zstd", ZSTD_getErrorName(code), unpacked_);
      in_.begin += input.pos;
      unpacked_ += output.pos;
      inside_frame_ = code != 0;
      flushing_ = output.pos == size;  // A full output may leave more inside the decoder.
      if (output.pos > 0) return output.pos;
    }
  }

 private:
  PackedInput in_;
  ZSTD_DStream* stream_;
  bool inside_frame_ = false;
  bool flushing_ = false;
  std::uint64_t unpacked_ = 0;
};

}  // namespace

std::unique_ptr<ByteSource> Unpack(Packing packing, std::unique_ptr<ByteSource> packed,
                                   std::string name) {
  switch (packing) {
    case Packing::kGzip:
      return std::make_unique<GzipSource>(std::move(packed), std::move(name));
    case Packing::kZstd:
      return std::make_unique<ZstdSource>(std::move(packed), std::move(name));
    case Packing::kNone:
      break;
  }
  return packed;
}

}  // namespace steelyard::data
