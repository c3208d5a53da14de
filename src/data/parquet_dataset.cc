// Counting, cutting and reading Parquet files.
#include "data/parquet_dataset.h"

#include <fmt/format.h>

#include <algorithm>
#include <mutex>
#include <optional>
#include <utility>

#include "data/bad_rows.h"
#include "data/parquet_file.h"
#include "data/parquet_rows.h"

namespace steelyard::data {
namespace {

constexpr std::size_t kBatchRows = 512;  // Components of a batch stay in the second-level cache.
constexpr std::size_t kFeaturesPerBlockMax = std::size_t{1}
                                             << 31;  // RowBlock's offsets are 32 bits wide.

/// An open file that stands at some row.
struct Cursor {
  std::unique_ptr<ParquetFile> file;
  std::optional<OrderCheck>
      order;  ///< Has seen the row before; absent when it has not, or no order is promised.
};

/// What the dataset and its readers share.
class ParquetContent {
 public:
  ParquetContent(std::vector<ParquetPlan> from, BadRows::Limits limits)
      : plans(std::move(from)),
        rows(plans.back().first_row + plans.back().rows),
        bad_rows(limits, [this] { return rows; }),
        parked_(plans.size()) {
    for (const ParquetPlan& plan : plans) paths.push_back(plan.path);
  }

  /// A cursor at `row` of a file, preferably one that a reader before left there or a little earlier. Where an order is
  /// promised it has seen the row before, be it in the file before.
  Result<Cursor> OpenAt(std::uint32_t index, std::uint64_t row) {
    const ParquetPlan& plan = plans[index];
    Result<Cursor> opened = Unpark(index, row);
    if (!opened.ok()) return opened;
    Cursor& cursor = opened.value();
    if (cursor.order && cursor.file->row() == row) return opened;
    if (!plan.binding.order) {
      SY_RETURN_IF_ERROR(cursor.file->Seek(row));
      return opened;
    }
    cursor.order.emplace(plan.schema.order.column);
    if (row > 0) {
      SY_RETURN_IF_ERROR(ShowRow(plan, row - 1, cursor));
    } else {
      SY_RETURN_IF_ERROR(ShowEndOfFileBefore(index, *cursor.order));
      SY_RETURN_IF_ERROR(cursor.file->Seek(0));
    }
    return opened;
  }

  void Park(std::uint32_t file, Cursor cursor) {
    const std::lock_guard lock(mutex_);
    parked_[file].push_back(std::move(cursor));
  }

  std::vector<ParquetPlan> plans;  ///< [files]
  std::vector<std::string> paths;
  std::uint64_t rows;
  BadRows bad_rows;

 private:
  /// Show one row to the cursor's check; the cursor stands behind it then.
  static Status ShowRow(const ParquetPlan& plan, std::uint64_t row, Cursor& cursor) {
    SY_RETURN_IF_ERROR(cursor.file->Seek(row));
    std::vector<ColumnCells> cells(plan.selected.size());
    const Result<std::size_t> got = cursor.file->Read(1, cells);
    if (!got.ok()) return got.status();
    // Whoever reads that row reports what may be wrong with it.
    if (got.value() == 1) (void)CheckOrder(cells[plan.binding.order.value_or(0)], 0, *cursor.order);
    return {};
  }

  Status ShowEndOfFileBefore(std::uint32_t index, OrderCheck& order) {
    while (index > 0 && plans[index - 1].rows == 0) --index;
    if (index == 0) return {};
    const ParquetPlan& before = plans[index - 1];
    Result<Cursor> opened = Unpark(index - 1, before.rows - 1);
    if (!opened.ok()) return opened.status();
    opened.value().order = std::move(order);
    SY_RETURN_IF_ERROR(ShowRow(before, before.rows - 1, opened.value()));
    order = std::move(*opened.value().order);
    return {};
  }

