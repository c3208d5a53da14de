// Linear learners: replay of a minibatch's rows on the pulled state.
#include "apps/linear/linear_learner.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <optional>
#include <string>
#include <vector>

#include "apps/linear/coordinate_kernels.h"
#include "base/check.h"
#include "base/near_miss.h"

namespace steelyard::apps::linear {
namespace {

using data::Minibatch;

constexpr std::array<std::string_view, 4> kSolvers{"ftrl", "adagrad", "sgd", "adam"};

// One row of a minibatch.
struct Features {
  const std::uint32_t* positions;  // [count]
  const float* values;             // [count], or nullptr when all are 1
  std::size_t count;

  float Value(std::size_t i) const { return values == nullptr ? 1.0F : values[i]; }
};

Features RowAt(const Minibatch& batch, std::size_t row) {
  const std::size_t first = batch.rows.offsets[row];
  return {.positions = batch.positions.data() + first,
          .values = batch.rows.values.empty() ? nullptr : batch.rows.values.data() + first,
          .count = batch.rows.offsets[row + 1] - first};
}

void Gather(const float* weights, const Features& row, float* gathered) {
  for (std::size_t i = 0; i < row.count; ++i) gathered[i] = weights[row.positions[i]];
}

std::size_t LongestRow(const Minibatch& batch) {
  std::size_t longest = 0;
  for (std::size_t i = 0; i < batch.rows.size(); ++i) {
    longest = std::max<std::size_t>(longest, batch.rows.offsets[i + 1] - batch.rows.offsets[i]);
  }
  return longest;
}

void ScoreRows(const Minibatch& batch, std::span<const float> weights, std::span<float> margins) {
  std::vector<float> gathered(LongestRow(batch));
  for (std::size_t i = 0; i < batch.rows.size(); ++i) {
    const Features row = RowAt(batch, i);
    Gather(weights.data(), row, gathered.data());
    margins[i] = static_cast<float>(Dot(gathered.data(), row.values, row.count));
  }
}

// A solver: how a row's margin is computed, and how its gradient is applied. Margin() is called before Step().
class FtrlSolver {
 public:
  static constexpr std::size_t kState = 2;
  explicit FtrlSolver(const table::UpdaterOptions& options)
      : rule_(table::FtrlRuleOf(options)),
        free_(table::FtrlRuleOf(table::Unpenalised(options))),
        intercept_(options.intercept) {}

  void Reserve(std::size_t count) {
    if (weights_.size() >= count) return;
    weights_.resize(count);
    sqrt_n_.resize(count);
    before_.resize(2 * count);
    after_.resize(2 * count);
  }

  double Margin(const Features& row, const float* rows) {
    float* before =
        before_.data();  // A plain pointer: the vector's own access is checked, element by element.
    for (std::size_t i = 0; i < row.count; ++i) {
      std::memcpy(before + 2 * i, rows + std::size_t{2} * row.positions[i], kPairBytes);
    }
    FtrlWeights(rule_, before, row.count, sqrt_n_.data(), weights_.data());
    if (intercept_) weights_[row.count - 1] = FreeWeight(before + 2 * (row.count - 1));
    return Dot(weights_.data(), row.values, row.count);
  }

  void Step(const Features& row, float slope, float* rows) {
    const float* before = before_.data();
    float* after = after_.data();
    FtrlSteps(rule_,
              {.count = row.count,
               .values = row.values,
               .sqrt_n = sqrt_n_.data(),
               .weights = weights_.data()},
              slope, before, after);
    for (std::size_t i = 0; i < row.count; ++i) {
      float* state = rows + std::size_t{2} * row.positions[i];
      if (PairBits(state) == PairBits(before + 2 * i)) {
        std::memcpy(state, after + 2 * i, kPairBytes);
      } else {  // The key stood earlier in this row: its second gradient follows the first.
        rule_.Step(slope * row.Value(i), state[0], state[1]);
      }
    }
  }

