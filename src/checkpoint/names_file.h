// NamesFile: the name of each key of a model whose keys are hashed names, in key order, checksummed.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "checkpoint/block_file.h"
#include "steelyard/status.h"
#include "steelyard/types.h"
#include "wire/byte_codec.h"

namespace steelyard::checkpoint {

inline constexpr std::size_t kFeatureNameBytesMax = std::size_t{1} << 20;

/// Writes names as they come.
class NamesFileWriter {
 public:
  static Result<NamesFileWriter> Create(OutputFile file);
  /// Errors: kInvalidArgument  keys not increasing, or a name longer than 1 MiB; kIoError.
  Status Append(Key key, std::string_view name);
  Status Finish();
  std::uint64_t count() const { return count_; }
  const OutputFile& file() const { return blocks_.file(); }

 private:
  explicit NamesFileWriter(BlockFileWriter blocks) : blocks_(std::move(blocks)) {}
  Status FlushBlock();

  BlockFileWriter blocks_;
  wire::ByteWriter block_;
  std::uint64_t in_block_ = 0;
  std::uint64_t count_ = 0;
  Key last_key_ = 0;
};

/// Reads names in key order.
class NamesFileReader {
 public:
  using Visit = std::function<Status(Key key, std::string_view name)>;
  static Result<NamesFileReader> Open(InputFile file);
  /// Visit all names; the end of the file is verified after the last. To be called once.
  Status ReadNames(const Visit& visit);
  const InputFile& file() const { return blocks_.file(); }

 private:
  explicit NamesFileReader(BlockFileReader blocks) : blocks_(std::move(blocks)) {}
  Status VisitBlock(const Visit& visit);

  BlockFileReader blocks_;
  std::uint64_t count_ = 0;
  Key last_key_ = 0;
};

}  // namespace steelyard::checkpoint
