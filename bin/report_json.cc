// The only file that includes the JSON library: reports as objects, in the order of the contract.
#include <cmath>
#include <nlohmann/json.hpp>

#include "output.h"
#include "steelyard/updater.h"

namespace steelyard::cli {
namespace {

using Json = nlohmann::ordered_json;

std::string Dump(const Json& json) {
  return json.dump(-1, ' ', false, nlohmann::detail::error_handler_t::replace);
}

/// What every command's object begins with.
Json Ok() {
  return {{"status", "ok"}};
}

void Put(Json& json, const char* name, const std::optional<double>& value) {
  if (value.has_value() && std::isfinite(*value)) json[name] = *value;
}

Json Evaluation(const EvaluationReport& report) {
  Json json;
  json["rows"] = report.rows;
  Put(json, "log_loss", report.log_loss);
  Put(json, "mean_loss", report.mean_loss);
  Put(json, "auc", report.auc);
  Put(json, "accuracy", report.accuracy);
  Put(json, "calibration", report.calibration);
  Put(json, "rmse", report.rmse);
  if (report.bad_rows > 0) json["bad_rows"] = report.bad_rows;
  return json;
}

Json Staleness(const StalenessReport& report) {
  Json counts = Json::array();
  for (const auto& [steps, pulls] : report.counts)
    counts.push_back({{"steps_max", steps}, {"pulls", pulls}});
  return {{"pulls", report.pulls}, {"max", report.max}, {"mean", report.mean}, {"counts", counts}};
}

Json Delay(const TrainReport& report) {
  Json used = Json::array();
  for (const DelayReport& delay : report.delays)
    used.push_back({{"pass", delay.pass}, {"step", delay.step}, {"tau", delay.tau}});
  return {{"tau", report.tau}, {"used", used}};
}

void PutBatch(Json& json, const BatchReport& batch) {
  json["objective"] = batch.objective;
  Put(json, "gap", batch.gap);
  json["certified"] = batch.certified;
  json["passes_taken_back"] = batch.taken_back;
  json["settled_fraction"] = batch.settled_fraction;
  json["history"] = Json::array();
  for (const BatchPass& pass : batch.history) {
    json["history"].push_back({{"seconds", pass.seconds},
                               {"objective", pass.objective},
                               {"settled_fraction", pass.settled_fraction},
                               {"taken_back", pass.taken_back}});
  }
  json["shards_moved"] = Json::array();
  for (const MovedReport& gift : batch.moved) {
    json["shards_moved"].push_back({{"pass", gift.pass},
                                    {"worker", gift.worker},
                                    {"shards", gift.shards},
                                    {"of", gift.of},
                                    {"times", gift.times}});
  }
}

Json Traffic(const TrainReport& report) {
  Json json{{"pushed_bytes", report.pushed_bytes},
            {"pulled_bytes", report.pulled_bytes},
            {"before_filters_bytes", report.before_filters_bytes}};
  for (const FilterReport& filter : report.filters) {
    json["filters"].push_back({{"name", filter.name},
                               {"before_bytes", filter.before_bytes},
                               {"after_bytes", filter.after_bytes}});
  }
  return json;
}

Json Stages(const StagesReport& stages) {
  return {{"parse_ns", stages.parse_ns},
          {"localise_ns", stages.localise_ns},
          {"pull_ns", stages.pull_ns},
          {"compute_ns", stages.compute_ns},
          {"push_ns", stages.push_ns}};
}

Json Shown(const ShownRow& row) {
  Json json;
  json["row"] = row.row;
  Put(json, "label", row.label);
  json["weight"] = row.weight;
  json["feature_count"] = row.feature_count;
  json["features"] = Json::array();
  for (const auto& [name, value] : row.features) json["features"].push_back({name, value});
  return json;
}

}  // namespace

std::string ErrorJson(int code, std::string_view message, std::string_view where) {
  Json json;
  json["status"] = "error";
  json["code"] = code;
  json["message"] = message;
  json["where"] = where;
  return Dump(json);
}

std::string TrainJson(const TrainReport& report) {
  Json json = Ok();
  json["rows"] = report.rows;
  json["features"] = report.features;
  json["passes"] = report.passes;
  if (report.seconds > 0.0) json["seconds"] = report.seconds;
  json["read_seconds"] = report.read_seconds;
  if (report.seconds > 0.0) {
    json["rows_per_second"] =
        static_cast<double>(report.rows) * static_cast<double>(report.passes) / report.seconds;
  }
  Put(json, "progressive_log_loss", report.progressive_log_loss);
  Put(json, "progressive_loss", report.progressive_loss);
  if (report.batch.has_value()) PutBatch(json, *report.batch);
  json["nonzeros"] = report.nonzeros;
  if (report.valid.has_value()) json["valid"] = Evaluation(*report.valid);
  json["traffic"] = Traffic(report);
  json["idle_fraction"] = report.idle_fraction;
  if (report.stages.has_value()) json["stages"] = Stages(*report.stages);
  json["delay"] = Delay(report);
  if (report.staleness.has_value()) json["staleness"] = Staleness(*report.staleness);
  json["peak_memory_bytes"] = report.peak_memory_bytes;
  json["model"] = report.model;
  json["format"] = report.format;
  json["bad_rows"] = report.bad_rows;
  json["stopped_early"] = report.stopped_early;
  if (report.kept_pass.has_value()) json["kept_pass"] = *report.kept_pass;
  json["servers"] = report.servers;
  json["workers"] = report.workers;
  return Dump(json);
}

std::string EvaluationJson(const EvaluationReport& report) {
  return Dump(Evaluation(report));
}

std::string ModelJson(const ModelReport& report) {
  Json json = Ok();
  json["model"] = report.model;
  json["task"] = report.task;
  json["solver"] = report.solver;
  json["keys"] = report.rows;
  json["nonzeros"] = report.nonzeros;
  json["keys_are"] = report.keys_are_ids ? "ids" : "names";
  Json parameters = Json::object();
  for (const auto& [name, text] : report.parameters) parameters[name] = text;
  json["parameters"] = std::move(parameters);
  Json metrics = Json::object();
  for (const auto& [name, value] : report.metrics) metrics[name] = value;
  json["metrics"] = std::move(metrics);
  Json top = Json::array();
  for (const FeatureReport& feature : report.top) {
    top.push_back(
        {{"name", feature.name}, {"key", std::to_string(feature.key)}, {"weight", feature.weight}});
  }
  json["top"] = std::move(top);
  return Dump(json);
}

std::string DryRunJson(const DryRunReport& report) {
  Json json = Ok();
  json["dry_run"] = true;
  json["files"] = report.files;
  json["format"] = report.format;
  if (!report.valid.empty()) json["valid_files"] = report.valid;
  if (report.rows.has_value()) json["rows"] = *report.rows;
  if (report.rows_held_out.has_value()) json["rows_held_out"] = *report.rows_held_out;
  json["sampled_rows"] = report.sampled_rows;
  json["bad_rows"] = report.bad_rows;
  json["features"] = report.features;
  json["nonzeros_per_row"] = report.nonzeros_per_row;
  json["first_rows"] = Json::array();
  for (const ShownRow& row : report.first_rows) json["first_rows"].push_back(Shown(row));
  json["task"] = report.task;
  json["solver"] = report.solver;
  json["passes"] = report.passes;
  if (!report.holds_rows) json["minibatch"] = report.minibatch;
  json["servers"] = report.servers;
  json["workers"] = report.workers;
  json["shards"] = report.shards;
  json["server_memory_bytes"] = report.server_bytes;
  json["worker_memory_bytes"] = report.worker_bytes;
  json["model"] = report.model;
  return Dump(json);
}

std::string GeneratedJson(const GeneratedReport& report) {
  Json json = Ok();
  json["rows"] = report.rows;
  json["positive_rows"] = report.positive_rows;
  Put(json, "log_loss", report.log_loss);
  return Dump(json);
}

std::string ConvertedJson(const ConvertedReport& report) {
  Json json = Ok();
  json["rows"] = report.rows;
  json["bad_rows"] = report.bad_rows;
  json["from"] = report.from;
  json["to"] = report.to;
  json["out"] = report.out;
  return Dump(json);
}

std::string WorkerProgressJson(const WorkerProgress& progress) {
  Json json{{"job", progress.job},     {"worker", progress.worker},
            {"phase", progress.phase}, {"pass", progress.pass},
            {"rows", progress.rows},   {"minibatches", progress.minibatches}};
  Put(json, "loss", progress.loss);
  if (progress.staleness)
    json["staleness"] = {{"mean", *progress.staleness}, {"max", progress.staleness_max}};
  return Dump(json);
}

std::string AnswersJson(const std::vector<std::pair<std::uint32_t, std::string>>& answers) {
  Json list = Json::array();
  for (const auto& [worker, answer] : answers)
    list.push_back({{"worker", worker}, {"answer", answer}});
  return Dump({{"status", "ok"}, {"answers", std::move(list)}});
}

}  // namespace steelyard::cli
