// A size from a flag or from the machine, and its share.
#include "table_memory.h"

#include <algorithm>
#include <utility>

#include "runtime/real_machine.h"

namespace steelyard::cli {

std::size_t TableMemoryOfEach(ByteSize all, std::uint64_t servers) {
  const std::uint64_t bytes = all.bytes > 0 ? all.bytes : runtime::AvailableMemoryBytes() / 4 * 3;
  return static_cast<std::size_t>(
      std::max<std::uint64_t>(1, bytes / std::max<std::uint64_t>(1, servers)));
}

Option MemoryMaxOption(std::string help) {
  return {.name = "memory-max",
          .value = "SIZE",
          .help = std::move(help),
          .range = "512MB, 8GB, 8GiB",
          .default_text = "three quarters of the memory it may use"};
}

Result<ByteSize> MemoryMaxOf(const Values& values) {
  if (!values.Has("memory-max")) return ByteSize{};
  Result<ByteSize> size = ParseByteSize(values.Get("memory-max"));
  if (size.ok()) return size;
  return Status(StatusCode::kInvalidArgument, "--memory-max must be " + std::string(kByteSizeForm) +
                                                  ", " + size.status().message());
}

}  // namespace steelyard::cli
