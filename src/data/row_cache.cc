// Cached rows: a header that vouches for the file, blocks of rows, and the names of their features.
#include "data/row_cache.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <functional>
#include <system_error>
#include <utility>

#include "base/hash.h"
#include "data/byte_source.h"
#include "data/row_file.h"
#include "data/wrapped_dataset.h"

namespace steelyard::data {
namespace {

namespace fs = std::filesystem;

constexpr RowFile::Purpose kPurpose{.what = "parsed rows in the folder of --cache",
                                    .advice = "free space there, or leave --cache out"};
/// Changes whenever a parser makes other rows of the same text, or the file's layout changes.
constexpr std::uint64_t kGeneration = 1;
constexpr std::size_t kSampleBytes = std::size_t{64} << 10;
constexpr std::size_t kBlockRows = 2048;  ///< At most, of one block.
/// A file that nobody has written to for so long was left behind by a process that died.
constexpr auto kAbandonedAfter = std::chrono::hours(24);

using CacheKey = std::array<std::uint64_t, 2>;

/// The first bytes of a cache file.
struct Header {
  std::array<char, 8> magic{'S', 'Y', 'R', 'O', 'W', 'S', '\n', 0};
  CacheKey key{};
  std::uint64_t rows = 0;
  std::uint64_t bad_rows = 0;
  std::uint64_t names_at = 0;  ///< End of the blocks.
  std::uint64_t end = 0;       ///< Of the file.
  std::uint64_t names_hash = 0;
  std::uint64_t hash = 0;  ///< Of what stands before.

  std::uint64_t Hash() const {
    return HashBytes(std::as_bytes(std::span(this, 1)).first(offsetof(Header, hash)));
  }
};

/// Read up to `count` bytes of a file from `first`.
Status AppendSample(const std::string& path, std::uint64_t first, std::size_t count,
                    std::string& to) {
  Result<std::unique_ptr<ByteSource>> source = OpenFile(path, first, count);
  if (!source.ok()) return source.status();
  return ReadUpTo(*source.value(), count, to);
}

/// Append what tells this state of a file from any other.
Status AppendIdentity(const std::string& path, std::string& to) {
  struct stat file {};
  if (::stat(path.c_str(), &file) != 0) {
    return Status(StatusCode::kIoError, std::generic_category().message(errno), path);
  }
  const auto bytes = static_cast<std::uint64_t>(file.st_size);
  to += fmt::format("|{} {} {}|", bytes, file.st_mtim.tv_sec, file.st_mtim.tv_nsec);
  const std::size_t count = std::min<std::uint64_t>(bytes, kSampleBytes);
  SY_RETURN_IF_ERROR(AppendSample(path, 0, count, to));
  return AppendSample(path, bytes - count, count, to);
}

/// What the rows of every shard depend on.
std::string DescribeOptions(const DatasetOptions& options, Format format) {
  return fmt::format("{}|{}|{}|{}|{}|{}|{}|{}|{}|{}", kGeneration, static_cast<int>(format),
                     static_cast<int>(options.label_kind), options.labels_optional,
                     options.keep_names, options.bad_rows_max, options.bad_rows_fraction_max,
                     options.label_rule, options.weight_column, options.schema_text);
}

/// Names of features as bytes: key, length, characters of each.
std::string EncodeNames(const std::vector<std::pair<Key, std::string>>& names) {
  std::string bytes;
  for (const auto& [key, name] : names) {
    const std::array<std::uint64_t, 2> head{key, name.size()};
    bytes.append(reinterpret_cast<const char*>(head.data()), sizeof head).append(name);
  }
  return bytes;
}

bool DecodeNames(std::string_view bytes, std::vector<std::pair<Key, std::string>>& names) {
  while (!bytes.empty()) {
    std::array<std::uint64_t, 2> head{};
    if (bytes.size() < sizeof head) return false;
    std::memcpy(head.data(), bytes.data(), sizeof head);
    bytes.remove_prefix(sizeof head);
    if (head[1] > bytes.size()) return false;
    names.emplace_back(head[0], bytes.substr(0, head[1]));
    bytes.remove_prefix(head[1]);
  }
  return true;
}

/// One file of the cache that is complete.
class CachedShard {
 public:
  /// Nothing when there is no such file, or it is not what its name says.
  static std::unique_ptr<CachedShard> Open(const std::string& folder, const std::string& path,
                                           const CacheKey& key) {
    const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (file < 0) return nullptr;
    auto shard = std::unique_ptr<CachedShard>(new CachedShard(RowFile(file, folder, kPurpose)));
    struct stat status {};
    if (::fstat(file, &status) != 0) return nullptr;
    const bool good = shard->ReadHead(key, static_cast<std::uint64_t>(status.st_size));
    return good ? std::move(shard) : nullptr;
  }

