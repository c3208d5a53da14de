// BlockFile: the frame of every binary file of a model: a header, checksummed blocks, a footer.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "checkpoint/file.h"
#include "steelyard/status.h"

namespace steelyard::checkpoint {

/// What distinguishes one kind of block file from another.
struct BlockFileKind {
  std::array<char, 8> magic;
  std::uint32_t version;
  const char* name;  ///< "table file"; for messages.
};

inline constexpr std::uint32_t kBlockBytesMax = 4U << 20;

/// Writes a block file. Layout, little-endian; crc is CRC32C:
///
///   magic[8]  version u32  header_bytes u32  crc u32 (of these 16 bytes)
///   header[header_bytes]  crc u32
///   kind u32 = 1  bytes u32  payload[bytes]  crc u32 (of kind, bytes and payload)    any number of times
///   kind u32 = 2  bytes u32 = 24  records u64  blocks u64  hash u64  crc u32         the footer; nothing follows
///
/// `hash` is XXH3-64 of every byte before the footer. `records` counts what the kind of file counts.
class BlockFileWriter {
 public:
  static Result<BlockFileWriter> Create(OutputFile file, const BlockFileKind& kind,
                                        std::span<const std::byte> header);
  /// @param payload  at most kBlockBytesMax bytes.
  Status AppendBlock(std::span<const std::byte> payload, std::uint64_t records);
  /// Write the footer, flush and close.
  Status Finish();

  std::uint64_t records() const { return records_; }
  const OutputFile& file() const { return file_; }

 private:
  explicit BlockFileWriter(OutputFile file) : file_(std::move(file)) {}
  Status AppendFramed(std::uint32_t kind, std::span<const std::byte> payload);

  OutputFile file_;
  std::uint64_t records_ = 0;
  std::uint64_t blocks_ = 0;
};

/// Reads a block file, one block in memory at a time.
class BlockFileReader {
 public:
  /// Read the header. Errors: kCorruption; kBadData  a version that this program does not know.
  static Result<BlockFileReader> Open(InputFile file, const BlockFileKind& kind);

  std::span<const std::byte> header() const { return header_; }

  /// Read the next block.
  /// @return its payload, valid until the next call; false at the end, the footer then being verified.
  /// Errors: kCorruption  naming the file and the byte; kIoError.
  Result<bool> Next();
  std::span<const std::byte> payload() const { return payload_; }

  /// Where the current payload begins.
  std::uint64_t payload_offset() const { return payload_offset_; }
  /// What the footer says, once Next() returned false.
  std::uint64_t records() const { return records_; }
  const InputFile& file() const { return file_; }

 private:
  explicit BlockFileReader(InputFile file) : file_(std::move(file)) {}
  Status ReadExactly(std::span<std::byte> bytes, const char* what);
  Status ReadHeader(const BlockFileKind& kind);
  Status CheckFooter(std::uint64_t offset, std::uint64_t hash_before);

  InputFile file_;
  std::vector<std::byte> header_;
  std::vector<std::byte> frame_;  // kind, bytes, payload, crc
  std::span<const std::byte> payload_;
  std::uint64_t payload_offset_ = 0;
  std::uint64_t blocks_ = 0;
  std::uint64_t records_ = 0;
};

}  // namespace steelyard::checkpoint
