// Loading the Parquet reader when the first Parquet file is opened: processes that read none do not pay for Arrow.
#include <dlfcn.h>
#include <fmt/format.h>

#include "data/parquet_file.h"

namespace steelyard::data {

Result<std::unique_ptr<ParquetFile>> OpenParquetFile(const std::string& path) {
  // Never unloaded: readers, and Arrow's own threads, may live until the process ends.
  static void* const library = ::dlopen(kParquetLibrary, RTLD_NOW | RTLD_LOCAL);
  // POSIX promises that a function's address survives the way through void*.
  const auto entry =
      library ? reinterpret_cast<ParquetEntry>(::dlsym(library, kParquetEntry)) : nullptr;
  if (entry == nullptr) {
    return Status(
        StatusCode::kUnavailable,
        fmt::format("this build reads no Parquet ({} is not there or cannot be loaded); install "
                    "Arrow and build again: tools/install_arrow.sh && cmake --preset release && "
                    "ninja -C build/release",
                    kParquetLibrary),
        path);
  }
  Result<std::unique_ptr<ParquetFile>> opened = std::unique_ptr<ParquetFile>();
  entry(path, &opened);
  return opened;
}

}  // namespace steelyard::data
