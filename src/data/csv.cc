// CSV: fields, headers, rows.
#include "data/csv.h"

#include <fmt/format.h>

#include <array>
#include <cstring>
#include <limits>
#include <utility>

#include "data/near_miss.h"
#include "data/number.h"

namespace steelyard::data {
namespace {

const char* Find(const char* begin, const char* end, char wanted) {
  const void* const at = std::memchr(begin, wanted, static_cast<std::size_t>(end - begin));
  return at ? static_cast<const char*>(at) : end;
}

std::string_view Text(const char* begin, const char* end) {
  return {begin, static_cast<std::size_t>(end - begin)};
}

/// The field that opens with the quote at `p`; moves `p` past the closing one.
std::string_view QuotedField(const char*& p, const char* end, std::string& unquoted) {
  const char* const first = p + 1;
  const char* close = Find(first, end, '"');
  if (close + 1 >= end || close[1] != '"') {
    p = std::min(close + 1, end);
    return Text(first, close);
  }
  // Doubled quotes stand for one. The caller reserved room for the whole record: views stay valid.
  const std::size_t start = unquoted.size();
  for (const char* from = first;; close = Find(from, end, '"')) {
    unquoted.append(from, close);
    if (close + 1 >= end || close[1] != '"') break;
    unquoted += '"';
    from = close + 2;
  }
  p = std::min(close + 1, end);
  return std::string_view(unquoted).substr(start);
}

/// The most frequent of , ; and tab outside quotes in the first line.
char GuessDelimiter(std::string_view head) {
  std::array<std::pair<char, int>, 3> counts = {{{',', 0}, {'\t', 0}, {';', 0}}};
  bool quoted = false;
  for (const char c : head) {
    if (c == '"') quoted = !quoted;
    if (c == '\n' && !quoted) break;
    for (auto& [delimiter, count] : counts) count += !quoted && c == delimiter ? 1 : 0;
  }
  auto best = counts[0];
  for (const auto& each : counts) best = each.second > best.second ? each : best;
  return best.first;
}

struct Header {
  std::vector<std::string> columns;
  std::uint64_t bytes = 0;  ///< Of the header with its line end.
};

Result<Header> ReadHeader(const ProbedFile& probed, const RecordShape& shape) {
  const char* p = probed.head.data();
  const char* const limit = p + probed.head.size();
  Record record{p, p};
  do {
    const char* end = p < limit ? RecordEnd(p, limit, shape) : nullptr;
    if (end == nullptr && probed.head.size() < kHeadBytes) end = limit;
    if (end == nullptr || p >= limit) {
      return Status(StatusCode::kBadData,
                    fmt::format("no CSV header in the first {} bytes", probed.head.size()),
                    probed.file.path);
    }
    record = {p, end};
    p = std::min(end + 1, limit);
  } while (IsNoRow(record, shape));

  std::vector<std::string_view> fields;
  std::string unquoted;
  if (!SplitRecord(record, shape.delimiter, fields, unquoted)) {
    return Status(StatusCode::kBadData, "the header has text after a closing quote",
                  probed.file.path + ":1");
  }
  return Header{.columns = {fields.begin(), fields.end()},
                .bytes = static_cast<std::uint64_t>(p - probed.head.data())};
}

/// The order column of rows where shards meet.
class CsvOrder : public RecordOrder {
 public:
  explicit CsvOrder(const std::vector<CsvPlan>& plans)
      : plans_(plans), check_(plans.front().schema.order.column) {}

  bool Next(std::uint32_t file, const Record& record) override {
    const CsvPlan& plan = plans_[file];
    const bool split = SplitRecord(record, plan.delimiter, fields_, unquoted_);
    // Whoever reads a bad row reports it.
    if (!split || fields_.size() != plan.columns.size()) return true;
    const std::string_view cell = fields_[plan.binding.order.value_or(0)];
    return cell.empty() || check_.NextText(cell);
  }
  const std::string& error() const override { return check_.error(); }

