#include "data/row_spool.h"

#include <cerrno>
#include <cstring>
#include <string>
#include <type_traits>

namespace steelyard::data {
namespace {

Status FileError(const char* what) {
  const char* folder = P_tmpdir;
  return Status(StatusCode::kIoError,
                std::string("cannot ") + what + " held-out rows in a temporary file: " +
                    std::strerror(errno) + "; free space there",
                folder);
}

template <typename T>
bool Write(std::FILE* file, const std::vector<T>& items) {
  static_assert(std::is_trivially_copyable_v<T>);
  const std::uint64_t count = items.size();
  return std::fwrite(&count, sizeof count, 1, file) == 1 &&
         (count == 0 || std::fwrite(items.data(), sizeof(T), count, file) == count);
}

template <typename T>
bool Read(std::FILE* file, std::vector<T>& items) {
  std::uint64_t count = 0;
  if (std::fread(&count, sizeof count, 1, file) != 1) return false;
  items.resize(count);
  return count == 0 || std::fread(items.data(), sizeof(T), count, file) == count;
}

std::size_t BytesOf(const RowBlock& block) {
  return block.size() * 24 + block.keys.size() * sizeof(Key) + block.values.size() * sizeof(float);
}

}  // namespace

Status RowSpool::Append(const RowBlock& block) {
  if (block.empty()) return {};
  rows_ += block.size();
  if (!file_ && memory_bytes_ + BytesOf(block) <= memory_bytes_max_) {
    memory_bytes_ += BytesOf(block);
    blocks_.push_back(block);
    return {};
  }
  return Spill(block);
}

Status RowSpool::Spill(const RowBlock& block) {
  if (!file_) file_.reset(std::tmpfile());
  if (!file_ || std::fseek(file_.get(), 0, SEEK_END) != 0) return FileError("keep");
  const bool written = Write(file_.get(), block.rows) && Write(file_.get(), block.labels) &&
                       Write(file_.get(), block.weights) && Write(file_.get(), block.offsets) &&
                       Write(file_.get(), block.keys) && Write(file_.get(), block.values) &&
                       std::fflush(file_.get()) == 0;
  if (!written) return FileError("keep");
  ++spilled_blocks_;
  return {};
}

Status RowSpool::ReadSpilled(RowBlock& block) {
  if (next_block_ == blocks_.size() && std::fseek(file_.get(), 0, SEEK_SET) != 0)
    return FileError("read back");
  const bool read = data::Read(file_.get(), block.rows) && data::Read(file_.get(), block.labels) &&
                    data::Read(file_.get(), block.weights) &&
                    data::Read(file_.get(), block.offsets) && data::Read(file_.get(), block.keys) &&
                    data::Read(file_.get(), block.values);
  return read ? Status() : FileError("read back");
}

Status RowSpool::Read(std::size_t rows_max, RowBlock& block) {
  for (std::size_t taken = 0; taken < rows_max;) {
    const bool in_memory = next_block_ > 0 && next_block_ <= blocks_.size();
    const RowBlock& from = in_memory ? blocks_[next_block_ - 1] : current_;
    if (next_block_ == 0 || next_row_ == from.size()) {
      if (next_block_ == blocks_.size() + spilled_blocks_) return {};
      if (next_block_ >= blocks_.size()) SY_RETURN_IF_ERROR(ReadSpilled(current_));
      ++next_block_;
      next_row_ = 0;
      continue;
    }
    AppendRow(from, next_row_++, block);
    ++taken;
  }
  return {};
}

Status RowSpool::Rewind() {
  next_block_ = 0;
  next_row_ = 0;
  current_.Clear();
  return {};
}

}  // namespace steelyard::data
