// Model directories: the check before one is replaced, the exchange, the removal.
#include "checkpoint/model_dir.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/fs.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <memory>

#include "checkpoint/file.h"
#include "checkpoint/manifest.h"
#include "checkpoint/table_file.h"

namespace steelyard::checkpoint {
namespace {

constexpr std::string_view kTablePrefix = "table-";
constexpr std::string_view kTableSuffix = ".rows";
constexpr std::string_view kTemporary = ".tmp-";

std::string ParentOf(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

Status FlushDirectory(const std::string& path) {
  const Result<Descriptor> fd = OpenDirectory(path);
  if (!fd.ok()) return fd.status();
  if (::fsync(fd.value().get()) != 0) return SystemError(path, "cannot flush the directory");
  return {};
}

bool Exists(const std::string& path) {
  struct stat info {};
  return ::lstat(path.c_str(), &info) == 0;
}

Status RefuseReplacing(const std::string& path, const std::string& found) {
  return {
      StatusCode::kInvalidArgument,
      fmt::format("will not replace what is not a steelyard model: {}; name another directory for "
                  "the model, or remove this one",
                  found),
      path};
}

Status CheckReplaceable(const std::string& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) return SystemError(path, "cannot examine");
  if (!S_ISDIR(info.st_mode)) return RefuseReplacing(path, "it is a file");
  const auto names = ListDirectory(path);
  if (!names.ok()) return names.status();
  if (names.value().empty()) return {};
  for (const std::string& name : names.value()) {
    if (!IsModelFileName(name)) return RefuseReplacing(path, fmt::format("it contains '{}'", name));
  }
  const auto directory = OpenDirectory(path);
  if (!directory.ok()) return directory.status();
  auto manifest =
      InputFile::Open(directory.value().get(), kManifestName, path + "/" + kManifestName);
  if (!manifest.ok()) return RefuseReplacing(path, "it has no manifest.json");
  std::array<char, 64> opening{};
  const auto got = manifest.value().Read(std::as_writable_bytes(std::span(opening)));
  if (!got.ok()) return got.status();
  if (!LooksLikeManifest(std::string_view(opening.data(), got.value()))) {
    return RefuseReplacing(path, "its manifest.json is something else's");
  }
  return {};
}

// Without RENAME_EXCHANGE there is a moment at which `target` does not exist; the old model is put back on failure.
Status ReplaceInTwoSteps(const std::string& fresh, const std::string& target) {
  const std::string aside = fresh + ".old";
  if (::rename(target.c_str(), aside.c_str()) != 0) return SystemError(target, "cannot move aside");
  if (::rename(fresh.c_str(), target.c_str()) != 0) {
    Status failed = SystemError(target, "cannot rename the new model");
    if (::rename(aside.c_str(), target.c_str()) == 0) return failed;
    return {failed.code(), failed.message() + "; the earlier model is in " + aside, target};
  }
  SY_RETURN_IF_ERROR(FlushDirectory(ParentOf(target)));
  static_cast<void>(RemoveModel(aside));
  return {};
}

// True when the temporary directory belongs to no living writer.
bool IsAbandoned(const std::string& path) {
  const Result<Descriptor> fd = OpenDirectory(path);
  return fd.ok() && ::flock(fd.value().get(), LOCK_EX | LOCK_NB) == 0;
}

void RemoveAbandoned(const std::string& target) {
  const std::string parent = ParentOf(target);
  const std::string prefix = target.substr(target.rfind('/') + 1) + std::string(kTemporary);
  const auto names = ListDirectory(parent);
  if (!names.ok()) return;
  for (const std::string& name : names.value()) {
    const std::string path = fmt::format("{}/{}", parent, name);
    // One that cannot be removed stays, and is tried again by the next save.
    if (name.starts_with(prefix) && IsAbandoned(path)) static_cast<void>(RemoveModel(path));
  }
}

}  // namespace

bool IsModelFileName(const std::string& name) {
  if (name == kManifestName || name == kNamesFileName) return true;
  const std::string_view view = name;
  if (!view.starts_with(kTablePrefix) || !view.ends_with(kTableSuffix)) return false;
  const std::size_t rest = view.size() - kTablePrefix.size();
  return rest > kTableSuffix.size() &&
         IsTableName(view.substr(kTablePrefix.size(), rest - kTableSuffix.size()));
}

Result<std::string> ResolveModelPath(const std::string& directory) {
  std::string path = directory;
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  if (path.empty())
    return Status(StatusCode::kInvalidArgument, "the model's directory has no name");
  if (Exists(path)) {
    const std::unique_ptr<char, void (*)(void*)> real(::realpath(path.c_str(), nullptr), std::free);
    if (real == nullptr) return SystemError(path, "cannot resolve");
    SY_RETURN_IF_ERROR(CheckReplaceable(real.get()));
    return std::string(real.get());
  }
  if (const auto parent = OpenDirectory(ParentOf(path)); !parent.ok()) {
    return Status(parent.status().code(),
                  parent.status().message() + "; create it before saving a model there",
                  parent.status().where());
  }
  return path;
}

Result<Descriptor> CreateTemporary(const std::string& target, std::string& path) {
  RemoveAbandoned(target);
  path = fmt::format("{}{}{}", target, kTemporary, ::getpid());
  if (::mkdir(path.c_str(), 0777) != 0) {
    if (errno != EEXIST) return SystemError(path, "cannot create the directory");
    return Status(StatusCode::kInvalidArgument, "this model is being saved already", path);
  }
  Result<Descriptor> fd = OpenDirectory(path);
  // File systems without locks only lose the removal of what killed processes left.
  if (fd.ok()) static_cast<void>(::flock(fd.value().get(), LOCK_EX | LOCK_NB));
  return fd;
}

Status ReplaceModel(const std::string& fresh, const std::string& target) {
  SY_RETURN_IF_ERROR(FlushDirectory(fresh));
  const int here = AT_FDCWD;
  if (::renameat2(here, fresh.c_str(), here, target.c_str(), RENAME_NOREPLACE) == 0 ||
      (errno == EINVAL && !Exists(target) && ::rename(fresh.c_str(), target.c_str()) == 0)) {
    return FlushDirectory(ParentOf(target));
  }
  if (!Exists(target)) return SystemError(target, "cannot rename the new model");
  SY_RETURN_IF_ERROR(CheckReplaceable(target));  // It may have changed since the model was begun.
  if (::renameat2(here, fresh.c_str(), here, target.c_str(), RENAME_EXCHANGE) != 0) {
    if (errno != EINVAL && errno != ENOSYS)
      return SystemError(target, "cannot exchange the models");
    return ReplaceInTwoSteps(fresh, target);
  }
  SY_RETURN_IF_ERROR(FlushDirectory(ParentOf(target)));
  // The new model is in its place; an old one that cannot be removed is tried again by the next save.
  static_cast<void>(RemoveModel(fresh));
  return {};
}

Status RemoveModel(const std::string& directory) {
  if (!Exists(directory)) return {};
  const auto names = ListDirectory(directory);
  if (!names.ok()) return names.status();
  for (const std::string& name : names.value()) {
    const std::string path = fmt::format("{}/{}", directory, name);
    if (IsModelFileName(name) && ::unlink(path.c_str()) != 0 && errno != ENOENT) {
      return SystemError(path, "cannot remove");
    }
  }
  if (::rmdir(directory.c_str()) != 0) return SystemError(directory, "cannot remove the directory");
  return {};
}

}  // namespace steelyard::checkpoint
