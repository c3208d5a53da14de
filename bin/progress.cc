// Terminal width, rates over the recent past, and when a line is due.
#include "progress.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "output.h"

namespace steelyard::cli {
namespace {

using namespace std::chrono_literals;

constexpr auto kTerminalInterval = 100ms;
constexpr auto kPlainInterval = 5s;
constexpr double kRateIntervalMin = 0.2;
constexpr double kRateSeconds = 2.0;  // The rate forgets what is older than about this.

bool CanRewriteLines() {
  const char* kind =
      std::getenv("TERM");  // NOLINT(concurrency-mt-unsafe): read once, before any thread starts.
  return ::isatty(STDERR_FILENO) == 1 && (kind == nullptr || std::string_view(kind) != "dumb");
}

std::size_t TerminalColumns() {
  winsize size{};
  if (::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col < 20) return 80;
  return size.ws_col;
}

std::string Rate(double rows_per_second) {
  if (rows_per_second >= 1e6) return fmt::format("{:.2f} M rows/s", rows_per_second / 1e6);
  if (rows_per_second >= 1e3) return fmt::format("{:.0f} k rows/s", rows_per_second / 1e3);
  return fmt::format("{:.0f} rows/s", rows_per_second);
}

}  // namespace

std::string ProgressText(const ProgressSample& sample, double rows_per_second) {
  std::string text = sample.activity;
  if (sample.rows > 0) text += fmt::format("  {} rows", Grouped(sample.rows));
  const bool total_known = sample.rows_total > 0;
  if (total_known && sample.rows > 0) {
    const double share = static_cast<double>(std::min(sample.rows, sample.rows_total)) /
                         static_cast<double>(sample.rows_total);
    text += fmt::format(" ({:.0f} %)", 100.0 * share);
  }
  if (rows_per_second > 0.0) text += "  " + Rate(rows_per_second);
  if (sample.loss.has_value()) text += fmt::format("  loss {:.4f}", *sample.loss);
  if (total_known && rows_per_second > 0.0) {
    const std::uint64_t left =
        sample.rows_total - std::min(sample.rows, sample.rows_total) + sample.rows_later;
    text += "  ETA " + Seconds(static_cast<double>(left) / rows_per_second);
  }
  return text;
}

Progress::Progress(bool quiet)
    : quiet_(quiet),
      terminal_(!quiet && CanRewriteLines()),
      last_shown_(Clock::now()),
      rate_since_(last_shown_) {}

void Progress::Show(const ProgressSample& sample) {
  if (quiet_) return;
  const Clock::time_point now = Clock::now();
  const auto interval =
      terminal_ ? Clock::duration(kTerminalInterval) : Clock::duration(kPlainInterval);
  if (now - last_shown_ < interval) return;

  const std::uint64_t rows = sample.rows_earlier + sample.rows;
  const double elapsed = std::chrono::duration<double>(now - rate_since_).count();
  if (elapsed > kRateIntervalMin && rows > rate_rows_) {
    const double rate = static_cast<double>(rows - rate_rows_) / elapsed;
    const double weight = rows_per_second_ > 0.0 ? std::min(1.0, elapsed / kRateSeconds) : 1.0;
    rows_per_second_ += weight * (rate - rows_per_second_);
    rate_rows_ = rows;
    rate_since_ = now;
  }
  std::string text = ProgressText(sample, rows_per_second_);
  if (terminal_) {
    const std::size_t columns = TerminalColumns() - 1;
    if (text.size() > columns) text.resize(columns);
    std::fprintf(stderr, "\r\x1b[K%s", text.c_str());
    shown_ = true;
  } else {
    std::fprintf(stderr, "%s\n", text.c_str());
  }
  std::fflush(stderr);
  last_shown_ = now;
}

void Progress::Clear() {
  if (!shown_) return;
  std::fprintf(stderr, "\r\x1b[K");
  std::fflush(stderr);
  shown_ = false;
}

}  // namespace steelyard::cli
