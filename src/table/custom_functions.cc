// Users' code runs on copies of rows, which are written back only when all of it went well.
#include "table/custom_functions.h"

#include <algorithm>
#include <cmath>
#include <exception>
#include <utility>

#include "base/spans.h"
#include "table/row_batches.h"

namespace steelyard::table {
namespace {

/// A table row has fewer floats than this.
constexpr std::size_t kRowFloatsMax = std::size_t{1} << 18;

/// Run `work`. @return what it threw, or an empty text.
template <typename Work>
std::string Caught(Work&& work) {
  try {
    work();
    return {};
  } catch (const std::exception& thrown) {
    return std::string("threw: ") + thrown.what();
  } catch (...) {
    return "threw something that is no std::exception";
  }
}

class GuardedUpdater final : public Updater {
 public:
  GuardedUpdater(std::string name, std::unique_ptr<CustomUpdater> custom, std::size_t row_floats,
                 std::size_t width)
      : name_(std::move(name)),
        custom_(std::move(custom)),
        row_floats_(row_floats),
        width_(width) {}

  std::size_t row_floats() const override { return row_floats_; }
  std::size_t value_floats() const override { return width_; }
  bool custom() const override { return true; }

  void Apply(Key /*key*/, std::span<float> row, std::span<const float> pushed) const override {
    std::vector<float> changed(row.begin(), row.end());
    if (Fault(changed, pushed).empty()) std::ranges::copy(changed, row.begin());
  }
  void Read(Key /*key*/, std::span<const float> row, std::span<float> values) const override {
    if (!ReadFault(row, values).empty()) std::ranges::fill(values, 0.0F);
  }

  std::optional<UpdaterFailure> ApplyBatch(Rows& rows, std::span<const Key> keys,
                                           std::span<const float> pushed,
                                           SlotHints hints) const override {
    std::vector<float> changed(keys.size() * row_floats_);
    CopyRows(rows, keys, changed, {});
    for (std::size_t i = 0; i < keys.size(); ++i) {
      const std::string fault = Fault(std::span(changed).subspan(i * row_floats_, row_floats_),
                                      pushed.subspan(i * width_, width_));
      if (!fault.empty()) return UpdaterFailure{.key = keys[i], .what = Named(fault)};
    }
    rows.Update(keys, hints, [&](std::size_t first, std::span<const Slot> slots) {
      for (std::size_t i = 0; i < slots.size(); ++i) {
        std::copy_n(changed.data() + (first + i) * row_floats_, row_floats_,
                    RowOf(slots[i], row_floats_));
      }
    });
    return {};
  }

  std::optional<UpdaterFailure> ReadBatch(const Rows& rows, std::span<const Key> keys,
                                          std::span<float> values, SlotHints hints) const override {
    std::vector<float> copied(keys.size() * row_floats_);
    CopyRows(rows, keys, copied, hints);
    for (std::size_t i = 0; i < keys.size(); ++i) {
      const std::string fault = ReadFault(std::span(copied).subspan(i * row_floats_, row_floats_),
                                          values.subspan(i * width_, width_));
      if (!fault.empty()) return UpdaterFailure{.key = keys[i], .what = Named(fault)};
    }
    return {};
  }

 private:
  void ApplyAt(std::span<const Key>, std::span<const Slot>, const float*) const override {}
  void ReadAt(std::span<const Key>, std::span<const Slot>, float*) const override {}

  std::string Fault(std::span<float> row, std::span<const float> pushed) const {
    std::string fault = Caught([&] { custom_->Apply(row, pushed); });
    if (fault.empty() && FirstNotFinite(row) < row.size())
      fault = "leaves a float of the row NaN or infinite";
    return fault;
  }
  std::string ReadFault(std::span<const float> row, std::span<float> values) const {
    std::ranges::fill(values, 0.0F);
    std::string fault = Caught([&] { custom_->Read(row, values); });
    if (fault.empty() && FirstNotFinite(values) < values.size())
      fault = "reads a value as NaN or infinite";
    return fault;
  }
  std::string Named(const std::string& fault) const { return "updater '" + name_ + "' " + fault; }

