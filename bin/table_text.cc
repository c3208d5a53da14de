// Reads line by line; numbers are parsed as WriteTableLine() writes them.
#include "table_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <utility>

#include "base/hash.h"
#include "data/input_files.h"

namespace steelyard::cli {
namespace {

constexpr std::size_t kRowsPerPiece = 16'384;
constexpr std::size_t kWidthMax = 65'536;
constexpr const char* kShape =
    "a line must be a key (0 to 18446744073709551615) and its values, with a tab before each";

Result<std::unique_ptr<data::ByteSource>> OpenUnpacked(const std::string& path) {
  Result<data::ProbedFile> probed = data::ProbeFile(path);
  if (!probed.ok()) return probed.status();
  if (probed.value().file.stream) return std::move(probed.value().source);
  Result<std::unique_ptr<data::ByteSource>> file = data::OpenFile(path);
  if (!file.ok()) return file.status();
  return data::Unpack(probed.value().file.packing, std::move(file.value()), path);
}

}  // namespace

Result<TableTextReader> TableTextReader::Open(const std::string& path, const Options& options) {
  Result<std::unique_ptr<data::ByteSource>> source = OpenUnpacked(path);
  if (!source.ok()) return source.status();
  const std::string name = path == "-" ? "standard input" : path;
  TableTextReader text(
      name,
      std::make_unique<data::TextStream>(std::move(source.value()), data::RecordShape{},
                                         data::TextStream::Place{.path = name}),
      options);
  const Result<bool> first = text.ReadLine();
  if (!first.ok()) return first.status();
  if (!first.value()) return Status(StatusCode::kBadData, "there are only blank lines", name);
  if (options.sort) SY_RETURN_IF_ERROR(text.ReadAll());
  return text;
}

Status TableTextReader::BadLine(const std::string& message) const {
  return {StatusCode::kBadData, message, fmt::format("{}:{}", name_, line_)};
}

/// Append the next line to lines_ and values_. @return false at the end.
Result<bool> TableTextReader::ReadLine() {
  data::Record record;
  passed_.clear();
  Result<bool> read = stream_->Next(record, &passed_);
  if (!read.ok() || !read.value()) return read;
  const bool ended = passed_.ends_with('\n');
  line_ += static_cast<std::uint64_t>(std::ranges::count(passed_, '\n')) + (ended ? 0 : 1);
  if (!ended)
    return BadLine("the last line has no line feed: the text is cut off, or was written by hand");
  std::string_view text(record.begin, record.end);
  if (text.ends_with('\r')) text.remove_suffix(1);
  SY_RETURN_IF_ERROR(ParseLine(text));
  return true;
}

Status TableTextReader::ParseLine(std::string_view text) {
  const char* const end = text.data() + text.size();
  Line line{.key = 0, .number = line_, .first = values_.size()};
  std::from_chars_result number = std::from_chars(text.data(), end, line.key);
  if (number.ec != std::errc()) return BadLine(kShape);
  if (options_.ids) line.key = KeyOfId(line.key);
  while (number.ptr != end) {
    if (*number.ptr != '\t') return BadLine(kShape);
    float value = 0.0F;
    number = std::from_chars(number.ptr + 1, end, value);
    if (number.ec != std::errc() || !std::isfinite(value)) {
      return BadLine(fmt::format("value {} is no number that a 32-bit float holds",
                                 values_.size() - line.first + 1));
    }
    values_.push_back(value);
  }
  const std::size_t count = values_.size() - line.first;
  if (width_ == 0) {
    if (count == 0 || count > kWidthMax)
      return BadLine(fmt::format("a key has 1 to {} values, this one has {}", kWidthMax, count));
    width_ = static_cast<std::uint32_t>(count);
  } else if (count != width_) {
    return BadLine(fmt::format("{} values, where the lines before have {}", count, width_));
  }
  lines_.push_back(line);
  return {};
}

Status TableTextReader::CheckOrder(const Line& before, const Line& line) const {
  if (line.key > before.key) return {};
  const std::string where = fmt::format("{}:{}", name_, line.number);
  if (line.key == before.key) {
    return {StatusCode::kBadData,
            fmt::format("line {} has the same key; a key may have one line", before.number), where};
  }
  return {StatusCode::kBadData,
          fmt::format("the key is smaller than that of line {}; keys must increase, as table dump "
                      "prints them (--sort sorts lines of any order, in memory)",
                      before.number),
          where};
}

Status TableTextReader::ReadAll() {
  for (;;) {
    const Result<bool> more = ReadLine();
    if (!more.ok()) return more.status();
    if (!more.value()) break;
  }
  std::ranges::sort(lines_, [](const Line& a, const Line& b) {
    return a.key != b.key ? a.key < b.key : a.number < b.number;
  });
  for (std::size_t i = 1; i < lines_.size(); ++i)
    SY_RETURN_IF_ERROR(CheckOrder(lines_[i - 1], lines_[i]));
  return {};
}

Status TableTextReader::Next(TableRows& rows) {
  rows.keys.clear();
  rows.floats.clear();
  while (rows.keys.size() < kRowsPerPiece) {
    if (next_ == lines_.size()) {
      // Not sorted: the line handed out last stays, to compare the next one with.
      const Result<bool> more = options_.sort ? Result<bool>(false) : ReadLine();
      if (!more.ok()) return more.status();
      if (!more.value()) break;
      SY_RETURN_IF_ERROR(CheckOrder(lines_[next_ - 1], lines_[next_]));
      lines_.erase(lines_.begin());
      values_.erase(values_.begin(), values_.begin() + width_);
      lines_.front().first = 0;
      next_ = 0;
    }
    const Line& line = lines_[next_++];
    const auto values = values_.begin() + static_cast<std::ptrdiff_t>(line.first);
    rows.keys.push_back(line.key);
    rows.floats.insert(rows.floats.end(), values, values + width_);
  }
  return {};
}

}  // namespace steelyard::cli
