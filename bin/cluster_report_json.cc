// The objects of the commands on clusters; the other file besides report_json.cc that includes the JSON library.
#include <fmt/format.h>

#include <cstdlib>
#include <nlohmann/json.hpp>

#include "batch_activity.h"
#include "checkpoint/updater_json.h"
#include "cluster_report.h"

namespace steelyard::cli {
namespace {

using Json = nlohmann::ordered_json;

std::string Dump(const Json& json) {
  return json.dump(-1, ' ', false, nlohmann::detail::error_handler_t::replace);
}

Json NodesOf(const wire::ClusterStatus& status) {
  Json nodes = Json::array();
  for (const wire::NodeStatus& node : status.nodes) {
    Json json = {{"node", node.node},
                 {"role", wire::RoleName(node.role)},
                 {"process", node.description},
                 {"address", node.address},
                 {"silent_seconds", static_cast<double>(node.silent_ns) / 1e9}};
    if (node.job != 0) json["job"] = node.job;
    if (node.role == wire::Role::kServer) {
      json["memory"] = {{"key_lists", node.memory.key_lists},
                        {"clocks", node.memory.clocks},
                        {"waiting", node.memory.waiting}};
    }
    nodes.push_back(std::move(json));
  }
  return nodes;
}

Json TablesOf(std::span<const wire::TableStatus> tables) {
  Json array = Json::array();
  for (const wire::TableStatus& table : tables) {
    Json json = {{"table", table.name},
                 {"id", table.table},
                 {"state", StateName(table.state)},
                 {"servers", table.servers},
                 {"rows", table.rows},
                 {"bytes", table.bytes},
                 {"frozen", table.frozen},
                 {"held_bytes", table.held_bytes}};
    if (table.memory_max != 0) json["memory_max"] = table.memory_max;
    if (table.job != 0) json["job"] = table.job;
    if (table.hot_share > 0.0)
      json["hot_key"] = {{"key", table.hot_key}, {"share", table.hot_share}};
    if (!table.message.empty()) json["message"] = table.message;
    array.push_back(std::move(json));
  }
  return array;
}

Json TableOf(const checkpoint::ManifestTable& table) {
  return {{"table", table.name},
          {"width", table.width},
          {"updater", checkpoint::UpdaterJson(table.updater)},
          {"row_floats", table.row_floats},
          {"rows", table.rows},
          {"bytes", table.file.bytes},
          {"file", table.file.name}};
}

Json JobsOf(std::span<const wire::JobSummary> jobs) {
  Json array = Json::array();
  for (const wire::JobSummary& job : jobs) {
    Json json = {{"job", job.job},          {"state", StateName(job.state)}, {"pass", job.pass + 1},
                 {"passes", job.passes},    {"workers", job.slots},          {"rows", job.rows},
                 {"detached", job.detached}};
    if (job.batch.measured()) {  // Passes of its solver: the others count its phases.
      json["pass"] = job.batch.passes;
      json["objective"] = job.batch.objective;
      json["settled_fraction"] = SettledFraction(job.batch);
    }
    if (!job.submitter.empty()) json["submitter"] = job.submitter;
    if (!job.message.empty()) json["message"] = job.message;
    array.push_back(std::move(json));
  }
  return array;
}

}  // namespace

std::string StatusJson(const std::string& cluster, const wire::ClusterStatus& status) {
  return Dump({{"status", "ok"},
               {"cluster", cluster},
               {"head", status.description},
               {"nodes", NodesOf(status)},
               {"tables", TablesOf(status.tables)},
               {"jobs", JobsOf(status.jobs)}});
}

std::string JobsJson(const std::string& cluster, std::span<const wire::JobSummary> jobs) {
  return Dump({{"status", "ok"}, {"cluster", cluster}, {"jobs", JobsOf(jobs)}});
}

std::string TablesJson(const std::string& cluster, std::span<const wire::TableStatus> tables) {
  return Dump({{"status", "ok"}, {"cluster", cluster}, {"tables", TablesOf(tables)}});
}

std::string FrozenJson(const std::string& table, const wire::TableFrozen& frozen) {
  Json segments = Json::array();
  for (const wire::FrozenSegment& segment : frozen.segments) {
    segments.push_back(
        {{"segment", segment.segment},
         {"rows", segment.rows},
         {"hash", fmt::format("{:016x}{:016x}", segment.hash_high, segment.hash_low)}});
  }
  return Dump({{"status", "ok"},
               {"table", table},
               {"rows", RowsOf(frozen)},
               {"segments", std::move(segments)}});
}

std::string FiguresJson(const TableFigures& figures) {
  const Summary& summary = figures.summary;
  Json quantiles = Json::array();
  for (const auto& [share, value] : figures.quantiles)
    quantiles.push_back({{"share", share}, {"value", value}});
  Json top = Json::array();
  for (const KeyValue& row : figures.top) top.push_back({{"key", row.key}, {"value", row.value}});
  return Dump({{"status", "ok"},
               {"table", figures.table},
               {"column", figures.column},
               {"rows", summary.rows},
               {"nonzeros", summary.nonzeros},
               {"sum", summary.sum},
               {"norm1", summary.norm1},
               {"norm2", summary.norm2},
               {"min", summary.min},
               {"max", summary.max},
               {"quantiles", std::move(quantiles)},
               {"top", std::move(top)}});
}

std::string HotKeysJson(const std::string& table, const HotKeys& hot) {
  Json keys = Json::array();
  for (const HotKey& key : hot.keys) keys.push_back({{"key", key.key}, {"share", key.share}});
  return Dump(
      {{"status", "ok"}, {"table", table}, {"samples", hot.samples}, {"keys", std::move(keys)}});
}

std::string ClocksJson(const std::string& table, std::span<const RangeClock> clocks) {
  Json ranges = Json::array();
  for (const RangeClock& clock : clocks) {
    Json streams = Json::array();
    for (const StreamTime& time : clock.streams) {
      streams.push_back({{"stream", time.stream},
                         {"group", time.group.id},
                         {"push", time.ts},
                         {"through", time.through},
                         {"active", time.active}});
    }
    ranges.push_back({{"first", clock.range.first},
                      {"last", clock.range.last},
                      {"streams", std::move(streams)}});
  }
  return Dump({{"status", "ok"}, {"table", table}, {"ranges", std::move(ranges)}});
}

std::string TableJson(const wire::View& view) {
  const TableOptions& options = view.spec.options;
  Json servers = Json::array();
  for (const wire::Owner& owner : view.owners)
    servers.push_back({{"node", owner.node}, {"address", owner.address}});
  return Dump({{"status", "ok"},
               {"table", options.name},
               {"id", view.table},
               {"width", options.width},
               {"updater", checkpoint::UpdaterJson(options.updater)},
               {"aggregate", options.aggregate},
               {"memory_max", options.memory_max},
               {"segments", options.segment_count},
               {"servers", std::move(servers)}});
}

std::string ModelTablesJson(const std::string& model,
                            std::span<const checkpoint::ManifestTable> tables) {
  Json array = Json::array();
  for (const checkpoint::ManifestTable& table : tables) array.push_back(TableOf(table));
  return Dump({{"status", "ok"}, {"model", model}, {"tables", std::move(array)}});
}

std::string ModelTableJson(const std::string& model, const checkpoint::ManifestTable& table) {
  Json json = {{"status", "ok"}, {"model", model}};
  json.update(TableOf(table));
  return Dump(json);
}

std::string FindingsJson(std::span<const Finding> findings) {
  Json checks = Json::array();
  for (const Finding& finding : findings) {
    Json json = {{"grade", finding.grade}, {"what", finding.what}, {"found", finding.found}};
    if (!finding.advice.empty()) json["advice"] = finding.advice;
    checks.push_back(std::move(json));
  }
  return Dump({{"status", "ok"}, {"checks", std::move(checks)}});
}

std::string DetachedJson(JobId job, const std::string& cluster) {
  return Dump({{"status", "ok"}, {"job", job}, {"cluster", cluster}});
}

std::string UpJson(const std::string& cluster, std::span<const int> pids,
                   const std::string& data_dir) {
  Json json = {{"status", "ok"}, {"cluster", cluster}};
  json["pids"] = Json::array();
  for (const int pid : pids) json["pids"].push_back(pid);
  json["data_dir"] = data_dir;
  return Dump(json);
}

std::string DownJson(std::uint64_t ended, std::uint64_t killed, const std::string& data_dir) {
  return Dump({{"status", "ok"}, {"ended", ended}, {"killed", killed}, {"data_dir", data_dir}});
}

std::string OkJson(const std::string& name, const std::string& value) {
  return Dump({{"status", "ok"}, {name, value}});
}

std::string JobJson(JobId job, wire::JobState state) {
  return Dump({{"status", "ok"}, {"job", job}, {"state", StateName(state)}});
}

}  // namespace steelyard::cli
