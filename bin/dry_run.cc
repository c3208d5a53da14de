// Samples rows, estimates keys by how their number grew over the sample, and memory by the size of a row.
#include "dry_run.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/hash.h"
#include "data/input_files.h"
#include "data/key_set.h"
#include "model_manifest.h"

namespace steelyard::cli {
namespace {

constexpr std::size_t kShownRows = 3;
constexpr std::size_t kShownFeatures = 12;
constexpr std::size_t kSampledShards = 64;
constexpr std::uint64_t kRowsOfAShard = 4096;
// Of a stream, which cannot be sampled, the first rows are read.
constexpr std::uint64_t kRowsOfAStream = 65'536;

// What a process needs besides rows and names: code, loops, buffers. Measured on small runs.
constexpr double kProcessBytes = 16e6;
constexpr double kWorkerBytes = 24e6;  // Minibatches read ahead, answers and pushes under way.
// A table's bytes for each byte of its rows: pages are half to nearly full.
constexpr double kTableSlack = 1.7;
constexpr double kNameBytes = 80;  // A name in its map.
// A batch solver's worker while its rows become columns: of each entry the number of its row and, unless all are 1, its
// value, as they were read and as columns, in vectors that have grown; of each row and feature what column_worker.h says.
constexpr double kBytesOfAnEntry = 12;
constexpr double kBytesOfARow = 72;
constexpr double kBytesOfAFeature = 128;

/// Rows as they come in, and how many distinct keys they have.
class Sample {
 public:
  explicit Sample(bool intercept) : intercept_(intercept) {}

  /// Read up to `rows_max` rows of `shard`.
  Status Read(data::Dataset& dataset, const data::Shard& shard, std::uint64_t rows_max) {
    const Result<std::unique_ptr<data::RowReader>> reader = dataset.Open(shard);
    if (!reader.ok()) return reader.status();
    data::RowBlock block;
    for (std::uint64_t rows = 0; rows < rows_max; rows += block.size()) {
      block.Clear();
      SY_RETURN_IF_ERROR(
          reader.value()->Read(std::min<std::uint64_t>(rows_max - rows, 2048), block));
      if (block.empty()) break;
      Add(block);
      const auto names = reader.value()->TakeNames();
      if (shown_.size() < kShownRows) Show(block, names, dataset.keys_are_ids());
    }
    bad_rows_ += reader.value()->bad_rows();
    return {};
  }

  /// Distinct keys of `rows` rows like these: their number grows as a power of the rows (Heaps' law). Half of the sample
  /// says how fast: every other row says too little where near rows are alike, the first half too much where rows drift,
  /// so the mean of both is taken.
  std::uint64_t KeysOf(double rows) const {
    const auto seen = static_cast<double>(keys_.size());
    if (rows <= static_cast<double>(rows_) || keys_.size() == 0) return keys_.size();
    const auto alternate = static_cast<double>(alternate_.size());
    const auto first_half = static_cast<double>(counts_[counts_.size() / 2]);
    const double doubling = std::clamp(seen / std::sqrt(alternate * first_half), 1.0, 2.0);
    const double doublings = std::log2(rows / static_cast<double>(rows_));
    return static_cast<std::uint64_t>(seen * std::pow(doubling, doublings));
  }

  std::uint64_t rows() const { return rows_; }
  std::uint64_t bad_rows() const { return bad_rows_; }
  std::uint64_t nonzeros() const { return nonzeros_; }
  bool has_values() const { return has_values_; }
  std::vector<ShownRow> TakeShown() { return std::exchange(shown_, {}); }

 private:
  void Add(const data::RowBlock& block) {
    for (std::size_t i = 0; i < block.size(); ++i) {
      const bool alternate = (rows_ + i) % 2 == 0;
      for (const Key key : block.RowKeys(i)) {
        keys_.Add(key);
        if (alternate) alternate_.Add(key);
      }
      counts_.push_back(std::max<std::size_t>(keys_.size(), 1));
    }
    rows_ += block.size();
    nonzeros_ += block.keys.size();
    has_values_ = has_values_ || !block.values.empty();
  }

