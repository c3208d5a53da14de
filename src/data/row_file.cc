// Row blocks in a file: a head with the sizes of the columns and their hash, then the columns as they are in memory.
#include "data/row_file.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>
#include <type_traits>
#include <utility>

#include "base/hash.h"

namespace steelyard::data {
namespace {

constexpr std::size_t kColumns = 6;

struct BlockHead {
  std::array<std::uint64_t, kColumns> counts{};
  std::uint64_t hash = 0;  ///< Of the counts, then of every column.
};

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

template <typename Block>
std::uint64_t HashOf(Block& block, const BlockHead& head) {
  std::uint64_t hash = HashBytes(std::as_bytes(std::span(head.counts)));
  (void)ForEachColumn(block, [&](std::size_t, auto& column) {
    hash = HashBytes(std::as_bytes(std::span(column)), hash);
    return Status();
  });
  return hash;
}

/// Do the columns belong together?
bool IsWhole(const RowBlock& block) {
  const std::size_t rows = block.rows.size();
  return block.labels.size() == rows && block.offsets.size() == rows + 1 &&
         (block.weights.empty() || block.weights.size() == rows) &&
         (block.values.empty() || block.values.size() == block.keys.size()) &&
         block.offsets.front() == 0 && block.offsets.back() == block.keys.size() &&
         std::ranges::is_sorted(block.offsets);
}

}  // namespace

RowFile::RowFile(int file, std::string folder, Purpose purpose)
    : file_(file), folder_(std::move(folder)), purpose_(purpose) {}

RowFile::RowFile(RowFile&& other) noexcept
    : file_(std::exchange(other.file_, -1)),
      folder_(std::move(other.folder_)),
      purpose_(other.purpose_),
      bytes_(other.bytes_) {}

RowFile& RowFile::operator=(RowFile&& other) noexcept {
  std::swap(file_, other.file_);
  std::swap(folder_, other.folder_);
  std::swap(purpose_, other.purpose_);
  std::swap(bytes_, other.bytes_);
  return *this;
}

RowFile::~RowFile() {
  if (file_ >= 0) ::close(file_);
}

Status RowFile::Error(std::string_view verb, int error) const {
  return Status(
      StatusCode::kIoError,
      fmt::format("cannot {} {}: {}; {}", verb, purpose_.what,
                  std::error_code(error, std::generic_category()).message(), purpose_.advice),
      folder_);
}

Status RowFile::Write(std::uint64_t& at, std::span<const std::byte> bytes) const {
  while (!bytes.empty()) {
    const ssize_t done = ::pwrite(file_, bytes.data(), bytes.size(), static_cast<off_t>(at));
    if (done < 0 && errno == EINTR) continue;
    if (done <= 0) return Error("keep", done < 0 ? errno : EIO);
    at += static_cast<std::uint64_t>(done);
    bytes = bytes.subspan(static_cast<std::size_t>(done));
  }
  return {};
}

Status RowFile::AppendBytes(std::span<const std::byte> bytes) {
  std::uint64_t at = bytes_;
  SY_RETURN_IF_ERROR(Write(at, bytes));
  bytes_ = at;
  return {};
}

Status RowFile::Overwrite(std::uint64_t at, std::span<const std::byte> bytes) {
  return Write(at, bytes);
}

Status RowFile::ReadBytes(std::uint64_t& at, std::span<std::byte> bytes) const {
  while (!bytes.empty()) {
    const ssize_t done = ::pread(file_, bytes.data(), bytes.size(), static_cast<off_t>(at));
    if (done < 0 && errno == EINTR) continue;
    if (done <= 0) return Error("read back", done < 0 ? errno : EIO);
    at += static_cast<std::uint64_t>(done);
    bytes = bytes.subspan(static_cast<std::size_t>(done));
  }
  return {};
}

Status RowFile::Append(const RowBlock& block) {
  BlockHead head;
  (void)ForEachColumn(block, [&](std::size_t i, const auto& column) {
    head.counts[i] = column.size();
    return Status();
  });
  head.hash = HashOf(block, head);
  std::uint64_t at = bytes_;  // A block that does not fit leaves the file as it was.
  SY_RETURN_IF_ERROR(Write(at, std::as_bytes(std::span(&head, 1))));
  SY_RETURN_IF_ERROR(ForEachColumn(block, [&](std::size_t, const auto& column) {
    return Write(at, std::as_bytes(std::span(column)));
  }));
  bytes_ = at;
  return {};
}

Status RowFile::Read(std::uint64_t& at, RowBlock& block) const {
  const std::uint64_t start = at;
  const auto corrupt = [&](const char* what) {
    return Status(StatusCode::kCorruption,
                  fmt::format("{} are damaged at byte {}: {}", purpose_.what, start, what),
                  folder_);
  };
  struct stat file {};
  if (::fstat(file_, &file) != 0) return Error("read back", errno);
  BlockHead head;
  SY_RETURN_IF_ERROR(ReadBytes(at, std::as_writable_bytes(std::span(&head, 1))));
  const std::uint64_t left =
      static_cast<std::uint64_t>(file.st_size) - std::min<std::uint64_t>(at, file.st_size);
  if (std::ranges::max(head.counts) > left) return corrupt("a column is longer than the file");
  SY_RETURN_IF_ERROR(ForEachColumn(block, [&](std::size_t i, auto& column) {
    static_assert(std::is_trivially_copyable_v<std::remove_reference_t<decltype(column[0])>>);
    column.resize(head.counts[i]);
    return ReadBytes(at, std::as_writable_bytes(std::span(column)));
  }));
  if (HashOf(block, head) != head.hash) return corrupt("the checksum does not match");
  if (!IsWhole(block)) return corrupt("the columns do not belong together");
  return {};
}

}  // namespace steelyard::data
