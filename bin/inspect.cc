// steelyard inspect: what a model is, and its largest weights by name.
#include <algorithm>
#include <cmath>
#include <queue>
#include <unordered_map>

#include "base/hash.h"
#include "checkpoint/model_reader.h"
#include "command.h"
#include "job/parameters.h"
#include "model_manifest.h"
#include "output.h"
#include "saved_model.h"

namespace steelyard::cli {
namespace {

constexpr std::uint64_t kTopDefault = 20;
constexpr std::uint64_t kTopMax = 10'000'000;

struct Weighted {
  Key key;
  float weight;
};

/// Larger magnitudes first; equal ones in key order.
bool Before(const Weighted& a, const Weighted& b) {
  const float x = std::fabs(a.weight);
  const float y = std::fabs(b.weight);
  return x != y ? x > y : a.key < b.key;
}

/// Keeps the `count` weights that come first of those it is shown.
class Top {
 public:
  explicit Top(std::uint64_t count) : count_(count) {}

  void Offer(const Weighted& weighted) {
    if (count_ == 0) return;
    if (last_first_.size() == count_ && !Before(weighted, last_first_.top())) return;
    if (last_first_.size() == count_) last_first_.pop();
    last_first_.push(weighted);
  }

  std::vector<Weighted> Take() {
    std::vector<Weighted> sorted;
    for (; !last_first_.empty(); last_first_.pop()) sorted.push_back(last_first_.top());
    std::ranges::reverse(sorted);
    return sorted;
  }

 private:
  const std::uint64_t count_;
  std::priority_queue<Weighted, std::vector<Weighted>, decltype(&Before)> last_first_{&Before};
};

Status AddNames(checkpoint::ModelReader& reader, std::vector<FeatureReport>& features) {
  std::unordered_map<Key, FeatureReport*> wanted;
  for (FeatureReport& feature : features) wanted[feature.key] = &feature;
  return reader.ReadNames([&](Key key, std::string_view name) -> Status {
    if (const auto found = wanted.find(key); found != wanted.end()) found->second->name = name;
    return {};
  });
}

Result<ModelReport> ReportOf(checkpoint::ModelReader& reader, std::uint64_t top_count) {
  const checkpoint::ModelManifest& manifest = reader.manifest();
  ModelReport report;
  report.model = reader.directory();
  report.task = manifest.task;
  report.solver = manifest.solver;
  report.keys_are_ids = manifest.key_kind == checkpoint::KeyKind::kIds;
  report.has_names = reader.has_names();
  report.parameters.assign(manifest.parameters.begin(), manifest.parameters.end());
  report.metrics.assign(manifest.metrics.begin(), manifest.metrics.end());
  const checkpoint::TableFileHeader* header = reader.table(kWeightsTable);
  const bool has_intercept = header != nullptr && header->updater.intercept;
  Top top(top_count);
  SY_RETURN_IF_ERROR(VisitWeights(reader, [&](Key key, float weight) -> Status {
    ++report.rows;
    if (weight == 0.0F) return {};
    ++report.nonzeros;
    top.Offer({key, weight});
    return {};
  }));
  for (const Weighted& weighted : top.Take()) {
    std::string name = report.keys_are_ids ? std::to_string(IdOfKey(weighted.key))
                                           : "key " + std::to_string(weighted.key);
    if (has_intercept && weighted.key == kInterceptKey) name = kInterceptName;
    report.top.push_back(
        {.name = name, .key = weighted.key, .weight = static_cast<double>(weighted.weight)});
  }
  SY_RETURN_IF_ERROR(AddNames(reader, report.top));
  return report;
}

Status Run(const Values& values) {
  const Result<std::uint64_t> top = values.GetCount("top", kTopDefault, kTopMax);
  if (!top.ok()) return top.status();
  const Result<std::unique_ptr<checkpoint::ModelReader>> reader =
      checkpoint::ModelReader::Open(values.Get("model", job::TrainParameters{}.model));
  if (!reader.ok()) return reader.status();
  const Result<ModelReport> report = ReportOf(*reader.value(), top.value());
  if (!report.ok()) return report.status();
  if (PrintOut(values.Switch("json") ? ModelJson(report.value()) + "\n"
                                     : ModelText(report.value())))
    return {};
  return Status(StatusCode::kIoError, "cannot write", "standard output");
}

}  // namespace

Command InspectCommand() {
  return {.name = "inspect",
          .summary = "Show what a model is and its largest weights, by name",
          .options = {{.name = "model",
                       .value = "[MODEL]",
                       .help = "the directory that train saved",
                       .default_text = job::TrainParameters{}.model,
                       .positional = true},
                      {.name = "top",
                       .value = "N",
                       .help = "how many weights to show, the largest magnitudes first",
                       .default_text = std::to_string(kTopDefault)},
                      {.name = "json", .help = "print one JSON object on standard output"}},
          .examples = {"steelyard inspect clicks --top 50"},
          .notes =
              "Names are shown where the model was trained with --keep-names, feature ids where "
              "the data has ids.",
          .run = Run};
}

}  // namespace steelyard::cli