  /// A parked cursor at or before `row`, the nearest; else a fresh one at the start.
  Result<Cursor> Unpark(std::uint32_t index, std::uint64_t row) {
    {
      const std::lock_guard lock(mutex_);
      auto& cursors = parked_[index];
      auto best = cursors.end();
      for (auto it = cursors.begin(); it != cursors.end(); ++it) {
        const bool before = it->file->row() <= row;
        if (before && (best == cursors.end() || it->file->row() > best->file->row())) best = it;
      }
      if (best != cursors.end()) {
        Cursor cursor = std::move(*best);
        cursors.erase(best);
        return cursor;
      }
    }
    const ParquetPlan& plan = plans[index];
    Result<std::unique_ptr<ParquetFile>> opened = OpenParquetFile(plan.path);
    if (!opened.ok()) return opened.status();
    if (opened.value()->rows() != plan.rows) {
      return Status(
          StatusCode::kBadData,
          fmt::format("the file had {} rows and now has {}: it was changed while being read",
                      plan.rows, opened.value()->rows()),
          plan.path);
    }
    opened.value()->Select(plan.selected);
    return Cursor{.file = std::move(opened.value()), .order = std::nullopt};
  }

  std::mutex mutex_;
  std::vector<std::vector<Cursor>> parked_;  ///< [files]
};

class ParquetReader : public RowReader {
 public:
  ParquetReader(std::shared_ptr<ParquetContent> content, const Shard& shard, Cursor cursor)
      : content_(std::move(content)),
        plan_(content_->plans[shard.file]),
        index_(shard.file),
        file_(std::move(cursor.file)),
        rows_(plan_, std::move(cursor.order)),
        cells_(plan_.selected.size()),
        row_(shard.first_row),
        end_(shard.first_row + shard.row_count) {}
  ParquetReader(const ParquetReader&) = delete;
  ParquetReader& operator=(const ParquetReader&) = delete;
  ~ParquetReader() override {
    if (!healthy_) return;
    // A reader that was left early has loaded rows that its check has not seen.
    std::optional<OrderCheck> order = next_ == loaded_ ? rows_.TakeOrder() : std::nullopt;
    content_->Park(index_, {.file = std::move(file_), .order = std::move(order)});
  }

  Status Read(std::size_t rows_max, RowBlock& block) override {
    const std::size_t target = block.size() + rows_max;
    while (block.size() < target && row_ < end_ && block.keys.size() < kFeaturesPerBlockMax) {
      if (next_ == loaded_) SY_RETURN_IF_ERROR(LoadBatch());
      const std::uint64_t row = row_++;
      if (rows_.Append(next_++, row, block)) continue;
      const auto why = [&] {
        return Status(StatusCode::kBadData, rows_.error(),
                      fmt::format("{}:row {}", plan_.path, row - plan_.first_row));
      };
      if (rows_.fatal()) return why();
      ++bad_rows_;
      SY_RETURN_IF_ERROR(content_->bad_rows.Refuse(row, why));
    }
    return {};
  }

  std::uint64_t bad_rows() const override { return bad_rows_; }
  std::vector<std::pair<Key, std::string>> TakeNames() override { return rows_.TakeNames(); }

 private:
  Status LoadBatch() {
    const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(kBatchRows, end_ - row_));
    healthy_ = false;
    const Result<std::size_t> got = file_->Read(wanted, cells_);
    if (!got.ok()) return got.status();
    if (got.value() == 0) {
      return Status(StatusCode::kCorruption, "the file ends before the rows its footer promises",
                    plan_.path);
    }
    healthy_ = true;
    loaded_ = got.value();
    next_ = 0;
    rows_.Load(loaded_, cells_);
    return {};
  }

  std::shared_ptr<ParquetContent> content_;
  const ParquetPlan& plan_;
  std::uint32_t index_;
  std::unique_ptr<ParquetFile> file_;
  bool healthy_ = true;
  ParquetRows rows_;
  std::vector<ColumnCells> cells_;  ///< [selected columns]
  std::uint64_t row_;
  std::uint64_t end_;
  std::size_t loaded_ = 0;
  std::size_t next_ = 0;
  std::uint64_t bad_rows_ = 0;
};

class ParquetDataset : public Dataset {
 public:
  ParquetDataset(std::vector<ParquetPlan> plans, BadRows::Limits limits)
      : content_(std::make_shared<ParquetContent>(std::move(plans), limits)) {}

  const std::vector<std::string>& files() const override { return content_->paths; }
  Format format() const override { return Format::kParquet; }
  bool keys_are_ids() const override { return false; }
  Result<std::uint64_t> CountRows() override { return content_->rows; }

