// Programs that average numbers together, none more than TAU steps ahead of the slowest:
// bounded_delay HOST:PORT MEMBERS NUMBER TAU, started MEMBERS times.
//
// Each member pulls the estimates, moves them towards its own number, and pushes the difference: gradient descent on the
// mean squared distance. What a member waits for is all in its tasks: the pull for the others (a gate), the push for the
// pull (an edge). A member that is done leaves, so that nobody waits for it.
#include <steelyard/cluster.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <vector>

namespace {

constexpr steelyard::Step kSteps = 200;
constexpr auto kGroup = steelyard::WorkerGroup::Numbered(1);

steelyard::Status Average(steelyard::Table& table, std::uint32_t members, float number,
                          steelyard::Step tau) {
  const std::vector<steelyard::Key> keys = {1};
  SY_RETURN_IF_ERROR(table.Join({.group = kGroup, .members = members}));
  steelyard::Step stalest = 0;
  steelyard::Task last_push;
  for (steelyard::Step step = 0; step < kSteps; ++step) {
    auto pull = table.Pull(
        keys,
        {.step = step, .after = {last_push}, .gate = steelyard::BoundedDelay(kGroup, step, tau)});
    const auto estimate = pull.result.get();
    if (!estimate.ok()) return estimate.status();
    stalest = std::max(stalest, step - 1 - estimate.value().through);
    const float rate =
        2.0F / (10.0F + static_cast<float>(step));  // Falls, so that the last move little.
    const float gap = number - estimate.value().values[0];
    auto push = table.Push(keys, {rate * gap / static_cast<float>(members)}, {.step = step});
    last_push = push.task;
    if (step + 1 == kSteps) SY_RETURN_IF_ERROR(push.result.get());
  }
  SY_RETURN_IF_ERROR(table.Leave());
  // Whoever has left may still read: when everybody has, the estimate is final.
  auto final = table.Pull(keys, {.step = kSteps, .gate = steelyard::Gate{kGroup, kSteps - 1}});
  const auto estimate = final.result.get();
  if (!estimate.ok()) return estimate.status();
  std::printf("mean %.3f, pulls at most %lld steps stale\n", estimate.value().values[0],
              static_cast<long long>(stalest));
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  const auto fail = [](const steelyard::Status& status) {
    return std::fprintf(stderr, "bounded_delay: %s\n", status.ToString().c_str()), 1;
  };
  if (argc != 5) {
    std::fprintf(stderr, "usage: bounded_delay HOST:PORT MEMBERS NUMBER TAU\n");
    return 2;
  }
  auto cluster = steelyard::Cluster::Connect(argv[1]);
  if (!cluster.ok()) return fail(cluster.status());
  auto table = cluster.value().OpenTable("mean");
  if (!table.ok()) return fail(table.status());
  const auto members = static_cast<std::uint32_t>(std::atoi(argv[2]));
  const steelyard::Status status =
      Average(table.value(), members, std::strtof(argv[3], nullptr), std::atoi(argv[4]));
  return status.ok() ? 0 : fail(status);
}