 private:
  std::vector<CsvPlan> plans_;
  OrderCheck check_;
  std::vector<std::string_view> fields_;
  std::string unquoted_;
};

}  // namespace

bool SplitRecord(const Record& record, char delimiter, std::vector<std::string_view>& fields,
                 std::string& unquoted) {
  fields.clear();
  unquoted.clear();
  const char* p = record.begin;
  const char* end = record.end;
  if (end > p && end[-1] == '\r') --end;
  // Views stay valid, and may be read beyond their ends.
  unquoted.reserve(static_cast<std::size_t>(end - p) + kReadAheadBytes);
  for (;;) {
    if (p < end && *p == '"') {
      fields.push_back(QuotedField(p, end, unquoted));
      if (p < end && *p != delimiter) return false;
    } else {
      const char* const stop = Find(p, end, delimiter);
      fields.push_back(Text(p, stop));
      p = stop;
    }
    if (p == end) return true;
    ++p;
  }
}

/// Find the cells of `record`. False when text follows a closing quote.
bool CsvParser::Split(const Record& record) {
  const char* end = record.end;
  if (end > record.begin && end[-1] == '\r') --end;
  const auto bytes = static_cast<std::size_t>(end - record.begin);
  if (std::memchr(record.begin, '"', bytes) != nullptr) return SplitQuoted(record);
  cells_ = SplitAt(plan_.delimiter, {record.begin, bytes}, stops_);
  return true;
}

/// Put what stands between and behind quotes side by side, as if there were none.
bool CsvParser::SplitQuoted(const Record& record) {
  if (!SplitRecord(record, plan_.delimiter, fields_, unquoted_)) return false;
  flat_.clear();
  stops_.resize(std::max(stops_.size(), fields_.size() + 1));
  stops_[0] = kBeforeText;
  for (std::size_t i = 0; i < fields_.size(); ++i) {
    flat_.append(fields_[i]);
    stops_[i + 1] = static_cast<std::uint32_t>(flat_.size());
    flat_ += plan_.delimiter;
  }
  flat_.append(kReadAheadBytes, '\0');
  cells_ = {.text = flat_.data(), .stops = stops_.data(), .count = fields_.size()};
  return true;
}

CsvParser::CsvParser(CsvPlan plan)
    : plan_(std::move(plan)), features_(plan_.schema, plan_.binding.features, plan_.keep_names) {
  if (plan_.binding.order) order_.emplace(plan_.schema.order.column);
}

bool CsvParser::Fail(std::string message) {
  error_ = std::move(message);
  return false;
}

bool CsvParser::ReadLabel(float& label) {
  label = std::numeric_limits<float>::quiet_NaN();
  if (!plan_.binding.label) return true;
  const std::string_view cell = cells_[*plan_.binding.label];
  if (cell.empty()) {
    return plan_.labels_optional ||
           Fail(fmt::format("the label, column '{}', is empty", plan_.schema.label.column));
  }
  const std::optional<float> number = plan_.labels.OfText(cell);
  if (!number) return Fail(plan_.labels.Complaint(cell));
  label = *number;
  return true;
}

bool CsvParser::ReadWeight(float& weight) {
  weight = 1.0F;
  if (!plan_.binding.weight) return true;
  const std::string_view cell = cells_[*plan_.binding.weight];
  const std::optional<double> number = ParseReal(cell);
  if (!number || !(*number >= 0) || *number > std::numeric_limits<float>::max()) {
    return Fail(fmt::format("the weight, column '{}', must be a number of at least 0, found {}",
                            plan_.schema.weight.column, Quoted(cell)));
  }
  weight = static_cast<float>(*number);
  return true;
}

bool CsvParser::Parse(const Record& record, std::uint64_t row, RowBlock& block) {
  if (!Split(record)) {
    return Fail("text follows a closing quote; inside quotes, write \"\" for a quote");
  }
  if (cells_.count != plan_.columns.size()) {
    return Fail(
        fmt::format("found {} fields, the header has {}", cells_.count, plan_.columns.size()));
  }
  if (order_ && !order_->NextText(cells_[plan_.binding.order.value_or(0)])) {
    fatal_ = true;
    return Fail(order_->error());
  }
  float label = 0;
  float weight = 1;
  if (!ReadLabel(label) || !ReadWeight(weight)) return false;
  if (!features_.Build(cells_)) return Fail(features_.error());
  AppendRow({.row = row,
             .label = label,
             .weight = weight,
             .keys = features_.keys(),
             .values = features_.values()},
            block);
  return true;
}

Result<std::unique_ptr<Dataset>> OpenCsv(std::vector<ProbedFile> probed,
                                         const DatasetOptions& options) {
  std::vector<CsvPlan> plans;
  for (ProbedFile& each : probed) {
    const std::string& path = each.file.path;
    each.file.shape = {.quoted = true, .comments = false, .delimiter = GuessDelimiter(each.head)};
    Result<Header> header = ReadHeader(each, each.file.shape);
    if (!header.ok()) return header.status();
    each.file.rows_start += header.value().bytes;
    const std::vector<std::string>& columns = header.value().columns;
    Result<Schema> schema = SchemaOf(options, columns, path);
    if (!schema.ok()) return schema.status();
    Result<ColumnBinding> binding =
        BindColumns(schema.value(), columns, path, options.labels_optional);
    if (!binding.ok()) return binding.status();
    Result<LabelMap> labels = LabelMapOf(options, schema.value().positive);
    if (!labels.ok()) return labels.status();
    plans.push_back({.schema = std::move(schema.value()),
                     .binding = std::move(binding.value()),
                     .labels = std::move(labels.value()),
                     .columns = columns,
                     .delimiter = each.file.shape.delimiter,
                     .labels_optional = options.labels_optional,
                     .keep_names = options.keep_names});
    if (!each.file.stream) each.head = std::string();
  }
  TextInput input = TakeFiles(std::move(probed), options);
  input.format = Format::kCsv;
  if (plans.front().binding.order) {
    input.make_order = [plans] { return std::make_unique<CsvOrder>(plans); };
  }
  input.make_parser = [plans = std::move(plans)](std::uint32_t file) {
    return std::make_unique<CsvParser>(plans[file]);
  };
  return MakeTextDataset(std::move(input));
}

}  // namespace steelyard::data
