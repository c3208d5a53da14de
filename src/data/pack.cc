// Packing with zlib and zstd at their own default levels.
#include "data/pack.h"

#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <limits>

namespace steelyard::data {
namespace {

constexpr std::size_t kStepBytes = 128 << 10;

class NoPacker final : public Packer {
 public:
  Status Add(std::string_view text, std::string& packed) override {
    packed += text;
    return {};
  }
  Status Finish(std::string&) override { return {}; }
};

class GzipPacker final : public Packer {
 public:
  // 15: largest window; 16: gzip header; 8: zlib's default memory.
  GzipPacker()
      : ready_(deflateInit2(&stream_, Z_DEFAULT_COMPRESSION, Z_DEFLATED, 15 + 16, 8,
                            Z_DEFAULT_STRATEGY) == Z_OK) {}
  GzipPacker(const GzipPacker&) = delete;
  GzipPacker& operator=(const GzipPacker&) = delete;
  ~GzipPacker() override { deflateEnd(&stream_); }

  Status Add(std::string_view text, std::string& packed) override {
    constexpr std::size_t kMost = std::numeric_limits<uInt>::max();
    while (!text.empty()) {
      const std::size_t step = std::min(text.size(), kMost);
      SY_RETURN_IF_ERROR(Run(text.substr(0, step), Z_NO_FLUSH, packed));
      text.remove_prefix(step);
    }
    return {};
  }
  Status Finish(std::string& packed) override { return Run({}, Z_FINISH, packed); }

 private:
  Status Run(std::string_view text, int flush, std::string& packed) {
    if (!ready_) return Status(StatusCode::kResourceExhausted, "zlib found no memory");
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
    stream_.avail_in = static_cast<uInt>(text.size());
    do {
      const std::size_t before = packed.size();
      packed.resize(before + kStepBytes);
      stream_.next_out = reinterpret_cast<Bytef*>(packed.data() + before);
      stream_.avail_out = static_cast<uInt>(kStepBytes);
      deflate(&stream_, flush);
      packed.resize(before + kStepBytes - stream_.avail_out);
    } while (stream_.avail_out == 0);
    return {};
  }

  z_stream stream_{};
  bool ready_;
};

class ZstdPacker final : public Packer {
 public:
  ZstdPacker() : stream_(ZSTD_createCStream()) {}
  ZstdPacker(const ZstdPacker&) = delete;
  ZstdPacker& operator=(const ZstdPacker&) = delete;
  ~ZstdPacker() override { ZSTD_freeCStream(stream_); }

  Status Add(std::string_view text, std::string& packed) override {
    return Run(text, ZSTD_e_continue, packed);
  }
  Status Finish(std::string& packed) override { return Run({}, ZSTD_e_end, packed); }

 private:
  Status Run(std::string_view text, ZSTD_EndDirective end, std::string& packed) {
    if (stream_ == nullptr) return Status(StatusCode::kResourceExhausted, "zstd found no memory");
    ZSTD_inBuffer input{text.data(), text.size(), 0};
    for (;;) {
      const std::size_t before = packed.size();
      packed.resize(before + kStepBytes);
      ZSTD_outBuffer output{packed.data() + before, kStepBytes, 0};
      const std::size_t left = ZSTD_compressStream2(stream_, &output, &input, end);
      packed.resize(before + output.pos);
      if (ZSTD_isError(left)) {
        return Status(StatusCode::kResourceExhausted, ZSTD_getErrorName(left));
      }
      const bool done = end == ZSTD_e_end ? left == 0 : input.pos == input.size;
      if (done) return {};
    }
  }

  ZSTD_CStream* stream_;
};

}  // namespace

std::unique_ptr<Packer> MakePacker(Packing packing) {
  switch (packing) {
    case Packing::kGzip:
      return std::make_unique<GzipPacker>();
    case Packing::kZstd:
      return std::make_unique<ZstdPacker>();
    case Packing::kNone:
      break;
  }
  return std::make_unique<NoPacker>();
}

Packing PackingOfName(std::string_view path) {
  if (path.ends_with(".gz") || path.ends_with(".gzip")) return Packing::kGzip;
  if (path.ends_with(".zst") || path.ends_with(".zstd")) return Packing::kZstd;
  return Packing::kNone;
}

}  // namespace steelyard::data