  /// @param intercept  where it stands among the rows.
  void Weights(std::span<const float> rows, std::size_t intercept, std::span<float> weights) const {
    std::vector<float> sqrt_n(weights.size());
    FtrlWeights(rule_, rows.data(), weights.size(), sqrt_n.data(), weights.data());
    if (intercept_) weights[intercept] = FreeWeight(&rows[2 * intercept]);
  }

 private:
  static constexpr std::size_t kPairBytes = 2 * sizeof(float);

  float FreeWeight(const float* pair) const { return free_.Weight(pair[0], std::sqrt(pair[1])); }

  static std::uint64_t PairBits(const float* pair) {
    std::uint64_t bits = 0;
    std::memcpy(&bits, pair, kPairBytes);
    return bits;
  }

  math::FtrlRule rule_;
  math::FtrlRule free_;  ///< Of the intercept.
  bool intercept_;
  // The row at hand.
  std::vector<float> weights_;
  std::vector<float> sqrt_n_;
  std::vector<float> before_;
  std::vector<float> after_;
};

// AdaGrad and SGD keep the weight itself, first in its row.
template <typename Rule, std::size_t kFloats>
class DirectSolver {
 public:
  static constexpr std::size_t kState = kFloats;
  /// @param free  the intercept's rule, where there is one.
  DirectSolver(const Rule& rule, const std::optional<Rule>& free) : rule_(rule), free_(free) {}

  void Reserve(std::size_t count) {
    if (weights_.size() < count) weights_.resize(count);
  }

  double Margin(const Features& row, const float* rows) {
    float* weights = weights_.data();
    for (std::size_t i = 0; i < row.count; ++i) weights[i] = rows[kState * row.positions[i]];
    return Dot(weights_.data(), row.values, row.count);
  }

  void Step(const Features& row, float slope, float* rows) {
    const std::size_t penalised = row.count - (free_ ? 1 : 0);
    for (std::size_t i = 0; i < penalised; ++i) StepOne(rule_, row, i, slope, rows);
    if (free_) StepOne(*free_, row, penalised, slope, rows);
  }

  void Weights(std::span<const float> rows, std::size_t /*intercept*/,
               std::span<float> weights) const {
    for (std::size_t i = 0; i < weights.size(); ++i) weights[i] = rows[kState * i];
  }

 private:
  static void StepOne(const Rule& rule, const Features& row, std::size_t i, float slope,
                      float* rows) {
    float* state = rows + kState * row.positions[i];
    const float gradient = slope * row.Value(i);
    if constexpr (kState == 1) {
      state[0] = rule.Step(gradient, state[0]);
    } else {
      rule.Step(gradient, state[0], state[1]);
    }
  }

  Rule rule_;
  std::optional<Rule> free_;
  std::vector<float> weights_;
};

template <typename Solver>
class LinearLearner final : public job::Learner {
 public:
  LinearLearner(const LinearOptions& options, Solver solver)
      : options_(options), solver_(std::move(solver)) {}

  table::UpdaterOptions updater() const override { return options_.solver; }
  std::size_t row_floats() const override { return Solver::kState; }

  void Learn(const Minibatch& batch, std::span<float> rows, std::span<float> deltas,
             math::Evaluation& progressive) override {
    SY_CHECK(rows.size() == batch.keys.size() * Solver::kState && deltas.size() == rows.size());
    std::ranges::copy(rows, deltas.begin());
    solver_.Reserve(LongestRow(batch));
    for (std::size_t i = 0; i < batch.rows.size(); ++i) {
      const float label = batch.rows.labels[i];
      if (std::isnan(label)) continue;
      const Features row = RowAt(batch, i);
      const double margin = solver_.Margin(row, rows.data());
      const math::LossPoint loss = math::LossAt(options_.loss, margin, label);
      const float weight = batch.rows.Weight(i);
      progressive.Add(margin, label, weight, loss);
      const float slope = static_cast<float>(loss.derivative) * weight;
      if (slope != 0.0F && std::isfinite(margin)) solver_.Step(row, slope, rows.data());
    }
    SubtractFrom(rows.data(), rows.size(), deltas.data());
  }

