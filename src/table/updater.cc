// The built-in updaters.
#include "table/updater.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <iterator>
#include <string>
#include <type_traits>

#include "base/check.h"
#include "base/hash.h"
#include "base/near_miss.h"
#include "math/online_rules.h"
#include "table/custom_functions.h"
#include "table/proximal_block.h"
#include "table/quasi_newton_block.h"
#include "table/row_batches.h"

namespace steelyard::table {
namespace {

constexpr std::array<std::string_view, 9> kNames{
    "ftrl",           "adagrad",          "sgd", "adam", "add", "assign", "max",
    kProximalUpdater, kQuasiNewtonUpdater};

struct Ftrl {  // (z, n)
  static constexpr std::size_t kState = 2;
  math::FtrlRule rule;
  void Apply(float* row, float gradient) const { rule.Step(gradient, row[0], row[1]); }
  float Read(const float* row) const { return rule.Weight(row[0], std::sqrt(row[1])); }
};

struct Adagrad {  // (w, n)
  static constexpr std::size_t kState = 2;
  math::AdagradRule rule;
  void Apply(float* row, float gradient) const { rule.Step(gradient, row[0], row[1]); }
  float Read(const float* row) const { return row[0]; }
};

struct Sgd {
  static constexpr std::size_t kState = 1;
  math::SgdRule rule;
  void Apply(float* row, float gradient) const { *row = rule.Step(gradient, *row); }
  float Read(const float* row) const { return *row; }
};

struct Adam {  // (w, mean, square, mean's weight, square's weight)
  static constexpr std::size_t kState = 5;
  math::AdamRule rule;
  void Apply(float* row, float gradient) const {
    rule.Step(gradient, row[0], row[1], row[2], row[3], row[4]);
  }
  float Read(const float* row) const { return row[0]; }
};

struct Add {
  static constexpr std::size_t kState = 1;
  void Apply(float* row, float delta) const { *row += delta; }
  float Read(const float* row) const { return *row; }
};

struct Assign {
  static constexpr std::size_t kState = 1;
  void Apply(float* row, float value) const { *row = value; }
  float Read(const float* row) const { return *row; }
};

struct Max {  // Of the values pushed and the initial 0.
  static constexpr std::size_t kState = 1;
  void Apply(float* row, float value) const { *row = std::max(*row, value); }
  float Read(const float* row) const { return *row; }
};

/// Rows of a batch solver, whose weights only its steps change. @tparam Column  names their floats.
template <typename Column, std::size_t kColumns>
struct Solved {
  static constexpr std::size_t kState = kColumns;
  void Apply(float* row, float entries) const {
    row[static_cast<std::size_t>(Column::kStart)] += entries;
  }
  float Read(const float* row) const { return row[static_cast<std::size_t>(Column::kWeight)]; }
};

// One updater per rule; Rule has kState floats per value and static or const Apply and Read on one value.
template <typename Rule>
class RuleUpdater final : public Updater {
 public:
  /// @param free  for the row of the intercept, where there is one.
  RuleUpdater(const Rule& rule, const std::optional<Rule>& free, std::size_t width)
      : rule_(rule), free_(free), width_(width) {}

  std::size_t row_floats() const override { return width_ * Rule::kState; }
  std::size_t value_floats() const override { return width_; }

  void Apply(Key key, std::span<float> row, std::span<const float> pushed) const override {
    SY_DCHECK(row.size() == row_floats() && pushed.size() == width_);
    const Rule& rule = RuleOf(key);
    for (std::size_t i = 0; i < width_; ++i) rule.Apply(&row[i * Rule::kState], pushed[i]);
  }

  void Read(Key key, std::span<const float> row, std::span<float> values) const override {
    SY_DCHECK(row.size() == row_floats() && values.size() == width_);
    const Rule& rule = RuleOf(key);
    for (std::size_t i = 0; i < width_; ++i) values[i] = rule.Read(&row[i * Rule::kState]);
  }

  std::optional<std::size_t> StoredAt(std::size_t value) const override {
    if constexpr (std::is_same_v<Rule, Ftrl>) return {};
    return value * Rule::kState;
  }

 private:
  const Rule& RuleOf(Key key) const { return free_ && key == kInterceptKey ? *free_ : rule_; }