  /// As RowReader::Read(). Errors: kIoError, kCorruption.
  Status Read(std::size_t rows_max, RowBlock& block) {
    for (std::size_t taken = 0; taken < rows_max;) {
      if (next_row_ < current_.size()) {
        AppendRow(current_, next_row_++, block);
        ++taken;
        continue;
      }
      if (at_ == header_.names_at) return {};
      const bool whole = block.empty() && rows_max >= kBlockRows;  // The usual case copies nothing.
      SY_RETURN_IF_ERROR(file_.Read(at_, whole ? block : current_));
      next_row_ = 0;
      if (whole) {
        current_.Clear();
        taken += block.size();
      }
    }
    return {};
  }

  std::uint64_t bad_rows() const { return header_.bad_rows; }
  std::vector<std::pair<Key, std::string>> TakeNames() { return std::exchange(names_, {}); }

 private:
  explicit CachedShard(RowFile file) : file_(std::move(file)) {}

  bool ReadHead(const CacheKey& key, std::uint64_t file_bytes) {
    if (!file_.ReadBytes(at_, std::as_writable_bytes(std::span(&header_, 1))).ok()) return false;
    if (header_.magic != Header().magic || header_.hash != header_.Hash() || header_.key != key ||
        header_.end != file_bytes || header_.names_at < at_ || header_.names_at > header_.end) {
      return false;
    }
    std::string names(header_.end - header_.names_at, '\0');
    std::uint64_t at = header_.names_at;
    const auto bytes = std::as_writable_bytes(std::span(names));
    return file_.ReadBytes(at, bytes).ok() && HashBytes(bytes) == header_.names_hash &&
           DecodeNames(names, names_);
  }

  RowFile file_;
  Header header_;
  std::uint64_t at_ = 0;
  RowBlock current_;
  std::size_t next_row_ = 0;
  std::vector<std::pair<Key, std::string>> names_;
};

/// A file of the cache that is being written; it disappears unless it is finished.
class ShardInTheMaking {
 public:
  static Result<std::unique_ptr<ShardInTheMaking>> Create(const std::string& folder,
                                                          std::string path, const CacheKey& key) {
    static std::atomic<std::uint64_t> count = 0;
    std::string partial = fmt::format("{}.{}-{}.part", path, ::getpid(), count++);
    const int file = ::open(partial.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (file < 0) return RowFile(-1, folder, kPurpose).Error("keep", errno);
    auto shard = std::unique_ptr<ShardInTheMaking>(
        new ShardInTheMaking(RowFile(file, folder, kPurpose), std::move(path), std::move(partial)));
    shard->header_.key = key;
    SY_RETURN_IF_ERROR(shard->file_.AppendBytes(std::as_bytes(std::span(&shard->header_, 1))));
    return shard;
  }
  ShardInTheMaking(const ShardInTheMaking&) = delete;
  ShardInTheMaking& operator=(const ShardInTheMaking&) = delete;
  ~ShardInTheMaking() {
    if (!finished_) ::unlink(partial_.c_str());
  }

  Status Append(const RowBlock& block) {
    header_.rows += block.size();
    return file_.Append(block);
  }

  /// Complete the file and give it its name.
  Status Finish(std::uint64_t bad_rows, const std::vector<std::pair<Key, std::string>>& names) {
    const std::string bytes = EncodeNames(names);
    header_.bad_rows = bad_rows;
    header_.names_at = file_.bytes();
    header_.end = header_.names_at + bytes.size();
    header_.names_hash = HashBytes(std::as_bytes(std::span(bytes)));
    header_.hash = header_.Hash();
    SY_RETURN_IF_ERROR(file_.AppendBytes(std::as_bytes(std::span(bytes))));
    SY_RETURN_IF_ERROR(file_.Overwrite(0, std::as_bytes(std::span(&header_, 1))));
    if (::rename(partial_.c_str(), path_.c_str()) != 0) return file_.Error("keep", errno);
    finished_ = true;
    return {};
  }

 private:
  ShardInTheMaking(RowFile file, std::string path, std::string partial)
      : file_(std::move(file)), path_(std::move(path)), partial_(std::move(partial)) {}

  RowFile file_;
  std::string path_;
  std::string partial_;
  Header header_;
  bool finished_ = false;
};

/// Reads a shard through the parser and keeps what it returns.
class KeepingReader : public RowReader {
 public:
  KeepingReader(std::unique_ptr<RowReader> parser, std::unique_ptr<ShardInTheMaking> shard)
      : parser_(std::move(parser)), shard_(std::move(shard)) {}