  void Score(const Minibatch& batch, std::span<const float> rows,
             std::span<float> margins) const override {
    SY_CHECK(rows.size() == batch.keys.size() * Solver::kState &&
             margins.size() == batch.rows.size());
    std::vector<float> weights(batch.keys.size());
    solver_.Weights(rows, batch.positions.empty() ? 0 : batch.positions.back(), weights);
    ScoreRows(batch, weights, margins);
  }

 private:
  LinearOptions options_;
  Solver solver_;
};

/// The rule stays with the servers: a minibatch's gradient at the weights as they were pulled.
class GradientLearner final : public job::Learner {
 public:
  GradientLearner(const LinearOptions& options, std::size_t row_floats)
      : options_(options), row_floats_(row_floats) {}

  table::UpdaterOptions updater() const override { return options_.solver; }
  std::size_t row_floats() const override { return row_floats_; }
  wire::Columns columns() const override { return wire::Columns::kValues; }

  void Learn(const Minibatch& batch, std::span<float> weights, std::span<float> gradients,
             math::Evaluation& progressive) override {
    SY_CHECK(weights.size() == batch.keys.size() && gradients.size() == weights.size());
    std::vector<float> margins(batch.rows.size());
    Score(batch, weights, margins);
    std::ranges::fill(gradients, 0.0F);
    for (std::size_t i = 0; i < batch.rows.size(); ++i) {
      const float label = batch.rows.labels[i];
      if (std::isnan(label)) continue;
      const double margin = margins[i];
      const math::LossPoint loss = math::LossAt(options_.loss, margin, label);
      const float weight = batch.rows.Weight(i);
      progressive.Add(margin, label, weight, loss);
      const float slope = static_cast<float>(loss.derivative) * weight;
      if (!std::isfinite(margin)) continue;
      const Features row = RowAt(batch, i);
      for (std::size_t j = 0; j < row.count; ++j)
        gradients[row.positions[j]] += slope * row.Value(j);
    }
  }

  void Score(const Minibatch& batch, std::span<const float> weights,
             std::span<float> margins) const override {
    SY_CHECK(weights.size() == batch.keys.size() && margins.size() == batch.rows.size());
    ScoreRows(batch, weights, margins);
  }

 private:
  LinearOptions options_;
  std::size_t row_floats_;
};

/// @param make  from options to the rule.
template <std::size_t kFloats, typename MakeRule>
auto MakeDirect(const table::UpdaterOptions& options, MakeRule&& make) {
  using Rule = decltype(make(options));
  const auto free =
      options.intercept ? std::optional(make(table::Unpenalised(options))) : std::nullopt;
  return DirectSolver<Rule, kFloats>(make(options), free);
}

template <typename Solver>
std::unique_ptr<job::Learner> Make(const LinearOptions& options, Solver solver) {
  return std::make_unique<LinearLearner<Solver>>(options, std::move(solver));
}

}  // namespace

Result<std::unique_ptr<job::Learner>> MakeLinearLearner(const LinearOptions& options) {
  const std::string& name = options.solver.name;
  if (std::ranges::find(kSolvers, name) == kSolvers.end()) {
    return Status(StatusCode::kInvalidArgument, "no online solver is called '" + name +
                                                    "' (known: ftrl, adagrad, sgd, adam)" +
                                                    DidYouMean(name, kSolvers));
  }
  const auto updater = table::MakeUpdater(options.solver, 1);
  if (!updater.ok()) return updater.status();
  if (name == "adam") {
    return std::unique_ptr<job::Learner>(
        std::make_unique<GradientLearner>(options, updater.value()->row_floats()));
  }
  if (name == "ftrl") return Make(options, FtrlSolver(options.solver));
  if (name == "adagrad") return Make(options, MakeDirect<2>(options.solver, table::AdagradRuleOf));
  return Make(options, MakeDirect<1>(options.solver, table::SgdRuleOf));
}

}  // namespace steelyard::apps::linear
