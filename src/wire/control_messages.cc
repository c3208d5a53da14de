#include "wire/control_messages.h"

#include <algorithm>
#include <cmath>

#include "base/spans.h"

namespace steelyard::wire {
namespace {

Status Wrong(std::string what) {
  return Status(StatusCode::kCorruption, std::move(what));
}

}  // namespace

const char* RoleName(Role role) {
  switch (role) {
    case Role::kHead:
      return "head";
    case Role::kServer:
      return "server";
    case Role::kWorker:
      return "worker";
    case Role::kClient:
      return "client";
  }
  return "unknown";
}

Status Hello::Check() const {
  if (role > Role::kClient) return Wrong("unknown role");
  if (version_min > version_max) return Wrong("version range is reversed");
  if (incarnation == 0) return Wrong("incarnation is zero");
  return {};
}

Status Refused::Check() const {
  if (code == StatusCode::kOk || code > StatusCode::kCancelled) return Wrong("not an error code");
  return {};
}

Status TableSpec::Check() const {
  const TableOptions& o = options;
  if (o.name.empty() || o.name.size() > 255)
    return Wrong("table name of " + std::to_string(o.name.size()) + " bytes");
  if (o.width == 0 || o.width > 65'536) return Wrong("table width " + std::to_string(o.width));
  if (o.segment_count == 0 || o.segment_count > kSegmentsMax) {
    return Wrong("segment count " + std::to_string(o.segment_count));
  }
  for (const float x : {o.updater.alpha, o.updater.beta, o.updater.l1, o.updater.l2}) {
    if (!std::isfinite(x)) return Wrong("updater parameter is not finite");
  }
  const std::string& rule = o.updater.name;
  if (o.aggregate && (rule == "assign" || rule == "max" || rule == "proximal" || rule == "owlqn")) {
    return Wrong("an aggregated table applies sums of pushes, and updater '" + rule +
                 "' takes none; use add, sgd, adagrad, adam or ftrl");
  }
  return {};
}

std::uint64_t ShareOfMemory(const TableSpec& spec, std::size_t segments) {
  const TableOptions& o = spec.options;
  if (o.memory_max == 0) return 0;
  const double share = static_cast<double>(segments) / o.segment_count;
  return std::max<std::uint64_t>(
      1, static_cast<std::uint64_t>(static_cast<double>(o.memory_max) * share));
}

Status TableCreate::Check() const {
  SY_RETURN_IF_ERROR(spec.Check());
  if (cuts.empty()) return {};
  if (cuts.size() != spec.options.segment_count) {
    return Wrong(std::to_string(cuts.size()) + " cuts for " +
                 std::to_string(spec.options.segment_count) + " segments");
  }
  if (cuts.front() != 0) return Wrong("first segment does not start at key 0");
  if (!StrictlyIncreasing(cuts)) return Wrong("cuts are not in key order");
  return {};
}

Status TableFreeze::Check() const {
  if (table == 0) return Wrong("table id is zero");
  if (!(at_least >= 0.0F) || !std::isfinite(at_least)) return Wrong("least value is not >= 0");
  return {};
}

Status View::Check() const {
  SY_RETURN_IF_ERROR(spec.Check());
  if (table == 0) return Wrong("table id is zero");
  if (segments.size() != spec.options.segment_count)
    return Wrong("segment count differs from the table's");
  if (segments.front().first != 0) return Wrong("first segment does not start at key 0");
  for (std::size_t i = 0; i < segments.size(); ++i) {
    if (segments[i].owner >= owners.size())
      return Wrong("segment " + std::to_string(i) + " names no owner");
    if (i > 0 && segments[i].first <= segments[i - 1].first)
      return Wrong("segments are not in key order");
  }
  return {};
}

Status OpenStream::Check() const {
  if (session == 0) return Wrong("session is zero");
  return {};
}

}  // namespace steelyard::wire