  std::string name_;
  std::unique_ptr<CustomUpdater> custom_;
  std::size_t row_floats_;
  std::size_t width_;
};

class GuardedFunction final : public RangeFunction {
 public:
  GuardedFunction(std::string name, Effect effect, std::unique_ptr<CustomFunction> custom,
                  std::size_t width)
      : name_(std::move(name)), effect_(effect), custom_(std::move(custom)), width_(width) {}
  std::vector<std::uint32_t> columns() const override {
    std::vector<std::uint32_t> all(width_);
    for (std::size_t i = 0; i < width_; ++i) all[i] = static_cast<std::uint32_t>(i);
    return all;
  }
  Effect effect() const override { return effect_; }
  Status Take(const ValueBlock& block) override {
    const std::size_t count = block.keys.size();
    rows_.resize(count * width_);
    for (std::size_t c = 0; c < width_; ++c) {
      for (std::size_t i = 0; i < count; ++i) rows_[i * width_ + c] = block.columns[c][i];
    }
    std::size_t at = 0;
    std::string fault = Caught([&] {
      for (; at < count; ++at)
        custom_->Row(block.keys[at], std::span(rows_).subspan(at * width_, width_));
    });
    const std::size_t bad = effect_ == Effect::kChanges ? FirstNotFinite(rows_) : rows_.size();
    if (fault.empty() && bad < rows_.size()) {
      at = bad / width_;
      fault = "leaves a value NaN or infinite";
    }
    if (!fault.empty()) {
      return {StatusCode::kInvalidArgument, "function '" + name_ + "' " + fault + " (key " +
                                                std::to_string(block.keys[at]) + ")"};
    }
    if (effect_ == Effect::kReads) return {};
    for (std::size_t c = 0; c < width_; ++c) {
      for (std::size_t i = 0; i < count; ++i) block.columns[c][i] = rows_[i * width_ + c];
    }
    return {};
  }
  Result<FunctionAnswer> Finish() override {
    FunctionAnswer answer;
    const std::string fault = Caught([&] { answer = custom_->Finish(); });
    if (fault.empty()) return answer;
    return Status(StatusCode::kInvalidArgument, "function '" + name_ + "' " + fault);
  }

 private:
  std::string name_;
  Effect effect_;
  std::unique_ptr<CustomFunction> custom_;
  std::size_t width_;
  std::vector<float> rows_;  ///< [rows of a block, width]
};

std::vector<std::string_view> NamesOf(const auto& named) {
  std::vector<std::string_view> names;
  names.reserve(named.size());
  for (const auto& [name, unused] : named) names.push_back(name);
  return names;
}

}  // namespace

void CustomFunctions::CheckName(const std::string& name, bool taken) {
  if (!status_.ok()) return;
  if (name.empty()) status_ = Status(StatusCode::kInvalidArgument, "a function has no name");
  if (taken) {
    status_ = Status(StatusCode::kInvalidArgument,
                     "the name '" + name + "' is taken by another updater or function");
  }
}

void CustomFunctions::AddUpdater(const std::string& name, MakeCustomUpdater make) {
  CheckName(name, updaters_.contains(name) || std::ranges::count(UpdaterNames(), name) > 0);
  updaters_.try_emplace(name, std::move(make));
}

void CustomFunctions::AddFunction(const std::string& name, Effect effect, MakeCustomFunction make) {
  CheckName(name, functions_.contains(name) || std::ranges::count(FunctionNames(), name) > 0);
  functions_.try_emplace(name, Function{.effect = effect, .make = std::move(make)});
}

void CustomFunctions::AddWorkerFunction(const std::string& name, WorkerFunction function) {
  CheckName(name, worker_functions_.contains(name));
  worker_functions_.try_emplace(name, std::move(function));
}

std::vector<std::string_view> CustomFunctions::updaters() const {
  return NamesOf(updaters_);
}
std::vector<std::string_view> CustomFunctions::functions() const {
  return NamesOf(functions_);
}

Result<std::unique_ptr<Updater>> CustomFunctions::MakeUpdater(const UpdaterOptions& options,
                                                              std::size_t width) const {
  const auto found = updaters_.find(options.name);
  if (found == updaters_.end()) return std::unique_ptr<Updater>();
  std::unique_ptr<CustomUpdater> custom;
  std::size_t row_floats = 0;
  std::string fault = Caught([&] {
    custom = found->second(options, width);
    if (custom) row_floats = custom->row_floats();
  });
  if (fault.empty() && (row_floats == 0 || row_floats >= kRowFloatsMax)) {
    fault = "asks for rows of " + std::to_string(row_floats) + " floats; 1 to " +
            std::to_string(kRowFloatsMax - 1) + " are possible";
  }
  if (!fault.empty())
    return Status(StatusCode::kInvalidArgument, "updater '" + options.name + "' " + fault);
  return std::unique_ptr<Updater>(
      std::make_unique<GuardedUpdater>(options.name, std::move(custom), row_floats, width));
}

Result<std::unique_ptr<RangeFunction>> CustomFunctions::MakeFunction(
    std::string_view name, std::span<const Argument> arguments, std::size_t width) const {
  const auto found = functions_.find(name);
  if (found == functions_.end()) return std::unique_ptr<RangeFunction>();
  std::unique_ptr<CustomFunction> custom;
  std::string fault = Caught([&] { custom = found->second.make(arguments); });
  if (fault.empty() && custom == nullptr) fault = "is not made";
  if (!fault.empty()) {
    return Status(StatusCode::kInvalidArgument, "function '" + std::string(name) + "' " + fault);
  }
  return std::unique_ptr<RangeFunction>(std::make_unique<GuardedFunction>(
      std::string(name), found->second.effect, std::move(custom), width));
}

}  // namespace steelyard::table
