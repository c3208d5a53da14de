#include "paper_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>

#include "svg_chart.h"

namespace steelyard::bench {
namespace {

using Json = nlohmann::ordered_json;

/// Near the best objective, relative: ten times the tolerance.
constexpr double kNear = 1e-3;
/// Pictures show no distance below this.
constexpr double kDistanceMin = 1e-6;
// What the paper reports: half of B's time; 12 and 40 times less sent by workers and by servers.
constexpr double kFasterTarget = 2;
constexpr double kWorkersTarget = 12;
constexpr double kServersTarget = 40;

double Megabytes(std::uint64_t bytes) {
  return static_cast<double>(bytes) / 1e6;
}

std::optional<double> SecondsToNear(const PaperFigures& figures, const PaperRun& run) {
  return run.report.SecondsTo(figures.best_objective * (1 + kNear));
}

std::vector<const PaperRun*> AllRuns(const PaperFigures& figures) {
  std::vector<const PaperRun*> runs;
  for (const PaperRun& run : figures.systems) runs.push_back(&run);
  for (const PaperRun& run : figures.delays) runs.push_back(&run);
  return runs;
}

/// Bytes of each stack beside those of the first.
void AddTrafficRows(const std::vector<PaperTraffic>& stacks, bool targets,
                    std::vector<BenchRow>& rows) {
  const PaperTraffic& plain = stacks.front();
  for (std::size_t i = 1; i < stacks.size(); ++i) {
    const bool all_filters = targets && i + 1 == stacks.size();
    const auto add = [&](const char* who, std::uint64_t bytes, std::uint64_t peer, double target) {
      rows.push_back({.name = fmt::format("{} {} send, {}", stacks[i].solver, who, stacks[i].stack),
                      .value = Megabytes(bytes),
                      .unit = "MB",
                      .peer = plain.stack == "none" ? "no filters" : plain.stack,
                      .peer_value = Megabytes(peer),
                      .target = all_filters ? std::optional(target) : std::nullopt});
    };
    add("workers", stacks[i].workers_bytes, plain.workers_bytes, kWorkersTarget);
    add("servers", stacks[i].servers_bytes, plain.servers_bytes, kServersTarget);
  }
}

Json RunJson(const PaperFigures& figures, const PaperRun& run) {
  const TrainingReport& report = run.report;
  Json json{{"name", run.name},
            {"flags", run.flags},
            {"objective", report.objective},
            {"above_best", figures.AboveBest(run)},
            {"certified", report.certified},
            {"passes", report.passes},
            {"seconds", report.seconds},
            {"spread", run.spread}};
  if (const auto seconds = SecondsToNear(figures, run)) json["seconds_to_1e-3"] = *seconds;
  json["idle_fraction"] = report.idle_fraction;
  json["pushed_bytes"] = report.pushed_bytes;
  json["pulled_bytes"] = report.pulled_bytes;
  json["settled_fraction"] = report.settled_fraction();
  json["stops"] = run.stops;
  json["shards_moved"] = report.shards_moved;
  json["history"] = Json::array();
  for (const TrainingPass& pass : report.history) {
    json["history"].push_back({{"seconds", pass.seconds},
                               {"objective", pass.objective},
                               {"settled_fraction", pass.settled_fraction}});
  }
  return json;
}

/// "B: dbpg --tau 0 --filters none".
std::string LineName(const PaperRun& run) {
  constexpr std::string_view kPrefix = "--solver ";
  return run.name + ": " + run.flags.substr(run.flags.starts_with(kPrefix) ? kPrefix.size() : 0);
}

ChartLine DistanceLine(const PaperFigures& figures, const PaperRun& run) {
  ChartLine line{.name = LineName(run), .points = {}};
  for (const TrainingPass& pass : run.report.history) {
    line.points.emplace_back(pass.seconds,
                             std::max(pass.objective / figures.best_objective - 1, kDistanceMin));
  }
  return line;
}

ChartLine SettledLine(const PaperRun& run) {
  ChartLine line{.name = LineName(run), .points = {}};
  for (const TrainingPass& pass : run.report.history) {
    line.points.emplace_back(static_cast<double>(line.points.size() + 1),
                             100 * pass.settled_fraction);
  }
  return line;
}

ChartBars IdleBars(const PaperRun& run) {
  const double percent = 100 * run.report.idle_fraction;
  return {.name = run.name,
          .bars = {{.length = percent, .label = fmt::format("{:.1f} %", percent)}}};
}

/// Percent of what the plain stack sends.
ChartBar TrafficBar(std::uint64_t bytes, std::uint64_t plain) {
  const double share = static_cast<double>(bytes) / static_cast<double>(plain);
  return {.length = 100 * share,
          .label = fmt::format("{:.3g} MB{}", Megabytes(bytes),
                               bytes == plain ? "" : fmt::format(", 1/{:.1f}", 1 / share))};
}

BarChart TrafficChart(const PaperFigures& figures) {
  BarChart chart{.title = "Bytes sent with stacks of filters",
                 .x_title = "% of the first stack of the solver",
                 .series = {"workers send", "servers send"},
                 .groups = {}};
  for (const auto* const stacks : {&figures.dbpg, &figures.ftrl}) {
    const PaperTraffic& plain = stacks->front();
    for (const PaperTraffic& stack : *stacks) {
      chart.groups.push_back({.name = stack.solver + ": " + stack.stack,
                              .bars = {TrafficBar(stack.workers_bytes, plain.workers_bytes),
                                       TrafficBar(stack.servers_bytes, plain.servers_bytes)}});
    }
  }
  return chart;
}

}  // namespace

std::vector<BenchRow> PaperRows(const PaperFigures& figures) {
  std::vector<BenchRow> rows;
  const PaperRun& ours = figures.systems.back();
  for (const PaperRun& peer : figures.systems) {
    if (&peer == &ours) continue;
    rows.push_back({.name = "ours, to 1e-3 of the best objective",
                    .value = SecondsToNear(figures, ours).value_or(0),
                    .unit = "s",
                    .peer = peer.name,
                    .peer_value = SecondsToNear(figures, peer),
                    .target = peer.name == "B" ? std::optional(kFasterTarget) : std::nullopt,
                    .spread = ours.spread});
  }
  AddTrafficRows(figures.dbpg, /*targets=*/true, rows);
  AddTrafficRows(figures.ftrl, /*targets=*/false, rows);
  return rows;
}

std::string FormatPaper(const PaperFigures& figures) {
  std::string text = fmt::format(
      "{}, l1 {}, {} workers, one of them stopped half of the time\n"
      "{:<12}{:>14}{:>8}{:>9}{:>8}{:>9}{:>8}{:>7}{:>10}{:>10}  {}\n",
      figures.data, figures.l1, figures.workers, "", "objective", "passes", "seconds", "spread",
      "to 1e-3", "idle", "moved", "MB", "left out", "flags");
  for (const PaperRun* run : AllRuns(figures)) {
    const TrainingReport& report = run->report;
    const auto seconds = SecondsToNear(figures, *run);
    text += fmt::format(
        "{:<12}{:>14.3f}{:>8}{:>9.2f}{:>7.0f}%{:>9}{:>7.1f}%{:>7}{:>10.2f}{:>9.1f}%  {}\n",
        run->name, report.objective, report.passes, report.seconds, 100 * run->spread,
        seconds ? fmt::format("{:.2f}", *seconds) : "", 100 * report.idle_fraction,
        report.shards_moved, Megabytes(report.pushed_bytes + report.pulled_bytes),
        100 * report.settled_fraction(), run->flags);
  }
  for (const PaperRun* run : AllRuns(figures)) {
    if (figures.AboveBest(*run) <= figures.tolerance) continue;
    text += fmt::format(
        "{} ended {:.1e} above the best objective, which is more than its tolerance of {}: its "
        "seconds are not those to the same end\n",
        run->name, figures.AboveBest(*run), figures.tolerance);
  }
  return text + "\n" + FormatRows(PaperRows(figures));
}

std::string PaperJson(const PaperFigures& figures) {
  Json json{{"status", "ok"},
            {"data", figures.data},
            {"l1", figures.l1},
            {"tolerance", figures.tolerance},
            {"workers", figures.workers},
            {"rounds", figures.rounds},
            {"best_objective", figures.best_objective}};
  const auto put = [&](const char* name, const std::vector<PaperRun>& runs) {
    json[name] = Json::array();
    for (const PaperRun& run : runs) json[name].push_back(RunJson(figures, run));
  };
  put("systems", figures.systems);
  put("delays", figures.delays);
  json["traffic"] = Json::array();
  for (const auto* const stacks : {&figures.dbpg, &figures.ftrl}) {
    for (const PaperTraffic& stack : *stacks) {
      json["traffic"].push_back({{"solver", stack.solver},
                                 {"stack", stack.stack},
                                 {"workers_bytes", stack.workers_bytes},
                                 {"servers_bytes", stack.servers_bytes}});
    }
  }
  json["rows"] = Json::parse(RowsJson(PaperRows(figures)));
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::vector<std::pair<std::string, std::string>> PaperPictures(const PaperFigures& figures) {
  LineChart objective{.title = "Objective above the best, relative",
                      .x_title = "seconds, reading included",
                      .logarithmic = true,
                      .lines = {}};
  for (const PaperRun& run : figures.systems) objective.lines.push_back(DistanceLine(figures, run));
  const LineChart settled{.title = "Features left out, %",
                          .x_title = "pass",
                          .lines = {SettledLine(figures.systems.back())}};
  BarChart idle{
      .title = "Time that workers wait", .x_title = "% of their time", .series = {}, .groups = {}};
  for (const PaperRun* run : AllRuns(figures)) idle.groups.push_back(IdleBars(*run));
  return {{"objective.svg", ToSvg(objective)},
          {"idle.svg", ToSvg(idle)},
          {"traffic.svg", ToSvg(TrafficChart(figures))},
          {"settled.svg", ToSvg(settled)}};
}

}  // namespace steelyard::bench