  /// Call visit(rule, first, count) for runs of neighbours that follow one rule.
  template <typename Visit>
  void ForRules(std::span<const Key> keys, Visit&& visit) const {
    const auto at = free_ ? std::ranges::lower_bound(keys, kInterceptKey) : keys.end();
    const auto before = static_cast<std::size_t>(at - keys.begin());
    if (at == keys.end() || *at != kInterceptKey) return visit(rule_, 0, keys.size());
    visit(rule_, 0, before);
    visit(*free_, before, 1);
    visit(rule_, before + 1, keys.size() - before - 1);
  }

  void ApplyAt(std::span<const Key> keys, std::span<const Slot> slots,
               const float* pushed) const override {
    ForRules(keys, [&](const Rule& rule, std::size_t first, std::size_t count) {
      ApplyRule(rule, slots.subspan(first, count), pushed + first * width_);
    });
  }

  void ReadAt(std::span<const Key> keys, std::span<const Slot> slots,
              float* values) const override {
    ForRules(keys, [&](const Rule& rule, std::size_t first, std::size_t count) {
      ReadRule(rule, slots.subspan(first, count), values + first * width_);
    });
  }

  void ApplyRule(const Rule& rule, std::span<const Slot> slots, const float* pushed) const {
    if constexpr (std::is_same_v<Rule, Ftrl>) {
      if (width_ == 1) return FtrlPush(slots, std::span(pushed, slots.size()), rule.rule);
    }
    for (const Slot slot : slots) {
      float* row = RowOf(slot, row_floats());
      for (std::size_t j = 0; j < width_; ++j) rule.Apply(row + j * Rule::kState, *pushed++);
    }
  }

  void ReadRule(const Rule& rule, std::span<const Slot> slots, float* values) const {
    if constexpr (std::is_same_v<Rule, Ftrl>) {
      if (width_ == 1) return FtrlPull(slots, std::span(values, slots.size()), rule.rule);
    }
    for (const Slot slot : slots) {
      const float* row = slot == kNoSlot ? nullptr : RowOf(slot, row_floats());
      for (std::size_t j = 0; j < width_; ++j) {
        *values++ = row == nullptr ? 0.0F : rule.Read(row + j * Rule::kState);
      }
    }
  }

