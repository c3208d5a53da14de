// Fuzz targets of schemas, CSV records, and whole text files from detection to rows.
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "data/binding.h"
#include "data/csv.h"
#include "data/dataset.h"
#include "data/schema.h"
#include "fuzz/fuzz_target.h"

namespace steelyard::fuzz {
namespace {

constexpr std::string_view kSchema = R"([label]
column = "delay"
positive = "> 15"
[order]
by = "date"
[features]
hour  = { column = "date", part = "hour" }
day   = { column = "date", part = "month-day", alone = false }
min10 = { column = "date", part = "minute-of-day", width = 10 }
from  = { column = "origin" }
miles = { column = "distance", width = 100 }
speed = { column = "speed", numeric = true }
[crosses]
use = ["from*hour", "from*day*miles"]
)";

std::string_view AsText(Bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// A file in memory with a path of its own.
class MemoryFile {
 public:
  explicit MemoryFile(std::string_view content) : fd_(memfd_create("fuzz", MFD_CLOEXEC)) {
    SY_CHECK(fd_ >= 0);
    const ssize_t written = write(fd_, content.data(), content.size());
    SY_CHECK(written == static_cast<ssize_t>(content.size()));
  }
  ~MemoryFile() { close(fd_); }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;
  std::string path() const { return "/proc/self/fd/" + std::to_string(fd_); }

 private:
  int fd_;
};

struct Rows {
  bool ok = true;
  data::RowBlock block;
  std::uint64_t bad = 0;
  std::uint64_t promised = 0;  // Rows that the shards said they hold.
};

Rows ReadAll(data::Dataset& dataset, std::uint64_t rows_per_shard) {
  Rows rows;
  const auto shards = dataset.Cut(rows_per_shard);
  rows.ok = shards.ok();
  if (!rows.ok) return rows;
  for (const data::Shard& shard : shards.value()) {
    rows.promised += shard.row_count;  // Unknown for all of a packed file, which is one shard.
    auto reader = dataset.Open(shard);
    if (!reader.ok()) return {.ok = false, .block = {}, .bad = 0, .promised = 0};
    for (;;) {
      const std::size_t before = rows.block.size();
      if (!reader.value()->Read(3, rows.block).ok()) {
        return {.ok = false, .block = {}, .bad = 0, .promised = 0};
      }
      SY_CHECK(rows.block.size() <= before + 3);
      if (rows.block.size() == before) break;
    }
    rows.bad += reader.value()->bad_rows();
  }
  return rows;
}

}  // namespace

void FuzzSchema(Bytes input) {
  const auto schema = data::ParseSchema(AsText(input), "input.toml");
  if (!schema.ok()) {
    SY_CHECK(schema.status().code() == StatusCode::kBadData && !schema.status().message().empty());
    return;
  }
  for (const data::CrossSpec& cross : schema.value().crosses) {
    SY_CHECK(cross.features.size() >= 2);
    for (const std::uint32_t index : cross.features) {
      SY_CHECK(index < schema.value().features.size());
    }
  }
}

void FuzzCsv(Bytes input) {
  if (input.empty()) return;
  const auto choice = static_cast<unsigned>(input[0]);
  const std::vector<std::string> columns{"date", "delay", "distance", "origin", "speed"};
  auto schema = data::ParseSchema(kSchema, "schema.toml");
  SY_CHECK(schema.ok());
  auto binding = data::BindColumns(schema.value(), columns, "input", false);
  SY_CHECK(binding.ok());
  auto rule = data::LabelRule::Parse(schema.value().positive);
  SY_CHECK(rule.ok());
  const char delimiter = (choice & 1u) != 0 ? '\t' : ',';
  data::CsvPlan plan{.schema = std::move(schema.value()),
                     .binding = std::move(binding.value()),
                     .labels = data::LabelMap(data::LabelKind::kBinary, rule.value()),
                     .columns = columns,
                     .delimiter = delimiter,
                     .labels_optional = (choice & 2u) != 0,
                     .keep_names = (choice & 4u) != 0};
  // Rows whose names are wanted take another way through the parser, and must be the same.
  data::CsvPlan twin_plan = plan;
  twin_plan.keep_names = !plan.keep_names;
  data::CsvParser parser(std::move(plan));
  data::CsvParser twin(std::move(twin_plan));
  data::TextStream stream(data::FromMemory(std::string(AsText(input.subspan(1)))),
                          {.quoted = true, .comments = false, .delimiter = delimiter},
                          {.path = "input", .first_byte = 0, .recountable = false});
  data::RowBlock block;
  data::RowBlock twin_block;
  data::Record record;
  for (std::uint64_t row = 0; !parser.fatal(); ++row) {
    const auto more = stream.Next(record);
    if (!more.ok() || !more.value()) break;
    const std::size_t before = block.size();
    const bool parsed = parser.Parse(record, row, block);
    SY_CHECK(block.size() == before + (parsed ? 1 : 0));
    SY_CHECK(parsed || !parser.error().empty());
    SY_CHECK(twin.Parse(record, row, twin_block) == parsed && twin.error() == parser.error());
  }
  SY_CHECK(block.offsets.size() == block.size() + 1 && block.offsets.back() == block.keys.size());
  SY_CHECK(block.values.empty() || block.values.size() == block.keys.size());
  SY_CHECK(twin_block.keys == block.keys && twin_block.values == block.values);
  SY_CHECK(twin_block.labels.size() == block.labels.size() && twin_block.offsets == block.offsets);
  (void)parser.TakeNames();
}

// However a file is cut, its rows are the same.
void FuzzTextFile(Bytes input) {
  if (input.empty()) return;
  const std::uint64_t rows_per_shard = 1 + static_cast<unsigned>(input[0]) % 7;
  const MemoryFile file(AsText(input.subspan(1)));
  data::DatasetOptions options;
  options.paths = {file.path()};
  options.schema_text = kSchema;
  options.schema_name = "schema.toml";
  options.schema_optional = true;
  options.bad_rows_max = 1u << 30;
  auto dataset = data::OpenDataset(options);
  if (!dataset.ok()) {
    SY_CHECK(!dataset.status().message().empty());
    return;
  }
  const Rows whole = ReadAll(*dataset.value(), 1u << 30);
  const Rows cut = ReadAll(*dataset.value(), rows_per_shard);
  if (!whole.ok || !cut.ok) return;
  const auto count = dataset.value()->CountRows();
  SY_CHECK(count.ok() && count.value() == whole.block.size() + whole.bad);
  SY_CHECK(whole.promised == data::kRowsUnknown || whole.promised == count.value());
  SY_CHECK(cut.promised == whole.promised);
  SY_CHECK(cut.bad == whole.bad && cut.block.rows == whole.block.rows);
  SY_CHECK(cut.block.keys == whole.block.keys && cut.block.offsets == whole.block.offsets);
}

}  // namespace steelyard::fuzz
