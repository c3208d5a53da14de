// steelyard table hot, table clocks: which keys are asked for most, and how far the members of worker groups are.
#include <fmt/format.h>

#include "base/hash.h"
#include "cluster_call.h"
#include "cluster_report.h"
#include "command.h"
#include "new_table.h"
#include "output.h"
#include "steelyard/cluster.h"
#include "wire/table_messages.h"

namespace steelyard::cli {
namespace {

constexpr std::uint64_t kHotDefault = 10;

/// A table of a cluster; its connection lives in it.
Result<Table> Opened(const Values& values) {
  const Result<std::string> address = ClusterAddress(values);
  if (!address.ok()) return address.status();
  Result<Cluster> cluster = Cluster::Connect(address.value());
  if (!cluster.ok()) return cluster.status();
  return cluster.value().OpenTable(values.Get("name"));
}

Status RunHot(const Values& values) {
  const auto count = values.GetCount("top", kHotDefault, wire::kHotKeysMax);
  if (!count.ok()) return count.status();
  Result<Table> table = Opened(values);
  if (!table.ok()) return table.status();
  auto hot = table.value().FindHotKeys(count.value());
  if (!hot.ok()) return hot.status();
  if (values.Switch("ids")) {
    for (HotKey& key : hot.value().keys) key.key = IdOfKey(key.key);
  }
  return PrintResult(values.Switch("json") ? HotKeysJson(values.Get("name"), hot.value()) + "\n"
                                           : HotKeysText(hot.value()));
}

Result<KeyRange> RangeOf(const Values& values) {
  const auto first = values.GetCount("first", 0, kKeyMax);
  if (!first.ok()) return first.status();
  const auto last = values.GetCount("last", kKeyMax, kKeyMax);
  if (!last.ok()) return last.status();
  if (first.value() <= last.value()) return KeyRange{first.value(), last.value()};
  return Status(StatusCode::kInvalidArgument,
                fmt::format("--first {} is behind --last {}", first.value(), last.value()));
}

Status RunClocks(const Values& values) {
  const Result<KeyRange> range = RangeOf(values);
  if (!range.ok()) return range.status();
  Result<Table> table = Opened(values);
  if (!table.ok()) return table.status();
  auto clocks = table.value().Clocks(range.value());
  if (!clocks.ok()) return clocks.status();
  return PrintResult(values.Switch("json") ? ClocksJson(values.Get("name"), clocks.value()) + "\n"
                                           : ClocksText(clocks.value()));
}

}  // namespace

Command TableHotCommand() {
  return {.name = "table hot",
          .summary = "Show the keys of a table that pushes and pulls name most often",
          .options = {TableNameOption(),
                      ClusterOption(),
                      {.name = "top",
                       .value = "N",
                       .help = "how many keys to show",
                       .range = fmt::format("0 to {}", wire::kHotKeysMax),
                       .default_text = std::to_string(kHotDefault)},
                      {.name = "ids", .help = "the keys are numeric feature ids; show those"},
                      JsonOption()},
          .examples = {"steelyard table hot clicks --cluster 127.0.0.1:4070 --ids"},
          .notes =
              "Servers look at one of 256 keys that requests name, and keep count of the most "
              "frequent; old\ncounts fade. A share is of all keys named, and at least so much.",
          .run = RunHot};
}

Command TableClocksCommand() {
  return {.name = "table clocks",
          .summary = "Show how far each stream of pushes is, by range of keys",
          .options = {TableNameOption(),
                      ClusterOption(),
                      {.name = "first", .value = "KEY", .help = "from this key on"},
                      {.name = "last", .value = "KEY", .help = "up to this key"},
                      JsonOption()},
          .examples = {"steelyard table clocks clicks --cluster 127.0.0.1:4070"},
          .run = RunClocks};
}

}  // namespace steelyard::cli
