// RangeCall: rows in key order, block by block, in the layout that functions take.
#include <algorithm>
#include <array>

#include "table/algebra.h"
#include "table/array_table.h"

namespace steelyard::table {
namespace {

/// Rows of a block: its columns stay in the nearest cache.
constexpr std::size_t kBlockRows = 2048;

}  // namespace

bool RangeCall::UsesColumns(const Rows& rows) const {
  if (dynamic_cast<const ArrayTable*>(&rows) == nullptr) return false;
  return std::ranges::all_of(function_->columns(), [this](std::uint32_t column) {
    return updater_->StoredAt(column).has_value();
  });
}

void RangeCall::MovePast(Key key, bool& end) {
  end = key >= last_;
  if (!end) cursor_ = key + 1;
}

Status RangeCall::TakeColumns(Rows& rows, std::size_t& rows_left, bool& end) {
  auto& array = dynamic_cast<ArrayTable&>(rows);
  const ArrayTable::RankRange ranks = array.RanksOf({cursor_, last_});
  const std::size_t count = std::min({ranks.count, rows_left, kBlockRows});
  std::vector<std::span<float>> columns;
  for (const std::uint32_t column : function_->columns()) {
    columns.push_back(array.column(*updater_->StoredAt(column)).subspan(ranks.first, count));
  }
  const std::span<const Key> keys = array.keys().subspan(ranks.first, count);
  end = count == ranks.count;
  rows_left -= count;
  if (count == 0) return {};
  SY_RETURN_IF_ERROR(function_->Take({.keys = keys, .columns = columns}));
  bool past_last = false;
  MovePast(keys.back(), past_last);
  return {};
}

void RangeCall::GatherBlock(const Rows& rows, bool& end) {
  const std::vector<std::uint32_t> columns = function_->columns();
  keys_.clear();
  values_.resize(columns.size() * kBlockRows);
  std::vector<float> row_values(updater_->value_floats());
  bool past_last = false;
  end = rows.Scan(cursor_, [&](Key key, std::span<const float> row) {
    past_last = key > last_;
    if (past_last || keys_.size() == kBlockRows) return false;
    updater_->Read(key, row, row_values);
    for (std::size_t c = 0; c < columns.size(); ++c)
      values_[c * kBlockRows + keys_.size()] = row_values[columns[c]];
    keys_.push_back(key);
    return true;
  });
  end |= past_last;
}

void RangeCall::WriteBack(Rows& rows) const {
  const std::vector<std::uint32_t> columns = function_->columns();
  const std::size_t row_floats = updater_->row_floats();
  rows.Update(keys_, {}, [&](std::size_t first, std::span<const Slot> slots) {
    for (std::size_t i = 0; i < slots.size(); ++i) {
      float* row = RowOf(slots[i], row_floats);
      for (std::size_t c = 0; c < columns.size(); ++c)
        row[*updater_->StoredAt(columns[c])] = values_[c * kBlockRows + first + i];
    }
  });
}

Status RangeCall::TakeGathered(Rows& rows, std::size_t& rows_left, bool& end) {
  GatherBlock(rows, end);
  rows_left -= std::min(rows_left, keys_.size());
  if (keys_.empty()) return {};
  std::vector<std::span<float>> columns;
  for (std::size_t at = 0; at < values_.size(); at += kBlockRows)
    columns.push_back(std::span(values_).subspan(at, keys_.size()));
  SY_RETURN_IF_ERROR(function_->Take({.keys = keys_, .columns = columns}));
  if (function_->effect() == Effect::kChanges) WriteBack(rows);
  bool past_last = false;
  MovePast(keys_.back(), past_last);
  end |= past_last;
  return {};
}

Result<bool> RangeCall::Continue(Rows& rows, std::size_t& rows_left) {
  const bool uses_columns = UsesColumns(rows);
  bool end = false;
  while (rows_left > 0 && !end) {
    SY_RETURN_IF_ERROR(uses_columns ? TakeColumns(rows, rows_left, end)
                                    : TakeGathered(rows, rows_left, end));
  }
  return end;
}

}  // namespace steelyard::table
