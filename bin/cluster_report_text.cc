// Columns for people.
#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "batch_activity.h"
#include "cluster_report.h"
#include "output.h"

namespace steelyard::cli {
namespace {

bool IsNumber(const std::string& cell) {
  return !cell.empty() && std::ranges::all_of(cell, [](char c) {
    return std::isdigit(static_cast<unsigned char>(c)) != 0 || c == ',';
  });
}

std::string Age(std::uint64_t nanoseconds) {
  return fmt::format("{:.2f} s", static_cast<double>(nanoseconds) / 1e9);
}

std::string ValuesText(std::uint32_t width, const UpdaterOptions& updater) {
  return fmt::format("values    {} a key\nupdater   {} (alpha {}, beta {}, l1 {}, l2 {}{})\n",
                     width, updater.name, updater.alpha, updater.beta, updater.l1, updater.l2,
                     updater.intercept ? ", the intercept has neither" : "");
}

std::string OrDash(std::uint64_t number) {
  return number == 0 ? "-" : std::to_string(number);
}

std::string ProgressOf(const wire::JobSummary& job) {
  if (job.state != wire::JobState::kRunning) return "";
  if (job.phase >= wire::Phase::kLoad) return BatchActivity(job.phase, job.batch);
  const char* phase = job.phase == wire::Phase::kTrain ? "pass" : wire::PhaseName(job.phase);
  return fmt::format("{} {}/{}", phase, job.pass + 1, job.passes);
}

/// Memory of a server beside its rows: lists of keys, clocks, and requests that wait.
std::string BesideRows(const wire::NodeStatus& node) {
  if (node.role != wire::Role::kServer) return "-";
  return Bytes(node.memory.key_lists) + ", " + Bytes(node.memory.clocks) + ", " +
         Bytes(node.memory.waiting);
}

void AppendSection(std::string& text, const std::string& title, const std::string& columns) {
  text += "\n" + title + "\n" + columns;
}

}  // namespace

const char* StateName(wire::JobState state) {
  switch (state) {
    case wire::JobState::kWaiting:
      return "waiting";
    case wire::JobState::kRunning:
      return "running";
    case wire::JobState::kDone:
      return "done";
    case wire::JobState::kFailed:
      return "failed";
  }
  return "unknown";
}

const char* StateName(wire::TableState state) {
  switch (state) {
    case wire::TableState::kWaiting:
      return "waiting";
    case wire::TableState::kReady:
      return "ready";
    case wire::TableState::kLost:
      return "lost";
  }
  return "unknown";
}

std::string Columns(const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string text;
  for (const auto& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      line += IsNumber(row[i]) ? fmt::format("{:>{}}  ", row[i], widths[i])
                               : fmt::format("{:<{}}  ", row[i], widths[i]);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + "\n";
  }
  return text;
}

std::string StatusText(const std::string& cluster, const wire::ClusterStatus& status) {
  const auto count = [&](wire::Role role) {
    return static_cast<std::size_t>(
        std::ranges::count(status.nodes, role, &wire::NodeStatus::role));
  };
  std::string text = fmt::format(
      "cluster {} (head {}): {}, {}, {}, {}\n", cluster, status.description,
      Counted(count(wire::Role::kServer), "server"), Counted(count(wire::Role::kWorker), "worker"),
      Counted(status.tables.size(), "table"), Counted(status.jobs.size(), "job"));
  if (!status.nodes.empty()) {
    std::vector<std::vector<std::string>> rows = {
        {"node", "role", "process", "address", "heard", "lists, clocks, waiting", "job"}};
    for (const wire::NodeStatus& node : status.nodes) {
      rows.push_back({std::to_string(node.node), wire::RoleName(node.role), node.description,
                      node.address.empty() ? "-" : node.address, Age(node.silent_ns) + " ago",
                      BesideRows(node), OrDash(node.job)});
    }
    AppendSection(text, "Nodes", Columns(rows));
  }
  if (!status.tables.empty()) AppendSection(text, "Tables", TablesText(status.tables));
  if (!status.jobs.empty()) AppendSection(text, "Jobs", JobsText(status.jobs));
  return text;
}

std::string JobsText(std::span<const wire::JobSummary> jobs) {
  std::vector<std::vector<std::string>> rows = {
      {"job", "state", "progress", "workers", "rows", "submitter", "says"}};
  for (const wire::JobSummary& job : jobs) {
    rows.push_back({std::to_string(job.job), StateName(job.state), ProgressOf(job),
                    std::to_string(job.slots), Grouped(job.rows),
                    job.detached || job.submitter.empty() ? "detached" : job.submitter,
                    job.message});
  }
  return Columns(rows);
}

namespace {

/// "3.1 MB", "3.1 MB of 8 MB", "3.1 MB + 12 kB held".
std::string MemoryText(const wire::TableStatus& table) {
  std::string text = Bytes(table.bytes);
  if (table.memory_max != 0) text += " of " + Bytes(table.memory_max);
  if (table.held_bytes != 0) text += " + " + Bytes(table.held_bytes) + " held";
  return text;
}

/// What is wrong with it, or else which key is asked for more than others.
std::string SaysOf(const wire::TableStatus& table) {
  if (!table.message.empty() || table.hot_share == 0.0) return table.message;
  return fmt::format("{:.0f} % of what is asked for is key {}", 100.0 * table.hot_share,
                     table.hot_key);
}

}  // namespace

std::string TablesText(std::span<const wire::TableStatus> tables) {
  std::vector<std::vector<std::string>> rows = {
      {"table", "state", "rows", "memory", "servers", "job", "says"}};
  for (const wire::TableStatus& table : tables) {
    rows.push_back({table.name, table.frozen ? "frozen" : StateName(table.state),
                    Grouped(table.rows), MemoryText(table), std::to_string(table.servers),
                    OrDash(table.job), SaysOf(table)});
  }
  return Columns(rows);
}

std::uint64_t RowsOf(const wire::TableFrozen& frozen) {
  std::uint64_t rows = 0;
  for (const wire::FrozenSegment& segment : frozen.segments) rows += segment.rows;
  return rows;
}

std::string FrozenText(const std::string& table, const wire::TableFrozen& frozen) {
  return fmt::format("table {} is frozen with {}\n", table, Counted(RowsOf(frozen), "key"));
}

std::string FiguresText(const TableFigures& figures) {
  const Summary& summary = figures.summary;
  std::string text = fmt::format(
      "table     {}, value {} of a key\nrows      {}, of which {} are not 0\nsum       {:.9g}\n"
      "norms     l1 {:.9g}, l2 {:.9g}\nrange     {:.9g} to {:.9g}\n",
      figures.table, figures.column, Grouped(summary.rows), Grouped(summary.nonzeros), summary.sum,
      summary.norm1, summary.norm2, summary.min, summary.max);
  std::vector<std::vector<std::string>> rows = {{"quantile", "value"}};
  for (const auto& [share, value] : figures.quantiles)
    rows.push_back({fmt::format("{}", share), fmt::format("{:.9g}", value)});
  if (rows.size() > 1) text += "\n" + Columns(rows);
  rows = {{"key", "value"}};
  for (const KeyValue& row : figures.top)
    rows.push_back({std::to_string(row.key), fmt::format("{:.9g}", row.value)});
  if (rows.size() > 1) AppendSection(text, "furthest from 0", Columns(rows));
  return text;
}

std::string HotKeysText(const HotKeys& hot) {
  std::vector<std::vector<std::string>> rows = {{"key", "share at least"}};
  for (const HotKey& key : hot.keys)
    rows.push_back({std::to_string(key.key), fmt::format("{:.2f} %", 100 * key.share)});
  return fmt::format("{} keys of recent requests were looked at\n\n", Grouped(hot.samples)) +
         Columns(rows);
}

namespace {

std::string GroupText(WorkerGroup group) {
  if (group.id == 0) return "-";
  const std::uint32_t number = group.id & ~WorkerGroup::Numbered(0).id;
  return number == group.id ? fmt::format("job {}", number) : fmt::format("group {}", number);
}

}  // namespace

std::string ClocksText(std::span<const RangeClock> clocks) {
  std::vector<std::vector<std::string>> rows = {
      {"first key", "last key", "stream", "member of", "push", "through step", "waited for"}};
  for (const RangeClock& clock : clocks) {
    for (const StreamTime& time : clock.streams) {
      rows.push_back({std::to_string(clock.range.first), std::to_string(clock.range.last),
                      std::to_string(time.stream), GroupText(time.group), std::to_string(time.ts),
                      std::to_string(time.through), time.active ? "yes" : "no"});
    }
  }
  return Columns(rows);
}

std::string TableText(const wire::View& view) {
  const TableOptions& options = view.spec.options;
  const std::string text = fmt::format(
      "table     {} (number {})\n{}segments  {}\n{}{}\n", options.name, view.table,
      ValuesText(options.width, options.updater), options.segment_count,
      options.aggregate ? "pushes    summed by step, applied once\n" : "",
      options.memory_max == 0 ? "" : "memory    " + Bytes(options.memory_max) + " at most\n");
  std::vector<std::vector<std::string>> rows = {{"server", "address", "segments"}};
  for (std::uint32_t i = 0; i < view.owners.size(); ++i) {
    rows.push_back(
        {std::to_string(view.owners[i].node), view.owners[i].address,
         std::to_string(std::ranges::count(view.segments, i, &wire::SegmentView::owner))});
  }
  return text + Columns(rows);
}

std::string ModelTablesText(std::span<const checkpoint::ManifestTable> tables) {
  std::vector<std::vector<std::string>> rows = {{"table", "rows", "on disk", "updater"}};
  for (const checkpoint::ManifestTable& table : tables)
    rows.push_back({table.name, Grouped(table.rows), Bytes(table.file.bytes), table.updater.name});
  return Columns(rows);
}

std::string ModelTableText(const checkpoint::ManifestTable& table) {
  return fmt::format("table     {}\n{}rows      {} of {} floats each\non disk   {}, {}\n",
                     table.name, ValuesText(table.width, table.updater), Grouped(table.rows),
                     table.row_floats, Bytes(table.file.bytes), table.file.name);
}

std::string FindingsText(std::span<const Finding> findings) {
  std::vector<std::vector<std::string>> rows;
  for (const Finding& finding : findings) {
    rows.push_back({finding.grade, finding.what,
                    finding.found + (finding.advice.empty() ? "" : "; " + finding.advice)});
  }
  return Columns(rows);
}

std::string DetachedText(JobId job, const std::string& cluster) {
  return fmt::format(
      "job {} is left with {}\nsteelyard jobs wait {} --cluster {} --model DIR  fetches its "
      "model\n",
      job, cluster, job, cluster);
}

}  // namespace steelyard::cli
