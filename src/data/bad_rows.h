// BadRows: how many rows of one input may be refused before reading stops.
#pragma once

#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <unordered_set>

#include "steelyard/status.h"

namespace steelyard::data {

/// Shared by all readers of a dataset. A row counts once, however many passes or retries read it.
///
/// Threads: safe for concurrent use.
class BadRows {
 public:
  struct Limits {
    std::uint64_t rows_max = 0;
    double fraction_max = 0.0;  ///< Of the rows of the whole input; the larger limit counts.
  };
  /// @param count_rows  gives the rows of the whole input; asked at most once, when the fraction matters.
  BadRows(Limits limits, std::function<Result<std::uint64_t>()> count_rows);

  /// Note that `row` was refused for `why`. Return OK while the limits hold, else `why` with the count added.
  Status Refuse(std::uint64_t row, const std::function<Status()>& why);

  /// The stream that could not be counted ahead ended after `rows` rows: do the limits hold?
  Status Finish(std::uint64_t rows);

 private:
  std::uint64_t Allowed(std::uint64_t rows) const;

  Limits limits_;
  std::function<Result<std::uint64_t>()> count_rows_;
  std::mutex mutex_;
  std::optional<std::uint64_t> total_;  ///< Rows of the whole input.
  std::unordered_set<std::uint64_t> rows_;
};

}  // namespace steelyard::data
