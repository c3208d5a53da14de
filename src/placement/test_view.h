// MakeTestView, TestServers: for tests: a table cut evenly over servers.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "placement/placement.h"

namespace steelyard::placement {

/// "s0" is node 1 of incarnation 11, "s1" node 2 of 12, ...
inline std::vector<wire::Owner> TestServers(std::uint32_t count) {
  std::vector<wire::Owner> servers;
  for (std::uint32_t i = 0; i < count; ++i)
    servers.push_back({.node = i + 1, .incarnation = i + 11, .address = "s" + std::to_string(i)});
  return servers;
}

/// A view in epoch 1 of table `table`, whose rows are single sums unless `updater` says otherwise.
inline wire::View MakeTestView(TableId table, std::uint32_t segment_count,
                               std::vector<wire::Owner> owners, UpdaterOptions updater = {}) {
  wire::View view;
  view.table = table;
  view.spec.options.name = "weights" + std::to_string(table);
  view.spec.options.segment_count = segment_count;
  view.spec.options.updater = std::move(updater);
  const auto firsts = CutEvenly(segment_count);
  const auto owner_of = AssignEvenly(segment_count, static_cast<std::uint32_t>(owners.size()));
  for (std::uint32_t i = 0; i < segment_count; ++i) {
    view.segments.push_back({.first = firsts[i], .owner = owner_of[i], .epoch = 1});
  }
  view.owners = std::move(owners);
  return view;
}

}  // namespace steelyard::placement
