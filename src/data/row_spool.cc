// Spooled rows: blocks in memory, then blocks in a file without a name.
#include "data/row_spool.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <system_error>
#include <utility>

namespace steelyard::data {
namespace {

constexpr RowFile::Purpose kPurpose{.what = "rows kept aside in a temporary file",
                                    .advice = "free space there, or set TMPDIR to another folder"};

std::string TemporaryFolder() {
  std::error_code ignored;
  const std::string folder = std::filesystem::temp_directory_path(ignored).string();
  return folder.empty() ? "/tmp" : folder;
}

std::size_t BytesOf(const RowBlock& block) {
  return sizeof(RowBlock) + block.rows.size() * sizeof(block.rows[0]) +
         (block.labels.size() + block.weights.size() + block.values.size()) * sizeof(float) +
         block.offsets.size() * sizeof(block.offsets[0]) + block.keys.size() * sizeof(Key);
}

}  // namespace

RowSpool::RowSpool(std::size_t memory_bytes_max, std::string folder)
    : memory_bytes_max_(memory_bytes_max),
      folder_(folder.empty() ? TemporaryFolder() : std::move(folder)),
      file_(-1, folder_, kPurpose) {}

Status RowSpool::OpenFile() {
  std::string name = folder_ + "/steelyard-rows-XXXXXX";
  const int file = ::mkostemp(name.data(), O_CLOEXEC);
  if (file < 0) return file_.Error("keep", errno);
  ::unlink(name.c_str());
  file_ = RowFile(file, folder_, kPurpose);
  return {};
}

Status RowSpool::Append(const RowBlock& block) {
  if (block.empty()) return {};
  const std::size_t bytes = BytesOf(block);
  if (!file_.is_open() && memory_bytes_ + bytes <= memory_bytes_max_) {
    memory_bytes_ += bytes;
    blocks_.push_back(block);
  } else {
    if (!file_.is_open()) SY_RETURN_IF_ERROR(OpenFile());
    SY_RETURN_IF_ERROR(file_.Append(block));
  }
  rows_ += block.size();
  return {};
}

Status RowSpool::Read(std::size_t rows_max, RowBlock& block) {
  for (std::size_t taken = 0; taken < rows_max;) {
    const bool in_memory = next_block_ > 0 && next_block_ <= blocks_.size();
    const RowBlock& from = in_memory ? blocks_[next_block_ - 1] : current_;
    if (next_block_ > 0 && next_row_ < from.size()) {
      AppendRow(from, next_row_++, block);
      ++taken;
      continue;
    }
    if (next_block_ >= blocks_.size()) {
      if (file_at_ == file_.bytes()) return {};
      SY_RETURN_IF_ERROR(file_.Read(file_at_, current_));
    }
    ++next_block_;
    next_row_ = 0;
  }
  return {};
}

Status RowSpool::Rewind() {
  next_block_ = 0;
  next_row_ = 0;
  file_at_ = 0;
  return {};
}

}  // namespace steelyard::data
