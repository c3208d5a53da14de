// A group that learns and a group that serves share one table: two_groups HOST:PORT learn|serve
//
// `learn` pushes gradients of a small regression, y = 3 a - 2 b, to a table whose servers step by them. `serve`, in other
// processes, reads the weights as they are now until they are good, and never sees half of a push to a key.
#include <steelyard/cluster.h>

#include <chrono>
#include <cmath>
#include <cstdio>
#include <string>
#include <thread>

namespace {

constexpr steelyard::Key kA = 1, kB = 2;

int Fail(const steelyard::Status& status) {
  return std::fprintf(stderr, "two_groups: %s\n", status.ToString().c_str()), 1;
}

int Learn(steelyard::Cluster& cluster) {
  auto weights = cluster.CreateTable({.name = "line", .updater = {.name = "sgd", .alpha = 0.05F}});
  if (!weights.ok()) return Fail(weights.status());
  for (int step = 0; step < 2000; ++step) {
    const auto now = weights.value().Pull({kA, kB}).get();
    if (!now.ok()) return Fail(now.status());
    const float a = static_cast<float>(step % 7) - 3, b = static_cast<float>(step % 5) - 2;
    const float error = now.value()[0] * a + now.value()[1] * b - (3 * a - 2 * b);
    const auto pushed = weights.value().Push({kA, kB}, {error * a, error * b}).get();
    if (!pushed.ok()) return Fail(pushed);
  }
  return 0;
}

int Serve(steelyard::Cluster& cluster) {
  for (int tries = 0; tries < 3000; ++tries) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
    auto weights = cluster.OpenTable("line");  // There is none until the other group has begun.
    if (!weights.ok() && weights.status().code() == steelyard::StatusCode::kNotFound) continue;
    if (!weights.ok()) return Fail(weights.status());
    const auto now = weights.value().Pull({kA, kB}).get();
    if (!now.ok()) return Fail(now.status());
    const float a = now.value()[0], b = now.value()[1];
    if (std::abs(a - 3) > 0.001F || std::abs(b + 2) > 0.001F) continue;
    std::printf("y = %.2f a + %.2f b\n", a, b);
    return 0;
  }
  return std::fprintf(stderr, "two_groups: nobody learned anything\n"), 1;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string role = argc == 3 ? argv[2] : "";
  if (role != "learn" && role != "serve")
    return std::fprintf(stderr, "use: two_groups HOST:PORT learn|serve\n"), 2;
  auto cluster = steelyard::Cluster::Connect(argv[1]);
  if (!cluster.ok()) return Fail(cluster.status());
  return role == "learn" ? Learn(cluster.value()) : Serve(cluster.value());
}
