// NamesFile: blocks of (key, name) records.
#include "checkpoint/names_file.h"

#include <fmt/format.h>

#include <utility>

namespace steelyard::checkpoint {
namespace {

constexpr BlockFileKind kKind{
    .magic = {'S', 'Y', 'N', 'A', 'M', 'E', 'S', '\n'}, .version = 1, .name = "names file"};
constexpr std::size_t kBlockBytesAim = std::size_t{1} << 20;

}  // namespace

Result<NamesFileWriter> NamesFileWriter::Create(OutputFile file) {
  auto blocks = BlockFileWriter::Create(std::move(file), kKind, {});
  if (!blocks.ok()) return blocks.status();
  return NamesFileWriter(std::move(blocks.value()));
}

Status NamesFileWriter::Append(Key key, std::string_view name) {
  if (name.size() > kFeatureNameBytesMax) {
    return {StatusCode::kInvalidArgument,
            fmt::format("the name of key {} has {} bytes, more than {}", key, name.size(),
                        kFeatureNameBytesMax),
            file().path()};
  }
  if (count_ > 0 && key <= last_key_) {
    return {StatusCode::kInvalidArgument,
            fmt::format("key {} follows key {}; keys must increase", key, last_key_),
            file().path()};
  }
  last_key_ = key;
  ++count_;
  ++in_block_;
  block_.Put(key);
  block_.PutString(name);
  return block_.size() >= kBlockBytesAim ? FlushBlock() : Status();
}

Status NamesFileWriter::FlushBlock() {
  if (in_block_ == 0) return {};
  const wire::ByteWriter block = std::exchange(block_, {});
  return blocks_.AppendBlock(block.bytes(), std::exchange(in_block_, 0));
}

Status NamesFileWriter::Finish() {
  SY_RETURN_IF_ERROR(FlushBlock());
  return blocks_.Finish();
}

Result<NamesFileReader> NamesFileReader::Open(InputFile file) {
  auto blocks = BlockFileReader::Open(std::move(file), kKind);
  if (!blocks.ok()) return blocks.status();
  if (!blocks.value().header().empty()) {
    return blocks.value().file().Corrupt(20, "the header has a wrong length");
  }
  return NamesFileReader(std::move(blocks.value()));
}

Status NamesFileReader::VisitBlock(const Visit& visit) {
  wire::ByteReader fields(blocks_.payload());
  while (!fields.complete()) {
    const auto key = fields.Get<Key>();
    const std::string name = fields.GetString(kFeatureNameBytesMax);
    if (!fields.ok() || (count_ > 0 && key <= last_key_)) {
      return file().Corrupt(blocks_.payload_offset(),
                            fmt::format("name {} is cut short or out of order", count_));
    }
    last_key_ = key;
    ++count_;
    SY_RETURN_IF_ERROR(visit(key, name));
  }
  return {};
}

Status NamesFileReader::ReadNames(const Visit& visit) {
  for (;;) {
    const Result<bool> more = blocks_.Next();
    if (!more.ok()) return more.status();
    if (!more.value()) break;
    SY_RETURN_IF_ERROR(VisitBlock(visit));
  }
  if (blocks_.records() == count_) return {};
  return file().Corrupt(file().size(), fmt::format("the footer counts {} names, {} were read",
                                                   blocks_.records(), count_));
}

}  // namespace steelyard::checkpoint