  void Show(const data::RowBlock& block, const std::vector<std::pair<Key, std::string>>& names,
            bool ids) {
    const std::unordered_map<Key, std::string> known(names.begin(), names.end());
    for (std::size_t i = 0; i < block.size() && shown_.size() < kShownRows; ++i) {
      ShownRow row{.row = block.rows[i],
                   .label = static_cast<double>(block.labels[i]),
                   .weight = static_cast<double>(block.Weight(i)),
                   .feature_count = block.offsets[i + 1] - block.offsets[i]};
      for (std::size_t f = 0; f < std::min<std::size_t>(row.feature_count, kShownFeatures); ++f) {
        const std::size_t at = block.offsets[i] + f;
        const Key key = block.keys[at];
        const auto name = known.find(key);
        std::string text = ids ? std::to_string(IdOfKey(key)) : "key " + std::to_string(key);
        if (name != known.end()) text = name->second;
        if (intercept_ && key == kInterceptKey) text = kInterceptName;
        row.features.emplace_back(std::move(text), static_cast<double>(block.Value(at)));
      }
      shown_.push_back(std::move(row));
    }
  }

  const bool intercept_;
  data::KeySet keys_;
  data::KeySet alternate_;           ///< Keys of every other row.
  std::vector<std::size_t> counts_;  ///< Distinct keys after each row.
  std::uint64_t rows_ = 0;
  std::uint64_t bad_rows_ = 0;
  std::uint64_t nonzeros_ = 0;
  bool has_values_ = false;  ///< Some are not 1.
  std::vector<ShownRow> shown_;
};

Status ReadSample(const TrainInput& input, Sample& sample) {
  const std::vector<data::Shard>& shards = input.shards;
  if (input.dataset->is_stream()) {
    return sample.Read(*input.dataset, shards.front(), kRowsOfAStream);
  }
  const std::size_t count = std::min(shards.size(), kSampledShards);
  // Packed files are one shard each, and not worth unpacking far.
  const std::uint64_t rows_max = std::max(kRowsOfAShard, kRowsOfAStream / count);
  for (std::size_t i = 0; i < count; ++i) {
    SY_RETURN_IF_ERROR(sample.Read(*input.dataset, shards[i * shards.size() / count], rows_max));
  }
  return {};
}

/// Of each of a batch solver's workers, for its rows: it holds them.
double BytesOfRows(const DryRunReport& report, double rows, bool has_values) {
  const double of_entries = report.nonzeros_per_row * kBytesOfAnEntry * (has_values ? 2.0 : 1.0);
  return rows / static_cast<double>(report.workers) * (of_entries + kBytesOfARow) +
         static_cast<double>(report.features) * kBytesOfAFeature;
}

std::uint64_t Whole(double bytes) {
  return static_cast<std::uint64_t>(bytes);
}

}  // namespace

job::TrainParameters DryRunParameters(job::TrainParameters parameters) {
  parameters.keep_names = true;
  parameters.cache = job::kNoCache;
  return parameters;
}

Result<DryRunReport> DescribeRun(const job::JobPlan& plan, const TrainInput& input) {
  const job::TrainParameters& parameters = plan.parameters;
  Sample sample(parameters.intercept);
  SY_RETURN_IF_ERROR(ReadSample(input, sample));
  DryRunReport report;
  report.files = input.dataset->files();
  report.format = job::FormatName(input.format);
  const bool counted = input.rows_total != data::kRowsUnknown;
  if (counted) report.rows = input.rows_total;
  if (counted && parameters.holdout.kind != data::HoldoutRule::Kind::kNone) {
    report.rows_held_out = input.rows_total - input.rows_trained;
  }
  report.valid = parameters.valid;
  report.sampled_rows = sample.rows();
  report.bad_rows = sample.bad_rows();
  report.nonzeros_per_row = sample.rows() == 0 ? 0.0
                                               : static_cast<double>(sample.nonzeros()) /
                                                     static_cast<double>(sample.rows());
  report.features = sample.KeysOf(static_cast<double>(counted ? input.rows_total : sample.rows()));
  report.first_rows = sample.TakeShown();

  report.task = job::TaskName(parameters.task);
  report.solver = job::SolverName(parameters.solver);
  report.passes = parameters.passes;
  report.minibatch = parameters.minibatch_rows(parameters.worker_count());
  report.holds_rows = job::IsBatch(parameters.solver);
  report.in_process = parameters.in_process();
  report.servers = parameters.server_count();
  report.workers = parameters.worker_count();
  report.shards = plan.shards.size();
  report.model = parameters.model;
  const auto keys = static_cast<double>(report.features);
  const double row_bytes = 8.0 + 4.0 * plan.row_floats;
  report.server_bytes =
      Whole(kProcessBytes + kTableSlack * row_bytes * keys / static_cast<double>(report.servers));
  const auto rows = static_cast<double>(counted ? input.rows_trained : sample.rows());
  report.worker_bytes =
      Whole(kProcessBytes + kWorkerBytes + (plan.parameters.keep_names ? kNameBytes * keys : 0.0) +
            (report.holds_rows ? BytesOfRows(report, rows, sample.has_values()) : 0.0));
  return report;
}

}  // namespace steelyard::cli
