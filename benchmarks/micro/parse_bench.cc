// parse_bench: bytes of text a second that become rows on one core, beside memcpy and memchr over the same bytes.
//
// Each figure is of processor time, the best of five rounds over the whole text, which is in memory (or the page cache) before
// the first. "records" is finding the rows, "rows" is reading them as a worker does, "cached" is reading them from --cache, in
// bytes of the text they came from. Nanoseconds are of one feature: "parse" of rows, "localise" of minibatches of 128.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <optional>
#include <string>
#include <vector>

#include "data/byte_source.h"
#include "data/dataset.h"
#include "data/input_files.h"
#include "data/localise.h"
#include "data/text_stream.h"
#include "micro/parse_inputs.h"
#include "usage.h"

namespace steelyard {
namespace {

constexpr const char* kUsage =
    "parse_bench [ROWS [NAME]]\n"
    "parse_bench --file FILE [FORMAT [SCHEMA.toml]]\n\n"
    "How fast text becomes rows on one core, beside memcpy and memchr of it: generated rows, "
    "200,000 unless said, in\n"
    "every format or in those whose names begin so; or a file.\n";
constexpr int kRounds = 5;
constexpr std::size_t kBlockRows = 2048;
constexpr std::size_t kMinibatchRows = 128;
constexpr std::uint64_t kShardRows = 16'384;

std::string ReadWhole(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
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

std::uint64_t FindRecords(const std::string& path, bool quoted) {
  auto file = data::OpenFile(path);
  if (!file.ok()) return 0;
  data::TextStream stream(std::move(file.value()), {.quoted = quoted},
                          {.path = path, .recountable = true});
  data::Record record;
  std::uint64_t records = 0;
  for (;;) {
    const auto more = stream.Next(record);
    if (!more.ok() || !more.value()) return records;
    ++records;
  }
}

struct Counts {
  std::uint64_t rows = 0;
  std::uint64_t features = 0;
};

Counts ReadRows(data::Dataset& dataset, const std::vector<data::Shard>& shards,
                const std::function<void(const data::RowBlock&)>& use = {}) {
  data::RowBlock block;
  Counts counts;
  for (const data::Shard& shard : shards) {
    const auto reader = dataset.Open(shard);
    if (!reader.ok()) return counts;
    for (;;) {
      block.Clear();
      const Status status = reader.value()->Read(kBlockRows, block);
      if (!status.ok()) {
        std::fprintf(stderr, "%s\n", status.ToString().c_str());
        return counts;
      }
      if (block.empty()) break;
      counts.rows += block.size();
      counts.features += block.keys.size();
      if (use) use(block);
    }
  }
  return counts;
}

/// The rows as the minibatches of a worker.
std::vector<data::Minibatch> CutMinibatches(data::Dataset& dataset,
                                            const std::vector<data::Shard>& shards) {
  std::vector<data::Minibatch> batches;
  (void)ReadRows(dataset, shards, [&](const data::RowBlock& block) {
    for (std::size_t row = 0; row < block.size(); ++row) {
      if (row % kMinibatchRows == 0) batches.emplace_back();
      data::AppendRow(block, row, batches.back().rows);
    }
  });
  return batches;
}

std::optional<data::Format> FormatCalled(const std::string& name) {
  for (const data::Format format :
       {data::Format::kLibsvm, data::Format::kLibfm, data::Format::kLibffm, data::Format::kVw,
        data::Format::kCriteo, data::Format::kCsv}) {
    if (name == data::FormatName(format)) return format;
  }
  return std::nullopt;
}

int WrongUsage(const std::string& what) {
  std::fprintf(stderr, "%s\n%s", what.c_str(), kUsage);
  return 2;
}

/// The processor seconds of the fastest of some rounds.
double Fastest(const std::function<void()>& round) {
  double best = 0;
  for (int i = 0; i < kRounds; ++i) {
    const std::clock_t start = std::clock();
    round();
    const double seconds = static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
    if (i == 0 || seconds < best) best = seconds;
  }
  return best;
}

/// A folder that goes when this does.
class ScratchFolder {
 public:
  ScratchFolder() : path_(std::filesystem::temp_directory_path() / "steelyard-bench-XXXXXX") {
    if (::mkdtemp(path_.data()) == nullptr) std::abort();
  }
  ~ScratchFolder() { std::filesystem::remove_all(path_); }
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

void PrintHead() {
  std::printf("%-16s %8s | %6s %6s %7s %6s %6s | %8s | %5s %8s\n", "GB/s of text", "bytes/row",
              "memcpy", "memchr", "records", "rows", "cached", "M rows/s", "parse", "localise");
}

/// Measure reading `input`, which the file at `path` holds, and print a line.
bool Measure(const std::string& path, const ParseInput& input) {
  const ScratchFolder cache;
  data::DatasetOptions options;
  options.paths = {path};
  options.label_kind = data::LabelKind::kReal;
  options.format = input.format;
  options.schema_text = input.schema;
  const auto dataset = data::OpenDataset(options);
  options.cache_folder = cache.path();
  const auto cached = data::OpenDataset(options);
  const auto shards = dataset.ok() ? dataset.value()->Cut(kShardRows)
                                   : Result<std::vector<data::Shard>>(dataset.status());
  if (!shards.ok() || !cached.ok()) {
    std::fprintf(stderr, "%s\n", shards.status().ToString().c_str());
    return false;
  }
  std::string copy(input.text.size(), ' ');
  const double memcpy_seconds =
      Fastest([&] { std::memcpy(copy.data(), input.text.data(), input.text.size()); });
  std::uint64_t lines = 0;
  const double memchr_seconds = Fastest([&] { lines = CountLines(input.text); });
  const double record_seconds =
      Fastest([&] { lines += FindRecords(path, input.format == data::Format::kCsv); });
  Counts counts;
  const double row_seconds = Fastest([&] { counts = ReadRows(*dataset.value(), shards.value()); });
  (void)ReadRows(*cached.value(), shards.value());  // The first pass writes the cache.
  const double cached_seconds = Fastest([&] { (void)ReadRows(*cached.value(), shards.value()); });
  std::vector<data::Minibatch> batches = CutMinibatches(*dataset.value(), shards.value());
  data::Localiser localiser;
  const double localise_seconds = Fastest([&] {
    for (data::Minibatch& batch : batches) localiser.Localise(batch);
  });
  const double gigabytes = static_cast<double>(input.text.size()) / 1e9;
  const auto rows = static_cast<double>(counts.rows);
  const double features = static_cast<double>(counts.features) / 1e9;
  std::printf("%-16s %8.0f | %6.2f %6.2f %7.2f %6.2f %6.2f | %8.2f | %5.2f %8.2f\n",
              input.name.c_str(), gigabytes * 1e9 / rows, gigabytes / memcpy_seconds,
              gigabytes / memchr_seconds, gigabytes / record_seconds, gigabytes / row_seconds,
              gigabytes / cached_seconds, rows / row_seconds / 1e6, row_seconds / features,
              localise_seconds / features);
  std::fflush(stdout);
  return lines > 0;
}

int MeasureGenerated(std::uint64_t rows, const std::string& name) {
  bool measured = true;
  int count = 0;
  for (const ParseInput& input : MakeParseInputs(rows)) {
    if (!input.name.starts_with(name)) continue;
    if (count++ == 0) PrintHead();
    const ScratchFolder folder;
    const std::string path = folder.path() + "/rows";
    std::ofstream(path, std::ios::binary) << input.text;
    measured = Measure(path, input) && measured;
  }
  if (count == 0) return WrongUsage("no format's name begins with '" + name + "'");
  return measured ? 0 : 1;
}

int MeasureFile(const std::vector<std::string>& words) {
  ParseInput input{.name = std::filesystem::path(words[0]).filename(), .text = ReadWhole(words[0])};
  if (words.size() > 1) {
    const auto format = FormatCalled(words[1]);
    if (!format) return WrongUsage("unknown format '" + words[1] + "'");
    input.format = *format;
  }
  if (words.size() > 2) input.schema = ReadWhole(words[2]);
  PrintHead();
  return Measure(words[0], input) ? 0 : 1;
}

int Run(const std::vector<std::string>& words) {
  constexpr std::uint64_t kDefaultRows = 200'000;
  const bool of_file = !words.empty() && words[0] == "--file";
  const auto known = [&](const std::string& word) {
    return !word.starts_with('-') || (of_file && word == "--file");
  };
  if (const auto code = EndsEarly(words, kUsage, known)) return *code;
  if (words.size() > (of_file ? 4 : 2)) return WrongUsage("too many arguments");
  if (of_file && words.size() == 1) return WrongUsage("--file needs a file");
  if (of_file) return MeasureFile({words.begin() + 1, words.end()});
  const std::uint64_t rows =
      words.empty() ? kDefaultRows : std::strtoull(words[0].c_str(), nullptr, 10);
  if (rows == 0) return WrongUsage("'" + words[0] + "' is no number of rows");
  return MeasureGenerated(rows, words.size() > 1 ? words[1] : "");
}

}  // namespace
}  // namespace steelyard

int main(int count, char** arguments) {
  return steelyard::Run({arguments + 1, arguments + count});
}
