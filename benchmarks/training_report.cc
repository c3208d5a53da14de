#include "training_report.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace steelyard::bench {

std::optional<double> TrainingReport::SecondsTo(double at_most) const {
  const auto pass = std::ranges::find_if(
      history, [&](const TrainingPass& each) { return each.objective <= at_most; });
  if (pass == history.end()) return std::nullopt;
  return pass->seconds;
}

Result<TrainingReport> ParseTrainingReport(std::string_view text) {
  try {
    const auto json = nlohmann::json::parse(text);
    const auto& traffic = json.at("traffic");
    TrainingReport report;
    report.seconds = json.at("seconds").get<double>();
    report.passes = json.at("passes").get<std::uint64_t>();
    report.idle_fraction = json.at("idle_fraction").get<double>();
    report.pushed_bytes = traffic.at("pushed_bytes").get<std::uint64_t>();
    report.pulled_bytes = traffic.at("pulled_bytes").get<std::uint64_t>();
    for (const auto& filter : traffic.value("filters", nlohmann::json::array())) {
      report.filtered_bytes.emplace_back(filter.at("name").get<std::string>(),
                                         filter.at("before_bytes").get<std::uint64_t>());
    }
    report.objective = json.value("objective", 0.0);
    report.certified = json.value("certified", false);
    for (const auto& pass : json.value("history", nlohmann::json::array())) {
      report.history.push_back({.seconds = pass.at("seconds").get<double>(),
                                .objective = pass.at("objective").get<double>(),
                                .settled_fraction = pass.value("settled_fraction", 0.0)});
    }
    for (const auto& moved : json.value("shards_moved", nlohmann::json::array()))
      report.shards_moved += moved.at("shards").get<std::uint64_t>();
    return report;
  } catch (const nlohmann::json::exception& error) {
    return Status(StatusCode::kBadData,
                  std::string("train printed another report than expected: ") + error.what());
  }
}

}  // namespace steelyard::bench
