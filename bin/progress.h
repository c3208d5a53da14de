// Progress: one line that is rewritten on a terminal, a plain line every few seconds elsewhere.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

namespace steelyard::cli {

/// How far a command is. Activities follow one another; their rows add up.
struct ProgressSample {
  std::string activity;            ///< "pass 1/3", "predicting".
  std::uint64_t rows = 0;          ///< Rows done since the activity began.
  std::uint64_t rows_total = 0;    ///< Of the activity; 0 when unknown.
  std::uint64_t rows_earlier = 0;  ///< Rows of the activities before.
  std::uint64_t rows_later = 0;    ///< Known rows of the activities to come.
  std::optional<double> loss{};    ///< Mean loss so far.
};

/// Return the line for a sample.
/// @param rows_per_second  of the recent past; 0 when not known yet.
std::string ProgressText(const ProgressSample& sample, double rows_per_second);

/// Writes samples to standard error, rarely enough.
///
/// Threads: confined to one thread.
class Progress {
 public:
  /// @param quiet  write nothing at all.
  explicit Progress(bool quiet);
  ~Progress() { Clear(); }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// Show `sample` if enough time has passed; cheap otherwise.
  void Show(const ProgressSample& sample);
  /// Remove the rewritten line, so that other text may follow.
  void Clear();

 private:
  using Clock = std::chrono::steady_clock;

  const bool quiet_;
  const bool terminal_;
  bool shown_ = false;  // A rewritten line is on the terminal.
  Clock::time_point last_shown_;
  Clock::time_point rate_since_;
  std::uint64_t rate_rows_ = 0;  // At rate_since_.
  double rows_per_second_ = 0.0;
};

}  // namespace steelyard::cli
