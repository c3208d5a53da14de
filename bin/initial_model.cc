// Reads a model whole, because nothing of a damaged one may be used.
#include "initial_model.h"

#include <algorithm>
#include <optional>
#include <span>

#include "checkpoint/model_reader.h"
#include "model_manifest.h"
#include "score.h"
#include "table/proximal_block.h"
#include "table/quasi_newton_block.h"

namespace steelyard::cli {
namespace {

constexpr std::size_t kRowsPerPush = 16'384;

Status CheckManifest(const checkpoint::ModelManifest& manifest, job::TrainParameters& parameters) {
  const auto refuse = [&](const std::string& message) {
    return Status(StatusCode::kBadData, "--init cannot continue this model: " + message,
                  parameters.init);
  };
  if (manifest.task != job::TaskName(parameters.task)) {
    return refuse("it was trained with --task " + manifest.task + ", this job has --task " +
                  std::string(job::TaskName(parameters.task)));
  }
  if (manifest.solver != job::SolverName(parameters.solver)) {
    return refuse("it was trained with --solver " + manifest.solver + ", this job has --solver " +
                  std::string(job::SolverName(parameters.solver)));
  }
  const auto intercept = manifest.parameters.find("intercept");
  const bool has_intercept = intercept != manifest.parameters.end() && intercept->second == "true";
  if (has_intercept && !parameters.intercept)
    return refuse("it was trained with --intercept; add it to this job");
  if (parameters.schema.empty() && !manifest.schema_text.empty()) {
    parameters.schema = parameters.init;
    parameters.schema_text = manifest.schema_text;
  }
  const std::string difference = SchemaDifference(manifest.schema_text, parameters.schema_text);
  return difference.empty() ? Status() : refuse("the schemas differ: " + difference);
}

/// Floats of the rows that a batch solver works on; nothing where rows are saved whole.
std::optional<std::size_t> StartFloatsOf(job::Solver solver) {
  if (!job::IsBatch(solver)) return {};
  return solver == job::Solver::kOwlqn ? table::kQuasiNewtonColumns : table::kProximalColumns;
}

}  // namespace

Result<InitialModel> InitialModel::Load(job::TrainParameters& parameters) {
  InitialModel model;
  if (parameters.init.empty()) return model;
  model.directory_ = parameters.init;
  const Result<std::unique_ptr<checkpoint::ModelReader>> reader =
      checkpoint::ModelReader::Open(parameters.init);
  if (!reader.ok()) return reader.status();
  SY_RETURN_IF_ERROR(CheckManifest(reader.value()->manifest(), parameters));
  model.keys_are_ids_ = reader.value()->manifest().key_kind == checkpoint::KeyKind::kIds;
  const checkpoint::TableFileHeader* header = reader.value()->table(kWeightsTable);
  if (header == nullptr)
    return Status(StatusCode::kBadData, "this is not a linear model", parameters.init);
  const std::size_t saved_floats = header->row_floats;
  model.row_floats_ = StartFloatsOf(parameters.solver).value_or(saved_floats);
  const auto append = [&](std::span<const Key> keys, std::span<const float> rows) -> Status {
    model.keys_.insert(model.keys_.end(), keys.begin(), keys.end());
    if (!job::IsBatch(parameters.solver)) {
      model.rows_.insert(model.rows_.end(), rows.begin(), rows.end());
      return {};
    }
    // A batch solver starts from weights; the rest of a row, which older models have too, begins anew.
    const std::size_t first = model.rows_.size();
    model.rows_.resize(first + keys.size() * model.row_floats_);
    for (std::size_t i = 0; i < keys.size(); ++i)
      model.rows_[first + i * model.row_floats_] = rows[i * saved_floats];
    return {};
  };
  SY_RETURN_IF_ERROR(reader.value()->ReadRows(kWeightsTable, append));
  SY_RETURN_IF_ERROR(reader.value()->ReadNames([&](Key key, std::string_view name) -> Status {
    model.names_.emplace_back(key, name);
    return {};
  }));
  return model;
}

Status InitialModel::CheckKeys(bool keys_are_ids) const {
  if (directory_.empty() || keys_are_ids == keys_are_ids_) return {};
  return Status(
      StatusCode::kBadData,
      std::string("--init cannot continue this model: it was trained on ") +
          (keys_are_ids_
               ? "numeric feature ids (libsvm, libfm), this input has features by name"
               : "features by name (csv, parquet, vw, criteo), this input has numeric feature "
                 "ids"),
      directory_);
}

void InitialModel::Next(std::vector<Key>& keys, std::vector<float>& rows) {
  const std::size_t count = std::min(kRowsPerPush, keys_.size() - next_);
  const auto first = static_cast<std::ptrdiff_t>(next_);
  const auto last = static_cast<std::ptrdiff_t>(next_ + count);
  const auto floats = static_cast<std::ptrdiff_t>(row_floats_);
  keys.assign(keys_.begin() + first, keys_.begin() + last);
  rows.assign(rows_.begin() + first * floats, rows_.begin() + last * floats);
  next_ += count;
  if (next_ == keys_.size()) {  // Handed over: the servers hold them now.
    keys_ = {};
    rows_ = {};
    next_ = 0;
  }
}

}  // namespace steelyard::cli
