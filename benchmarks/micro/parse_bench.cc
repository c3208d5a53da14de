// parse_bench: bytes of text a second that become rows on one core, beside memcpy and memchr over the same bytes.
//
// parse_bench FILE [FORMAT [SCHEMA.toml]]. Each figure is of processor time, the best of five rounds over the whole file,
// which is in memory before the first. "records" is finding the rows, "rows" is reading them as a worker does, "cached" is
// reading them from --cache, in bytes of the text they came from.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <string>
#include <vector>

#include "data/byte_source.h"
#include "data/dataset.h"
#include "data/input_files.h"
#include "data/text_stream.h"

namespace steelyard {
namespace {

constexpr int kRounds = 5;
constexpr std::size_t kBlockRows = 2048;

std::string ReadWhole(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// The processor seconds of the fastest of some rounds.
double Fastest(const std::function<std::uint64_t()>& round, std::uint64_t& count) {
  double best = 0;
  for (int i = 0; i < kRounds; ++i) {
    const std::clock_t start = std::clock();
    count = round();
    const double seconds = static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
    if (i == 0 || seconds < best) best = seconds;
  }
  return best;
}

void Report(const char* name, const char* unit, double bytes,
            const std::function<std::uint64_t()>& round) {
  std::uint64_t count = 0;
  const double seconds = Fastest(round, count);
  std::printf("%-10s %8.2f GB/s %10.2f M %s/s\n", name, bytes / seconds / 1e9,
              static_cast<double>(count) / seconds / 1e6, unit);
}

std::uint64_t CountLines(const std::string& text) {
  std::uint64_t lines = 0;
  const char* p = text.data();
  const char* const end = p + text.size();
  while (p < end) {
    const void* const line = std::memchr(p, '\n', static_cast<std::size_t>(end - p));
    if (line == nullptr) break;
    p = static_cast<const char*>(line) + 1;
    ++lines;
  }
  return lines;
}

std::uint64_t FindRecords(const std::string& path) {
  auto file = data::OpenFile(path);
  if (!file.ok()) return 0;
  data::TextStream stream(std::move(file.value()), {}, {.path = path, .recountable = true});
  data::Record record;
  std::uint64_t records = 0;
  for (;;) {
    const auto more = stream.Next(record);
    if (!more.ok() || !more.value()) return records;
    ++records;
  }
}

std::uint64_t ReadRows(data::Dataset& dataset, const std::vector<data::Shard>& shards) {
  data::RowBlock block;
  std::uint64_t rows = 0;
  for (const data::Shard& shard : shards) {
    const auto reader = dataset.Open(shard);
    if (!reader.ok()) return rows;
    for (;;) {
      block.Clear();
      const Status status = reader.value()->Read(kBlockRows, block);
      if (!status.ok()) {
        std::fprintf(stderr, "%s\n", status.ToString().c_str());
        return rows;
      }
      if (block.empty()) break;
      rows += block.size();
    }
  }
  return rows;
}

data::Format FormatCalled(const std::string& name) {
  for (const data::Format format :
       {data::Format::kLibsvm, data::Format::kLibfm, data::Format::kLibffm, data::Format::kVw,
        data::Format::kCriteo, data::Format::kCsv}) {
    if (name == data::FormatName(format)) return format;
  }
  return data::Format::kAuto;
}

int Run(const std::vector<std::string>& arguments) {
  if (arguments.empty()) {
    std::fputs("usage: parse_bench FILE [FORMAT [SCHEMA.toml]]\n", stderr);
    return 2;
  }
  data::DatasetOptions options;
  options.paths = {arguments[0]};
  options.label_kind = data::LabelKind::kReal;
  if (arguments.size() > 1) options.format = FormatCalled(arguments[1]);
  if (arguments.size() > 2) options.schema_text = ReadWhole(arguments[2]);
  const auto dataset = data::OpenDataset(options);
  const auto shards = dataset.ok() ? dataset.value()->Cut(16'384)
                                   : Result<std::vector<data::Shard>>(dataset.status());
  if (!shards.ok()) {
    std::fprintf(stderr, "%s\n", shards.status().ToString().c_str());
    return 1;
  }
  const std::string text = ReadWhole(arguments[0]);
  const auto bytes = static_cast<double>(text.size());
  std::string copy(text.size(), ' ');
  Report("memcpy", "bytes", bytes, [&] {
    std::memcpy(copy.data(), text.data(), text.size());
    return text.size();
  });
  Report("memchr", "lines", bytes, [&] { return CountLines(text); });
  Report("records", "records", bytes, [&] { return FindRecords(arguments[0]); });
  Report("rows", "rows", bytes, [&] { return ReadRows(*dataset.value(), shards.value()); });
  std::string folder = std::filesystem::temp_directory_path() / "steelyard-bench-XXXXXX";
  if (::mkdtemp(folder.data()) == nullptr) return 1;
  options.cache_folder = folder;
  const auto cached = data::OpenDataset(options);
  if (!cached.ok()) return 1;
  (void)ReadRows(*cached.value(), shards.value());  // The first pass writes the cache.
  Report("cached", "rows", bytes, [&] { return ReadRows(*cached.value(), shards.value()); });
  std::filesystem::remove_all(folder);
  return 0;
}

}  // namespace
}  // namespace steelyard

int main(int count, char** arguments) {
  return steelyard::Run({arguments + 1, arguments + count});
}
