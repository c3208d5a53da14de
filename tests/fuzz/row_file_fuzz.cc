// Fuzz target of files of parsed rows, which a disk may have damaged.
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>

#include "data/row_file.h"
#include "fuzz/fuzz_target.h"

namespace steelyard::fuzz {

void FuzzRowFile(Bytes input) {
  const int fd = memfd_create("fuzz", MFD_CLOEXEC);
  SY_CHECK(fd >= 0);
  const data::RowFile file(fd, "folder", {.what = "rows", .advice = "try again"});
  SY_CHECK(write(fd, input.data(), input.size()) == static_cast<ssize_t>(input.size()));
  data::RowBlock block;
  for (std::uint64_t at = 0; at < input.size();) {
    const std::uint64_t before = at;
    const Status status = file.Read(at, block);
    SY_CHECK(status.ok() || !status.message().empty());
    if (!status.ok()) break;
    SY_CHECK(at > before && at <= input.size());
    SY_CHECK(block.labels.size() == block.size());
    SY_CHECK(block.offsets.size() == block.size() + 1 && block.offsets.back() == block.keys.size());
    SY_CHECK(std::ranges::is_sorted(block.offsets));
  }
}

}  // namespace steelyard::fuzz