  Status Read(std::size_t rows_max, RowBlock& block) override {
    const std::size_t before = block.size();
    SY_RETURN_IF_ERROR(parser_->Read(rows_max, block));
    if (shard_ == nullptr) return {};
    for (auto& name : parser_->TakeNames()) {
      names_.push_back(name);
      untaken_names_.push_back(std::move(name));
    }
    if (block.size() == before) {
      if (!pending_.empty()) SY_RETURN_IF_ERROR(shard_->Append(pending_));
      SY_RETURN_IF_ERROR(shard_->Finish(parser_->bad_rows(), names_));
      shard_.reset();
      return {};
    }
    if (before == 0 && pending_.empty() && block.size() == kBlockRows) return shard_->Append(block);
    for (std::size_t i = before; i < block.size(); ++i) {
      AppendRow(block, i, pending_);
      if (pending_.size() < kBlockRows) continue;
      SY_RETURN_IF_ERROR(shard_->Append(pending_));
      pending_.Clear();
    }
    return {};
  }
  std::uint64_t bad_rows() const override { return parser_->bad_rows(); }
  std::vector<std::pair<Key, std::string>> TakeNames() override {
    return std::exchange(untaken_names_, {});
  }

 private:
  std::unique_ptr<RowReader> parser_;
  std::unique_ptr<ShardInTheMaking> shard_;  ///< Null once it is finished.
  RowBlock pending_;
  std::vector<std::pair<Key, std::string>> names_;
  std::vector<std::pair<Key, std::string>> untaken_names_;
};

/// Reads a shard from the cache, and from the parser where the cache turns out to be damaged.
class CachedReader : public RowReader {
 public:
  CachedReader(std::unique_ptr<CachedShard> cached, std::string path,
               std::function<Result<std::unique_ptr<RowReader>>()> parse)
      : cached_(std::move(cached)), path_(std::move(path)), parse_(std::move(parse)) {}

  Status Read(std::size_t rows_max, RowBlock& block) override {
    if (parser_ != nullptr) return parser_->Read(rows_max, block);
    const std::size_t before = block.size();
    if (cached_->Read(rows_max, block).ok()) {
      delivered_ += block.size() - before;
      return {};
    }
    if (before == 0) block.Clear();  // It may be half a block.
    delivered_ += block.size() - before;
    ::unlink(path_.c_str());
    SY_RETURN_IF_ERROR(ParseFrom(delivered_));
    return block.size() > before ? Status() : parser_->Read(rows_max, block);
  }
  std::uint64_t bad_rows() const override {
    return parser_ != nullptr ? parser_->bad_rows() : cached_->bad_rows();
  }
  std::vector<std::pair<Key, std::string>> TakeNames() override {
    return parser_ != nullptr ? parser_->TakeNames() : cached_->TakeNames();
  }

