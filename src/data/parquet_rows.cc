// Cells of Parquet columns as rows.
#include "data/parquet_rows.h"

#include <fmt/format.h>

#include <cmath>
#include <limits>
#include <utility>

#include "data/near_miss.h"

namespace steelyard::data {
namespace {

/// A numeric cell; nothing for text and null.
std::optional<double> NumberOf(const ColumnCells& cells, std::size_t i) {
  if (!cells.Present(i)) return std::nullopt;
  switch (cells.kind) {
    case CellKind::kInteger:
    case CellKind::kTime:
      return static_cast<double>(cells.integers[i]);
    case CellKind::kUnsigned:
      return static_cast<double>(static_cast<std::uint64_t>(cells.integers[i]));
    case CellKind::kReal:
      return cells.reals[i];
    case CellKind::kText:
    case CellKind::kOther:
      break;
  }
  return std::nullopt;
}

}  // namespace

bool CheckOrder(const ColumnCells& cells, std::size_t index, OrderCheck& order) {
  if (!cells.Present(index)) return order.NextEmpty();
  switch (cells.kind) {
    case CellKind::kTime:
      return order.NextTime(cells.integers[index]);
    case CellKind::kInteger:
      return order.NextInteger(cells.integers[index]);
    case CellKind::kText:
      return order.NextText(cells.texts[index]);
    case CellKind::kUnsigned:
    case CellKind::kReal:
      return order.NextReal(*NumberOf(cells, index));
    case CellKind::kOther:
      break;
  }
  return true;
}

ParquetRows::ParquetRows(const ParquetPlan& plan, std::optional<OrderCheck> order)
    : plan_(plan), builder_(plan.schema, plan.keep_names), order_(std::move(order)) {}

bool ParquetRows::Fail(std::string message) {
  error_ = std::move(message);
  return false;
}

void ParquetRows::Load(std::size_t count, std::vector<ColumnCells>& cells) {
  count_ = count;
  cells_ = &cells;
  misfits_.clear();
  components_.resize(count * plan_.schema.features.size());
  for (std::size_t f = 0; f < plan_.schema.features.size(); ++f) {
    LoadFeature(f, cells[plan_.binding.features[f]]);
  }
}

void ParquetRows::LoadFeature(std::size_t feature, const ColumnCells& cells) {
  const std::size_t stride = plan_.schema.features.size();
  const auto fill = [&](auto make) {
    Component* component = components_.data() + feature;
    for (std::size_t i = 0; i < count_; ++i, component += stride) {
      if (!cells.Present(i)) {
        component->present = false;
      } else if (!make(i, *component)) {
        misfits_.try_emplace(i, builder_.error());
      }
    }
  };
  switch (cells.kind) {
    case CellKind::kInteger:
      return fill([&](std::size_t i, Component& c) {
        return builder_.OfInteger(feature, cells.integers[i], c);
      });
    case CellKind::kUnsigned:
      return fill([&](std::size_t i, Component& c) {
        return builder_.OfUnsigned(feature, static_cast<std::uint64_t>(cells.integers[i]), c);
      });
    case CellKind::kReal:
      return fill(
          [&](std::size_t i, Component& c) { return builder_.OfReal(feature, cells.reals[i], c); });
    case CellKind::kTime:
      return LoadTimes(feature, cells);
    case CellKind::kText:
      return fill(
          [&](std::size_t i, Component& c) { return builder_.OfText(feature, cells.texts[i], c); });
    case CellKind::kOther:
      return;
  }
}

void ParquetRows::LoadTimes(std::size_t feature, const ColumnCells& cells) {
  const std::size_t stride = plan_.schema.features.size();
  std::optional<std::int64_t> last;  // Rows in time order repeat their time.
  Component made;
  Component* component = components_.data() + feature;
  for (std::size_t i = 0; i < count_; ++i, component += stride) {
    component->present = false;
    if (!cells.Present(i)) continue;
    if (last != cells.integers[i]) {
      last.reset();
      if (!builder_.OfTime(feature, cells.integers[i], made)) {
        misfits_.try_emplace(i, builder_.error());
        continue;
      }
      last = cells.integers[i];
    }
    *component = made;
  }
}

bool ParquetRows::ReadLabel(std::size_t index, float& label) {
  label = std::numeric_limits<float>::quiet_NaN();
  if (!plan_.binding.label) return true;
  const ColumnCells& cells = (*cells_)[*plan_.binding.label];
  const bool is_text = cells.kind == CellKind::kText;
  const std::optional<double> number = NumberOf(cells, index);
  const bool empty = is_text ? !cells.Present(index) || cells.texts[index].empty()
                             : !number || std::isnan(*number);
  if (empty) {
    return plan_.labels_optional ||
           Fail(fmt::format("the label, column '{}', is empty", plan_.schema.label.column));
  }
  const std::optional<float> mapped =
      is_text ? plan_.labels.OfText(cells.texts[index]) : plan_.labels.OfNumber(*number);
  if (!mapped) {
    return Fail(plan_.labels.Complaint(is_text ? std::string(cells.texts[index])
                                               : fmt::format("{}", *number)));
  }
  label = *mapped;
  return true;
}

bool ParquetRows::ReadWeight(std::size_t index, float& weight) {
  weight = 1.0F;
  if (!plan_.binding.weight) return true;
  const std::optional<double> number = NumberOf((*cells_)[*plan_.binding.weight], index);
  if (!number || !(*number >= 0) || *number > std::numeric_limits<float>::max()) {
    return Fail(fmt::format("the weight, column '{}', must be a number of at least 0, found {}",
                            plan_.schema.weight.column,
                            number ? fmt::format("{}", *number) : std::string("no number")));
  }
  weight = static_cast<float>(*number);
  return true;
}

bool ParquetRows::Append(std::size_t index, std::uint64_t row, RowBlock& block) {
  if (order_ && !CheckOrder((*cells_)[plan_.binding.order.value_or(0)], index, *order_)) {
    fatal_ = true;
    return Fail(order_->error());
  }
  if (!misfits_.empty()) {
    if (const auto misfit = misfits_.find(index); misfit != misfits_.end())
      return Fail(misfit->second);
  }
  float label = 0;
  float weight = 1;
  if (!ReadLabel(index, label) || !ReadWeight(index, weight)) return false;
  const std::size_t features = plan_.schema.features.size();
  builder_.Build({components_.data() + index * features, features});
  AppendRow({.row = row,
             .label = label,
             .weight = weight,
             .keys = builder_.keys(),
             .values = builder_.values()},
            block);
  return true;
}

}  // namespace steelyard::data
