// Fuzz targets of the files of a saved model: table file, names file, manifest.
// Each input is read as it is, and once more with its checksums mended, so that the fuzzer gets past them.
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <cstdio>
#include <optional>
#include <string>
#include <string_view>

#include "base/hash.h"
#include "checkpoint/file.h"
#include "checkpoint/manifest.h"
#include "checkpoint/names_file.h"
#include "checkpoint/table_file.h"
#include "fuzz/fuzz_target.h"

namespace steelyard::fuzz {
namespace {

// A folder with one file that is written anew for each input.
class Folder {
 public:
  Folder() {
    // Memory, where the system has such a folder: ten times as many inputs a second.
    for (const char* where : {"/dev/shm", "/tmp"}) {
      path_ = std::string(where) + "/steelyard-fuzz-XXXXXX";
      if (mkdtemp(path_.data()) != nullptr) break;
    }
    directory_ = open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    SY_CHECK(directory_ >= 0);
  }
  ~Folder() {
    unlinkat(directory_, "file", 0);
    close(directory_);
    rmdir(path_.c_str());
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  checkpoint::InputFile Open(Bytes content) {
    const int fd = openat(directory_, "file", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    SY_CHECK(fd >= 0);
    SY_CHECK(write(fd, content.data(), content.size()) == static_cast<ssize_t>(content.size()));
    close(fd);
    auto file = checkpoint::InputFile::Open(directory_, "file", "file");
    SY_CHECK(file.ok());
    return std::move(file.value());
  }

 private:
  std::string path_;
  int directory_ = -1;
};

template <typename T>
void Put(Buffer& buffer, std::size_t at, T value) {
  if (at + sizeof value <= buffer.size()) {
    std::memcpy(buffer.writable().data() + at, &value, sizeof value);
  }
}

std::uint32_t GetU32(Bytes bytes, std::size_t at) {
  std::uint32_t value = 0;
  if (at + sizeof value <= bytes.size()) std::memcpy(&value, bytes.data() + at, sizeof value);
  return value;
}

// A copy whose checksums fit, as far as the lengths that it claims lie inside it.
Buffer MendBlockFile(Bytes input) {
  constexpr std::size_t kPrefix = 16;
  constexpr std::uint32_t kFooter = 2;
  Buffer mended = AlignedCopy(input);
  const Bytes bytes = mended.bytes();
  if (bytes.size() < kPrefix + 4) return mended;
  Put(mended, kPrefix, Crc32c(bytes.first(kPrefix)));
  const std::size_t header_bytes = GetU32(bytes, 12);
  std::size_t at = kPrefix + 4;
  if (header_bytes > bytes.size() - at) return mended;
  Put(mended, at + header_bytes, Crc32c(bytes.subspan(at, header_bytes)));
  at += header_bytes + 4;
  while (at + 8 <= bytes.size()) {
    const std::size_t payload_bytes = GetU32(bytes, at + 4);
    if (payload_bytes > bytes.size() - at - 8) break;
    if (GetU32(bytes, at) == kFooter && payload_bytes == 24) {
      Put(mended, at + 24, HashBytes(bytes.first(at)));
    }
    Put(mended, at + 8 + payload_bytes, Crc32c(bytes.subspan(at, 8 + payload_bytes)));
    at += 8 + payload_bytes + 4;
  }
  return mended;
}

void ReadTable(Folder& folder, Bytes content) {
  auto reader = checkpoint::TableFileReader::Open(folder.Open(content));
  if (!reader.ok()) return;
  const checkpoint::TableFileHeader& header = reader.value().header();
  SY_CHECK(header.row_floats > 0 && checkpoint::IsTableName(header.table));
  std::optional<Key> last;
  std::uint64_t rows = 0;
  const Status status = reader.value().ReadRows(
      [&](std::span<const Key> keys, std::span<const float> floats) -> Status {
        SY_CHECK(floats.size() == keys.size() * header.row_floats);
        for (const Key key : keys) {
          SY_CHECK(key >= header.range.first && key <= header.range.last);
          SY_CHECK(!last || *last < key);
          last = key;
        }
        rows += keys.size();
        return {};
      });
  SY_CHECK(!status.ok() || rows == reader.value().row_count());
}

void ReadNames(Folder& folder, Bytes content) {
  auto reader = checkpoint::NamesFileReader::Open(folder.Open(content));
  if (!reader.ok()) return;
  std::optional<Key> last;
  (void)reader.value().ReadNames([&](Key key, std::string_view name) -> Status {
    SY_CHECK(!last || *last < key);
    SY_CHECK(name.size() <= checkpoint::kFeatureNameBytesMax);
    last = key;
    return {};
  });
}

void DecodeOneManifest(std::string_view text) {
  const auto manifest = checkpoint::DecodeManifest(text, "manifest.json");
  if (!manifest.ok()) return;
  // What was read can be written, and means the same when it is read again.
  const auto again = checkpoint::EncodeManifest(manifest.value());
  SY_CHECK(again.ok());
  const auto reread = checkpoint::DecodeManifest(again.value(), "manifest.json");
  SY_CHECK(reread.ok() && reread.value() == manifest.value());
}

}  // namespace

void FuzzTableFile(Bytes input) {
  static Folder folder;
  ReadTable(folder, input);
  const Buffer mended = MendBlockFile(input);
  ReadTable(folder, mended.bytes());
}

void FuzzNamesFile(Bytes input) {
  static Folder folder;
  ReadNames(folder, input);
  const Buffer mended = MendBlockFile(input);
  ReadNames(folder, mended.bytes());
}

void FuzzManifest(Bytes input) {
  std::string text(reinterpret_cast<const char*>(input.data()), input.size());
  DecodeOneManifest(text);
  constexpr std::string_view kBeforeHash = "{\n  \"checksum\": \"xxh3-";
  constexpr std::size_t kDigits = 16;
  if (!text.starts_with(kBeforeHash) || text.size() < kBeforeHash.size() + kDigits) return;
  text.replace(kBeforeHash.size(), kDigits, kDigits, '0');
  const std::uint64_t hash = HashBytes(std::as_bytes(std::span<const char>(text)));
  char digits[kDigits + 1];
  std::snprintf(digits, sizeof digits, "%016llx", static_cast<unsigned long long>(hash));
  text.replace(kBeforeHash.size(), kDigits, digits);
  DecodeOneManifest(text);
}

}  // namespace steelyard::fuzz