 private:
  /// Go on with the parser behind the rows that were delivered already.
  Status ParseFrom(std::uint64_t row) {
    Result<std::unique_ptr<RowReader>> parser = parse_();
    if (!parser.ok()) return parser.status();
    parser_ = std::move(parser.value());
    RowBlock skipped;
    while (row > 0) {
      skipped.Clear();
      SY_RETURN_IF_ERROR(parser_->Read(std::min<std::uint64_t>(row, kBlockRows), skipped));
      if (skipped.empty()) return {};
      row -= skipped.size();
    }
    return {};
  }

  std::unique_ptr<CachedShard> cached_;
  std::string path_;
  std::function<Result<std::unique_ptr<RowReader>>()> parse_;
  std::unique_ptr<RowReader> parser_;
  std::uint64_t delivered_ = 0;
};

class CachedDataset final : public WrappedDataset {
 public:
  CachedDataset(std::unique_ptr<Dataset> dataset, const DatasetOptions& options)
      : WrappedDataset(std::move(dataset)),
        folder_(options.cache_folder),
        described_(DescribeOptions(options, format())) {}

  Result<std::unique_ptr<RowReader>> Open(const Shard& shard) override {
    if (shard.file >= files().size()) return dataset()->Open(shard);  // Which refuses it.
    const Result<CacheKey> key = KeyOf(shard);
    if (!key.ok()) return key.status();
    const std::string path =
        fmt::format("{}/{:016x}{:016x}.rows", folder_, key.value()[0], key.value()[1]);
    if (auto cached = CachedShard::Open(folder_, path, key.value())) {
      return std::unique_ptr<RowReader>(std::make_unique<CachedReader>(
          std::move(cached), path, [dataset = dataset(), shard] { return dataset->Open(shard); }));
    }
    Result<std::unique_ptr<RowReader>> parser = dataset()->Open(shard);
    if (!parser.ok()) return parser;
    auto making = ShardInTheMaking::Create(folder_, path, key.value());
    if (!making.ok()) return making.status();
    return std::unique_ptr<RowReader>(
        std::make_unique<KeepingReader>(std::move(parser.value()), std::move(making.value())));
  }

 private:
  Result<CacheKey> KeyOf(const Shard& shard) const {
    std::string what = described_ + fmt::format("|{} {} {} {}", shard.first_byte, shard.byte_count,
                                                shard.first_row, shard.row_count);
    SY_RETURN_IF_ERROR(AppendIdentity(files()[shard.file], what));
    if (shard.file != 0) SY_RETURN_IF_ERROR(AppendIdentity(files()[0], what));  // CSV: its header.
    const auto bytes = std::as_bytes(std::span(what));
    return CacheKey{HashBytes(bytes), HashBytes(bytes, kGeneration)};
  }

  std::string folder_;
  std::string described_;
};

/// Remove what processes that were killed have left in the folder.
void RemoveAbandoned(const std::string& folder) {
  std::error_code ignored;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, ignored)) {
    if (entry.path().extension() != ".part") continue;
    const fs::file_time_type changed = entry.last_write_time(ignored);
    if (!ignored && fs::file_time_type::clock::now() - changed > kAbandonedAfter) {
      fs::remove(entry.path(), ignored);
    }
  }
}

}  // namespace

Result<std::unique_ptr<Dataset>> CacheRows(std::unique_ptr<Dataset> dataset,
                                           const DatasetOptions& options) {
  const std::string& folder = options.cache_folder;
  if (dataset->is_stream()) {
    return Status(StatusCode::kInvalidArgument,
                  "--cache keeps the rows of files; a stream cannot be read again, leave it out",
                  dataset->files().front());
  }
  std::error_code error;
  fs::create_directories(folder, error);
  if (error || ::access(folder.c_str(), W_OK | X_OK) != 0) {
    return RowFile(-1, folder, kPurpose).Error("keep", error ? error.value() : errno);
  }
  RemoveAbandoned(folder);
  return std::unique_ptr<Dataset>(std::make_unique<CachedDataset>(std::move(dataset), options));
}

}  // namespace steelyard::data