  Rule rule_;
  std::optional<Rule> free_;
  std::size_t width_;
};

Status Refuse(const UpdaterOptions& options, const std::string& what) {
  return {StatusCode::kInvalidArgument, "updater " + options.name + ": " + what};
}

Status CheckParameters(const UpdaterOptions& options) {
  const auto at_least_zero = [](float x) { return x >= 0.0F && std::isfinite(x); };
  const auto found = [](float x) { return ", found " + std::to_string(x); };
  const bool online = options.name == "ftrl" || options.name == "adagrad" || options.name == "sgd";
  const bool learns = online || options.name == "adam";
  const bool batch = options.name == kProximalUpdater || options.name == kQuasiNewtonUpdater;
  const bool sparse = online || batch;
  if (!at_least_zero(options.l1)) return Refuse(options, "l1 must be >= 0" + found(options.l1));
  if (!at_least_zero(options.l2)) return Refuse(options, "l2 must be >= 0" + found(options.l2));
  if (!sparse && (options.l1 > 0.0F || options.l2 > 0.0F)) {
    return Refuse(options,
                  "takes no l1 or l2; they belong to ftrl, adagrad, sgd, proximal and owlqn");
  }
  // The reciprocal of a smaller rate overflows.
  if (learns && !(options.alpha >= 1e-30F && std::isfinite(options.alpha))) {
    return Refuse(options, "alpha must be positive" + found(options.alpha));
  }
  if (learns && !at_least_zero(options.beta)) {
    return Refuse(options, "beta must be >= 0" + found(options.beta));
  }
  return {};
}

template <typename Rule>
std::unique_ptr<Updater> Make(const Rule& rule, std::size_t width) {
  return std::make_unique<RuleUpdater<Rule>>(rule, std::nullopt, width);
}

/// Of a rule with penalties. @param make  from options to the rule.
template <typename MakeRule>
std::unique_ptr<Updater> MakePenalised(const UpdaterOptions& options, std::size_t width,
                                       MakeRule&& make) {
  using Rule = decltype(make(options));
  const auto free = options.intercept ? std::optional(make(Unpenalised(options))) : std::nullopt;
  return std::make_unique<RuleUpdater<Rule>>(make(options), free, width);
}

}  // namespace

std::span<const std::string_view> UpdaterNames() {
  return kNames;
}

std::optional<UpdaterFailure> Updater::ApplyBatch(Rows& rows, std::span<const Key> keys,
                                                  std::span<const float> pushed,
                                                  SlotHints hints) const {
  SY_DCHECK(rows.row_floats() == row_floats() && pushed.size() == keys.size() * value_floats());
  rows.Update(keys, hints, [&](std::size_t first, std::span<const Slot> at) {
    ApplyAt(keys.subspan(first, at.size()), at, pushed.data() + first * value_floats());
  });
  return {};
}

std::optional<UpdaterFailure> Updater::ReadBatch(const Rows& rows, std::span<const Key> keys,
                                                 std::span<float> values, SlotHints hints) const {
  SY_DCHECK(rows.row_floats() == row_floats() && values.size() == keys.size() * value_floats());
  rows.Read(keys, hints, [&](std::size_t first, std::span<const Slot> at) {
    ReadAt(keys.subspan(first, at.size()), at, values.data() + first * value_floats());
  });
  return {};
}

UpdaterOptions Unpenalised(UpdaterOptions options) {
  options.l1 = 0.0F;
  options.l2 = 0.0F;
  return options;
}

math::FtrlRule FtrlRuleOf(const UpdaterOptions& options) {
  return {.inverse_alpha = 1.0F / options.alpha,
          .beta = options.beta,
          .l1 = options.l1,
          .l2 = options.l2};
}

math::AdagradRule AdagradRuleOf(const UpdaterOptions& options) {
  return {.alpha = options.alpha, .beta = options.beta, .l1 = options.l1, .l2 = options.l2};
}

math::SgdRule SgdRuleOf(const UpdaterOptions& options) {
  return {.alpha = options.alpha, .l1 = options.l1, .l2 = options.l2};
}

Result<std::unique_ptr<Updater>> MakeUpdater(const UpdaterOptions& options, std::size_t width,
                                             const CustomFunctions* custom) {
  if (width == 0) return Refuse(options, "a table needs at least one value a key, found width 0");
  if (custom != nullptr) {
    auto made = custom->MakeUpdater(options, width);
    if (!made.ok() || made.value() != nullptr) return made;
  }
  SY_RETURN_IF_ERROR(CheckParameters(options));
  if (options.name == "ftrl") {
    return MakePenalised(options, width,
                         [](const UpdaterOptions& with) { return Ftrl{FtrlRuleOf(with)}; });
  }
  if (options.name == "adagrad") {
    return MakePenalised(options, width,
                         [](const UpdaterOptions& with) { return Adagrad{AdagradRuleOf(with)}; });
  }
  if (options.name == "sgd") {
    return MakePenalised(options, width,
                         [](const UpdaterOptions& with) { return Sgd{SgdRuleOf(with)}; });
  }
  if (options.name == "adam") return Make(Adam{{.alpha = options.alpha}}, width);
  if (options.name == "add") return Make(Add{}, width);
  if (options.name == "assign") return Make(Assign{}, width);
  if (options.name == "max") return Make(Max{}, width);
  if (options.name == kProximalUpdater || options.name == kQuasiNewtonUpdater) {
    if (width != 1) return Refuse(options, "needs width 1, found " + std::to_string(width));
    if (options.name == kProximalUpdater)
      return Make(Solved<ProximalColumn, kProximalColumns>{}, width);
    return Make(Solved<QuasiNewtonColumn, kQuasiNewtonColumns>{}, width);
  }
  std::vector<std::string_view> names(kNames.begin(), kNames.end());
  if (custom != nullptr) std::ranges::copy(custom->updaters(), std::back_inserter(names));
  std::string known;
  for (const std::string_view name : names)
    known += (known.empty() ? "" : ", ") + std::string(name);
  return Status(StatusCode::kInvalidArgument, "no updater is called '" + options.name +
                                                  "' (known: " + known + ")" +
                                                  DidYouMean(options.name, names));
}

}  // namespace steelyard::table