  Result<std::vector<Shard>> Cut(std::uint64_t rows_per_shard) override {
    if (rows_per_shard == 0) return Status(StatusCode::kInvalidArgument, "rows_per_shard is 0");
    std::vector<Shard> shards;
    for (std::uint32_t i = 0; i < content_->plans.size(); ++i) {
      const ParquetPlan& plan = content_->plans[i];
      for (std::uint64_t row = 0; row < plan.rows; row += rows_per_shard) {
        shards.push_back({.file = i,
                          .first_byte = 0,
                          .byte_count = 0,
                          .first_row = plan.first_row + row,
                          .row_count = std::min(rows_per_shard, plan.rows - row)});
      }
    }
    if (shards.empty()) {
      return Status(StatusCode::kBadData, "the input holds no rows", content_->paths.front());
    }
    return shards;
  }

  Result<std::unique_ptr<RowReader>> Open(const Shard& shard) override {
    const bool known = shard.file < content_->plans.size();
    const ParquetPlan* const plan = known ? &content_->plans[shard.file] : nullptr;
    const std::uint64_t skipped = known ? shard.first_row - plan->first_row : 0;
    if (!known || shard.first_row < plan->first_row || skipped > plan->rows ||
        shard.row_count > plan->rows - skipped) {
      return Status(
          StatusCode::kInvalidArgument,
          fmt::format("rows {} to {} of file {} are not in this input: do all processes see the "
                      "same files?",
                      shard.first_row, shard.first_row + shard.row_count, shard.file));
    }
    Result<Cursor> cursor = content_->OpenAt(shard.file, skipped);
    if (!cursor.ok()) return cursor.status();
    return std::unique_ptr<RowReader>(
        std::make_unique<ParquetReader>(content_, shard, std::move(cursor.value())));
  }

 private:
  std::shared_ptr<ParquetContent> content_;
};

/// Keep the columns that are used, each once, and point the binding at them.
Status SelectColumns(const std::vector<ParquetColumn>& columns, ParquetPlan& plan) {
  Status status;
  const auto select = [&](std::uint32_t& column) {
    const ParquetColumn& used = columns[column];
    if (used.kind == CellKind::kOther && status.ok()) {
      status =
          Status(StatusCode::kBadData,
                 fmt::format(
                     "column '{}' is of the type {}, which is not read; write it as a number, text "
                     "or timestamp",
                     used.name, used.type),
                 plan.path);
    }
    const auto found = std::find(plan.selected.begin(), plan.selected.end(), column);
    const auto index = static_cast<std::uint32_t>(found - plan.selected.begin());
    if (found == plan.selected.end()) plan.selected.push_back(column);
    column = index;
  };
  for (std::uint32_t& feature : plan.binding.features) select(feature);
  for (std::optional<std::uint32_t>* use :
       {&plan.binding.label, &plan.binding.weight, &plan.binding.order}) {
    if (*use) select(**use);
  }
  return status;
}

}  // namespace

Result<std::unique_ptr<Dataset>> OpenParquet(const std::vector<ProbedFile>& probed,
                                             const DatasetOptions& options) {
  std::vector<ParquetPlan> plans;
  std::uint64_t first_row = 0;
  for (const ProbedFile& each : probed) {
    const std::string& path = each.file.path;
    const Result<std::unique_ptr<ParquetFile>> file = OpenParquetFile(path);
    if (!file.ok()) return file.status();
    const std::vector<ParquetColumn>& columns = file.value()->columns();
    std::vector<std::string> names;
    names.reserve(columns.size());
    for (const ParquetColumn& column : columns) names.push_back(column.name);
    Result<Schema> schema = SchemaOf(options, names, path);
    if (!schema.ok()) return schema.status();
    Result<ColumnBinding> binding =
        BindColumns(schema.value(), names, path, options.labels_optional);
    if (!binding.ok()) return binding.status();
    Result<LabelMap> labels = LabelMapOf(options, schema.value().positive);
    if (!labels.ok()) return labels.status();
    plans.push_back({.path = path,
                     .rows = file.value()->rows(),
                     .first_row = first_row,
                     .schema = std::move(schema.value()),
                     .binding = std::move(binding.value()),
                     .selected = {},
                     .labels = std::move(labels.value()),
                     .labels_optional = options.labels_optional,
                     .keep_names = options.keep_names});
    SY_RETURN_IF_ERROR(SelectColumns(columns, plans.back()));
    first_row += file.value()->rows();
  }
  const BadRows::Limits limits{.rows_max = options.bad_rows_max,
                               .fraction_max = options.bad_rows_fraction_max};
  return std::unique_ptr<Dataset>(std::make_unique<ParquetDataset>(std::move(plans), limits));
}

}  // namespace steelyard::data
