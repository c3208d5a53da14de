// Reads a library into a sealed file in memory, hashes that, and loads that: nobody can change it in between.
#include "function_library.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <openssl/evp.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <memory>
#include <sstream>
#include <system_error>
#include <vector>

#include "steelyard/updater.h"
#include "table/custom_functions.h"

namespace steelyard::cli {
namespace {

constexpr off_t kFileBytesMax = off_t{256} << 20;
constexpr std::size_t kHashCharacters = 64;

class File {
 public:
  explicit File(int fd) : fd_(fd) {}
  ~File() {
    if (fd_ >= 0) ::close(fd_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  int fd() const { return fd_; }

 private:
  int fd_;
};

std::string LastError() {
  return std::generic_category().message(errno);
}

Status Refuse(const std::string& path, const std::string& why) {
  return {StatusCode::kInvalidArgument, why, path};
}

Status CheckOwner(const struct stat& found, const std::string& path) {
  if (!S_ISREG(found.st_mode)) return Refuse(path, "it is no regular file");
  if (found.st_uid != 0 && found.st_uid != ::geteuid()) {
    return Refuse(path, fmt::format("it belongs to user {}; it must be root's or this user's ({})",
                                    found.st_uid, ::geteuid()));
  }
  if ((found.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
    return Refuse(path, fmt::format("others may write it (mode {:o}); chmod go-w it",
                                    found.st_mode & 07777U));
  }
  if (found.st_size <= kFileBytesMax) return {};
  return Refuse(path, fmt::format("its {} bytes are more than {}", found.st_size, kFileBytesMax));
}

/// What is in a file that passes the checks.
Result<std::string> ReadTrusted(const std::string& path) {
  if (!path.starts_with('/')) {
    return Refuse(path, "give its absolute path: a relative one means another file elsewhere");
  }
  std::error_code error;
  const std::filesystem::path real = std::filesystem::canonical(path, error);
  if (error) return Status(StatusCode::kNotFound, error.message(), path);
  if (real != std::filesystem::path(path)) {
    return Refuse(path,
                  "its path has a symbolic link or dots; name the file itself, " + real.string());
  }
  const File file(::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK));
  if (file.fd() < 0) return Status(StatusCode::kIoError, LastError(), path);
  struct stat found {};
  if (::fstat(file.fd(), &found) != 0) return Status(StatusCode::kIoError, LastError(), path);
  SY_RETURN_IF_ERROR(CheckOwner(found, path));
  std::string bytes;
  std::array<char, 65'536> piece{};
  for (;;) {
    const ssize_t count = ::read(file.fd(), piece.data(), piece.size());
    if (count < 0) return Status(StatusCode::kIoError, LastError(), path);
    if (count == 0) return bytes;
    bytes.append(piece.data(), static_cast<std::size_t>(count));
    if (bytes.size() > static_cast<std::size_t>(kFileBytesMax))
      return Refuse(path, "it grows while it is read");
  }
}

Result<std::string> Sha256(const std::string& bytes) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  if (EVP_Digest(bytes.data(), bytes.size(), digest.data(), &size, EVP_sha256(), nullptr) != 1)
    return Status(StatusCode::kIoError, "OpenSSL cannot compute a SHA-256 here");
  std::string text;
  for (unsigned i = 0; i < size; ++i) text += fmt::format("{:02x}", digest[i]);
  return text;
}

/// Load `bytes`. @return what dlopen() gave.
Result<void*> LoadBytes(const std::string& bytes, const std::string& path) {
  const File file(::memfd_create("steelyard-functions", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (file.fd() < 0) return Status(StatusCode::kIoError, LastError(), path);
  for (std::size_t at = 0; at < bytes.size();) {
    const ssize_t count = ::write(file.fd(), bytes.data() + at, bytes.size() - at);
    if (count < 0) return Status(StatusCode::kIoError, LastError(), path);
    at += static_cast<std::size_t>(count);
  }
  constexpr int kSeals = F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;
  if (::fcntl(file.fd(), F_ADD_SEALS, kSeals) != 0)
    return Status(StatusCode::kIoError, LastError(), path);
  void* library =
      ::dlopen(fmt::format("/proc/self/fd/{}", file.fd()).c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library != nullptr) return library;
  const char* why = ::dlerror();  // NOLINT(concurrency-mt-unsafe): before any other thread.
  return Refuse(path, std::string("it cannot be loaded: ") + why);
}

Status Register(void* library, const std::string& path, table::CustomFunctions& functions) {
  const auto version =
      reinterpret_cast<unsigned (*)()>(::dlsym(library, "steelyard_function_library_version"));
  const auto add = reinterpret_cast<void (*)(FunctionRegistry&)>(
      ::dlsym(library, "steelyard_register_functions"));
  if (version == nullptr || add == nullptr) {
    return Refuse(path,
                  "it is no library of Steelyard functions: it has no STEELYARD_FUNCTIONS() "
                  "of steelyard/updater.h");
  }
  if (version() != kFunctionLibraryVersion) {
    return Refuse(path, fmt::format("it was built for version {} of steelyard/updater.h, this is "
                                    "version {}; build it anew",
                                    version(), kFunctionLibraryVersion));
  }
  try {
    add(functions);
  } catch (const std::exception& thrown) {
    return Refuse(path, std::string("its STEELYARD_FUNCTIONS() threw: ") + thrown.what());
  }
  if (functions.status().ok()) return {};
  return Refuse(path, functions.status().message());
}

Status LoadOne(const std::string& line, table::CustomFunctions& functions) {
  const std::string hash = line.substr(0, line.find(' '));
  const std::size_t begin = line.find_first_not_of(" *", hash.size());
  const bool is_hash = hash.size() == kHashCharacters &&
                       hash.find_first_not_of("0123456789abcdef") == std::string::npos;
  if (!is_hash || begin == std::string::npos)
    return {StatusCode::kInvalidArgument, "a line must be as sha256sum prints it: HASH  /PATH"};
  const std::string path = line.substr(begin);
  const Result<std::string> bytes = ReadTrusted(path);
  if (!bytes.ok()) return bytes.status();
  const Result<std::string> found = Sha256(bytes.value());
  if (!found.ok()) return found.status();
  if (found.value() != hash) {
    return Refuse(path, "its SHA-256 is " + found.value() + ", the list allows " + hash);
  }
  const Result<void*> library = LoadBytes(bytes.value(), path);
  if (!library.ok()) return library.status();
  return Register(library.value(), path, functions);
}

}  // namespace

Option UpdatersOption() {
  return {.name = "updaters",
          .value = "FILE",
          .help = "load the shared libraries that FILE allows, as lines of sha256sum"};
}

Result<std::shared_ptr<const table::CustomFunctions>> LoadFunctionLibraries(
    const std::string& list) {
  if (list.empty()) return std::shared_ptr<const table::CustomFunctions>();
  const Result<std::string> text = ReadTrusted(list);
  if (!text.ok()) return text.status();
  auto functions = std::make_shared<table::CustomFunctions>();
  std::istringstream lines(text.value());
  std::string line;
  for (int number = 1; std::getline(lines, line); ++number) {
    if (line.empty() || line.starts_with('#')) continue;
    const Status loaded = LoadOne(line, *functions);
    if (loaded.ok()) continue;
    return Status(loaded.code(), loaded.ToString(), fmt::format("{}:{}", list, number));
  }
  return std::shared_ptr<const table::CustomFunctions>(std::move(functions));
}

}  // namespace steelyard::cli
