// What the commands on clusters and tables print: as JSON objects for scripts and as lines for people.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "checkpoint/manifest.h"
#include "steelyard/functions.h"
#include "steelyard/insight.h"
#include "steelyard/types.h"
#include "wire/cluster_messages.h"

namespace steelyard::cli {

/// What doctor found of one matter.
struct Finding {
  std::string grade;  ///< "ok", "warn", "bad".
  std::string what;
  std::string found;
  std::string advice;  ///< What to do; empty when it is ok.
};
std::string FindingsJson(std::span<const Finding> findings);
std::string FindingsText(std::span<const Finding> findings);

/// What table stat found in one column of some rows.
struct TableFigures {
  std::string table;
  std::uint32_t column = 0;
  Summary summary = {};
  std::vector<std::pair<double, double>> quantiles = {};  ///< Share, value.
  std::vector<KeyValue> top = {};
};
std::string FiguresJson(const TableFigures& figures);
std::string FiguresText(const TableFigures& figures);

std::string HotKeysJson(const std::string& table, const HotKeys& hot);
std::string HotKeysText(const HotKeys& hot);
std::string ClocksJson(const std::string& table, std::span<const RangeClock> clocks);
std::string ClocksText(std::span<const RangeClock> clocks);

std::string StatusJson(const std::string& cluster, const wire::ClusterStatus& status);
std::string JobsJson(const std::string& cluster, std::span<const wire::JobSummary> jobs);
std::string TablesJson(const std::string& cluster, std::span<const wire::TableStatus> tables);
std::string TableJson(const wire::View& view);
std::string FrozenJson(const std::string& table, const wire::TableFrozen& frozen);
std::string ModelTablesJson(const std::string& model,
                            std::span<const checkpoint::ManifestTable> tables);
std::string ModelTableJson(const std::string& model, const checkpoint::ManifestTable& table);
std::string DetachedJson(JobId job, const std::string& cluster);
std::string UpJson(const std::string& cluster, std::span<const int> pids,
                   const std::string& data_dir);
std::string DownJson(std::uint64_t ended, std::uint64_t killed, const std::string& data_dir);
/// {"status":"ok","NAME":"VALUE"}.
std::string OkJson(const std::string& name, const std::string& value);
/// {"status":"ok","job":ID,"state":"done"}.
std::string JobJson(JobId job, wire::JobState state);

/// Lines for people, each with its line feed.
std::string StatusText(const std::string& cluster, const wire::ClusterStatus& status);
std::string JobsText(std::span<const wire::JobSummary> jobs);
std::string TablesText(std::span<const wire::TableStatus> tables);
std::string TableText(const wire::View& view);
std::string FrozenText(const std::string& table, const wire::TableFrozen& frozen);
std::string ModelTablesText(std::span<const checkpoint::ManifestTable> tables);
std::string ModelTableText(const checkpoint::ManifestTable& table);
std::string DetachedText(JobId job, const std::string& cluster);

/// "running".
const char* StateName(wire::JobState state);
const char* StateName(wire::TableState state);

std::uint64_t RowsOf(const wire::TableFrozen& frozen);

/// Cells as columns, two spaces apart; numbers (digits, commas) to the right.
std::string Columns(const std::vector<std::vector<std::string>>& rows);

}  // namespace steelyard::cli
