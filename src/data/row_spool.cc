// Spooled rows: blocks in memory, then blocks in a file without a name.
#include "data/row_spool.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <system_error>
#include <type_traits>
#include <utility>

namespace steelyard::data {
namespace {

constexpr std::size_t kColumns = 6;

/// Visit the columns of a block in the order in which they stand in the file.
template <typename Block, typename Visitor>
Status ForEachColumn(Block& block, Visitor visit) {
  SY_RETURN_IF_ERROR(visit(0, block.rows));
  SY_RETURN_IF_ERROR(visit(1, block.labels));
  SY_RETURN_IF_ERROR(visit(2, block.weights));
  SY_RETURN_IF_ERROR(visit(3, block.offsets));
  SY_RETURN_IF_ERROR(visit(4, block.keys));
  return visit(5, block.values);
}

std::size_t BytesOf(RowBlock& block) {
  std::size_t bytes = sizeof(RowBlock);
  (void)ForEachColumn(block, [&](std::size_t, auto& column) {
    bytes += column.size() * sizeof(column[0]);
    return Status();
  });
  return bytes;
}

}  // namespace

RowSpool::RowSpool(std::size_t memory_bytes_max, std::string folder)
    : memory_bytes_max_(memory_bytes_max), folder_(std::move(folder)) {
  std::error_code ignored;
  if (folder_.empty()) folder_ = std::filesystem::temp_directory_path(ignored).string();
  if (folder_.empty()) folder_ = "/tmp";
}

RowSpool::~RowSpool() {
  if (file_ >= 0) ::close(file_);
}

Status RowSpool::FileError(const char* what, int error) const {
  return Status(
      StatusCode::kIoError,
      fmt::format("cannot {} rows kept aside in a temporary file: {}; free space there, or set "
                  "TMPDIR to another folder",
                  what, std::error_code(error, std::generic_category()).message()),
      folder_);
}

Status RowSpool::OpenFile() {
  std::string name = folder_ + "/steelyard-rows-XXXXXX";
  file_ = ::mkostemp(name.data(), O_CLOEXEC);
  if (file_ < 0) return FileError("keep", errno);
  ::unlink(name.c_str());
  return {};
}

/// Read or write all of `bytes` at `at`, and move `at` behind them.
Status RowSpool::Transfer(bool writing, void* data, std::size_t bytes, std::uint64_t& at) {
  auto* next = static_cast<char*>(data);
  while (bytes > 0) {
    const auto offset = static_cast<off_t>(at);
    const ssize_t done =
        writing ? ::pwrite(file_, next, bytes, offset) : ::pread(file_, next, bytes, offset);
    if (done < 0 && errno == EINTR) continue;
    if (done <= 0) return FileError(writing ? "keep" : "read back", done < 0 ? errno : EIO);
    next += done;
    bytes -= static_cast<std::size_t>(done);
    at += static_cast<std::uint64_t>(done);
  }
  return {};
}

Status RowSpool::Append(const RowBlock& block) {
  if (block.empty()) return {};
  RowBlock copy = block;
  const std::size_t bytes = BytesOf(copy);
  if (file_ < 0 && memory_bytes_ + bytes <= memory_bytes_max_) {
    memory_bytes_ += bytes;
    blocks_.push_back(std::move(copy));
  } else {
    SY_RETURN_IF_ERROR(Spill(copy));
  }
  rows_ += block.size();
  return {};
}

Status RowSpool::Spill(RowBlock& block) {
  if (file_ < 0) SY_RETURN_IF_ERROR(OpenFile());
  std::array<std::uint64_t, kColumns> counts{};
  SY_RETURN_IF_ERROR(ForEachColumn(block, [&](std::size_t i, auto& column) {
    counts[i] = column.size();
    return Status();
  }));
  std::uint64_t at = file_bytes_;
  SY_RETURN_IF_ERROR(Transfer(true, counts.data(), sizeof(counts), at));
  SY_RETURN_IF_ERROR(ForEachColumn(block, [&](std::size_t, auto& column) {
    return Transfer(true, column.data(), column.size() * sizeof(column[0]), at);
  }));
  file_bytes_ = at;
  return {};
}

Status RowSpool::ReadSpilled() {
  std::array<std::uint64_t, kColumns> counts{};
  SY_RETURN_IF_ERROR(Transfer(false, counts.data(), sizeof(counts), file_at_));
  return ForEachColumn(current_, [&](std::size_t i, auto& column) {
    static_assert(std::is_trivially_copyable_v<std::remove_reference_t<decltype(column[0])>>);
    column.resize(counts[i]);
    return Transfer(false, column.data(), column.size() * sizeof(column[0]), file_at_);
  });
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
      if (file_at_ == file_bytes_) return {};
      SY_RETURN_IF_ERROR(ReadSpilled());
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
