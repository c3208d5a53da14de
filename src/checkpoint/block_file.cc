// BlockFile: framing, checksums and the verified end.
#include "checkpoint/block_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "base/check.h"
#include "base/hash.h"
#include "wire/byte_codec.h"

namespace steelyard::checkpoint {
namespace {

using wire::ByteReader;
using wire::ByteWriter;

constexpr std::uint32_t kBlock = 1;
constexpr std::uint32_t kFooter = 2;
constexpr std::size_t kPrefixBytes = 20;
constexpr std::size_t kCrcBytes = 4;
constexpr std::size_t kFrameBytes = 8;  // kind, bytes
constexpr std::size_t kFooterBytes = 24;
constexpr std::uint32_t kHeaderBytesMax = 64U << 10;

std::span<const std::byte> BytesOf(const std::array<char, 8>& magic) {
  return std::as_bytes(std::span<const char>(magic));
}

// True when the last four bytes are the checksum of those before them.
bool ChecksumHolds(std::span<const std::byte> bytes) {
  std::uint32_t stored = 0;
  std::memcpy(&stored, bytes.data() + bytes.size() - kCrcBytes, kCrcBytes);
  return Crc32c(bytes.first(bytes.size() - kCrcBytes)) == stored;
}

}  // namespace

Result<BlockFileWriter> BlockFileWriter::Create(OutputFile file, const BlockFileKind& kind,
                                                std::span<const std::byte> header) {
  SY_CHECK(header.size() <= kHeaderBytesMax);
  ByteWriter prefix;
  prefix.PutArray<char>(kind.magic);
  prefix.Put(kind.version);
  prefix.Put(static_cast<std::uint32_t>(header.size()));
  prefix.Put(Crc32c(prefix.bytes()));
  const std::uint32_t crc = Crc32c(header);
  BlockFileWriter writer(std::move(file));
  SY_RETURN_IF_ERROR(writer.file_.Append(prefix.bytes()));
  SY_RETURN_IF_ERROR(writer.file_.Append(header));
  SY_RETURN_IF_ERROR(writer.file_.Append(std::as_bytes(std::span(&crc, 1))));
  return writer;
}

Status BlockFileWriter::AppendFramed(std::uint32_t kind, std::span<const std::byte> payload) {
  ByteWriter frame;
  frame.Put(kind);
  frame.Put(static_cast<std::uint32_t>(payload.size()));
  const std::uint32_t crc = Crc32c(payload, Crc32c(frame.bytes()));
  SY_RETURN_IF_ERROR(file_.Append(frame.bytes()));
  SY_RETURN_IF_ERROR(file_.Append(payload));
  return file_.Append(std::as_bytes(std::span(&crc, 1)));
}

Status BlockFileWriter::AppendBlock(std::span<const std::byte> payload, std::uint64_t records) {
  SY_CHECK(payload.size() <= kBlockBytesMax);
  ++blocks_;
  records_ += records;
  return AppendFramed(kBlock, payload);
}

Status BlockFileWriter::Finish() {
  ByteWriter footer;
  footer.Put(records_);
  footer.Put(blocks_);
  footer.Put(file_.hash());
  SY_RETURN_IF_ERROR(AppendFramed(kFooter, footer.bytes()));
  return file_.Finish();
}

Result<BlockFileReader> BlockFileReader::Open(InputFile file, const BlockFileKind& kind) {
  BlockFileReader reader(std::move(file));
  SY_RETURN_IF_ERROR(reader.ReadHeader(kind));
  return reader;
}

Status BlockFileReader::ReadExactly(std::span<std::byte> bytes, const char* what) {
  const std::uint64_t offset = file_.offset();
  const Result<std::size_t> got = file_.Read(bytes);
  if (!got.ok()) return got.status();
  if (got.value() == bytes.size()) return {};
  return file_.Corrupt(offset, fmt::format("the file ends inside {}: {} bytes are missing", what,
                                           bytes.size() - got.value()));
}

Status BlockFileReader::ReadHeader(const BlockFileKind& kind) {
  std::array<std::byte, kPrefixBytes> prefix{};
  SY_RETURN_IF_ERROR(ReadExactly(prefix, "its first 20 bytes"));
  if (!std::ranges::equal(std::span(prefix).first(8), BytesOf(kind.magic))) {
    return file_.Corrupt(0, fmt::format("this is not a steelyard {}", kind.name));
  }
  if (!ChecksumHolds(prefix)) return file_.Corrupt(0, "the checksum of the first bytes differs");
  ByteReader fields(std::span<const std::byte>(prefix).subspan(8));
  const auto version = fields.Get<std::uint32_t>();
  const auto header_bytes = fields.Get<std::uint32_t>();
  if (version != kind.version) {
    return {
        StatusCode::kBadData,
        fmt::format("the {} has format version {}, this program reads version {}; use the program "
                    "that wrote it, or a newer one",
                    kind.name, version, kind.version),
        file_.path()};
  }
  if (header_bytes > kHeaderBytesMax) {
    return file_.Corrupt(12, fmt::format("a header of {} bytes is too long", header_bytes));
  }
  header_.resize(header_bytes + kCrcBytes);
  SY_RETURN_IF_ERROR(ReadExactly(header_, "its header"));
  if (!ChecksumHolds(header_)) {
    return file_.Corrupt(kPrefixBytes, "the checksum of the header differs");
  }
  header_.resize(header_bytes);
  return {};
}

Result<bool> BlockFileReader::Next() {
  const std::uint64_t offset = file_.offset();
  const std::uint64_t hash_before = file_.hash();
  frame_.resize(kFrameBytes);
  SY_RETURN_IF_ERROR(ReadExactly(frame_, "a block's first bytes (or its footer is missing)"));
  ByteReader fields(frame_);
  const auto kind = fields.Get<std::uint32_t>();
  const auto bytes = fields.Get<std::uint32_t>();
  if (kind != kBlock && kind != kFooter) {
    return file_.Corrupt(offset, fmt::format("expected a block, found kind {}", kind));
  }
  if (bytes > kBlockBytesMax) {
    return file_.Corrupt(offset, fmt::format("a block of {} bytes is too long", bytes));
  }
  frame_.resize(kFrameBytes + bytes + kCrcBytes);
  SY_RETURN_IF_ERROR(ReadExactly(std::span(frame_).subspan(kFrameBytes), "a block"));
  if (!ChecksumHolds(frame_)) return file_.Corrupt(offset, "the checksum of the block differs");
  payload_ = std::span<const std::byte>(frame_).subspan(kFrameBytes, bytes);
  payload_offset_ = offset + kFrameBytes;
  if (kind == kBlock) {
    ++blocks_;
    return true;
  }
  SY_RETURN_IF_ERROR(CheckFooter(offset, hash_before));
  return false;
}

Status BlockFileReader::CheckFooter(std::uint64_t offset, std::uint64_t hash_before) {
  ByteReader fields(payload_);
  records_ = fields.Get<std::uint64_t>();
  const auto blocks = fields.Get<std::uint64_t>();
  const auto hash = fields.Get<std::uint64_t>();
  if (!fields.complete() || payload_.size() != kFooterBytes) {
    return file_.Corrupt(offset, "the footer has a wrong length");
  }
  if (blocks != blocks_) {
    return file_.Corrupt(offset,
                         fmt::format("the footer counts {} blocks, {} were read", blocks, blocks_));
  }
  if (hash != hash_before) return file_.Corrupt(offset, "the hash of the whole file differs");
  std::array<std::byte, 1> more{};
  const Result<std::size_t> got = file_.Read(more);
  if (!got.ok()) return got.status();
  if (got.value() != 0) return file_.Corrupt(file_.offset() - 1, "bytes follow the footer");
  return {};
}

}  // namespace steelyard::checkpoint
