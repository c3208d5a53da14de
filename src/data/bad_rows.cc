// The limits on refused rows.
#include "data/bad_rows.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "data/dataset.h"

namespace steelyard::data {
namespace {

// A stream of unknown length is judged as if it had at least this many rows until it ends.
constexpr std::uint64_t kUncountedRows = 10'000;

}  // namespace

BadRows::BadRows(Limits limits, std::function<Result<std::uint64_t>()> count_rows)
    : limits_(limits), count_rows_(std::move(count_rows)) {}

std::uint64_t BadRows::Allowed(std::uint64_t rows) const {
  const auto share = static_cast<std::uint64_t>(limits_.fraction_max * static_cast<double>(rows));
  return std::max(limits_.rows_max, share);
}

Status BadRows::Refuse(std::uint64_t row, const std::function<Status()>& why) {
  const std::lock_guard lock(mutex_);
  rows_.insert(row);
  if (rows_.size() <= limits_.rows_max) return {};
  std::uint64_t allowed = limits_.rows_max;
  if (limits_.fraction_max > 0) {
    if (!total_) {
      const Result<std::uint64_t> counted = count_rows_();
      if (!counted.ok()) return counted.status();
      total_ = counted.value();
    }
    const bool known = *total_ != kRowsUnknown;
    allowed = Allowed(known ? *total_ : std::max(kUncountedRows, row + 1));
  }
  if (rows_.size() <= allowed) return {};
  Status last = why();
  const bool tolerant = limits_.rows_max > 0 || limits_.fraction_max > 0;
  if (!tolerant) return last;
  return Status(
      last.code(),
      fmt::format("{} (this is bad row {}; {} allowed)", last.message(), rows_.size(), allowed),
      last.where());
}

Status BadRows::Finish(std::uint64_t rows) {
  const std::lock_guard lock(mutex_);
  if (rows_.size() <= Allowed(rows)) return {};
  return Status(StatusCode::kBadData, fmt::format("{} of {} rows are bad; {} allowed", rows_.size(),
                                                  rows, Allowed(rows)));
}

}  // namespace steelyard::data
