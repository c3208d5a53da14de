// A filter of one's own: gradients are clipped, and those that hardly matter stay at home. own_filter HOST:PORT
#include <steelyard/cluster.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <span>
#include <vector>

int main(int argc, char** argv) {
  const auto fail = [](const steelyard::Status& status) {
    return std::fprintf(stderr, "own_filter: %s\n", status.ToString().c_str()), 1;
  };
  // What travels is made smaller, too: lists of keys that come again are named, not sent.
  auto cluster = steelyard::Cluster::Connect(argc > 1 ? argv[1] : "127.0.0.1:4070",
                                             {.filters = "key-cache,delta,zeros"});
  if (!cluster.ok()) return fail(cluster.status());
  auto table = cluster.value().CreateTable({.name = "clipped"});
  if (!table.ok()) return fail(table.status());

  std::size_t dropped =
      0;  // Written on the connection's thread; read once every push has been acknowledged.
  const auto clip = [&dropped](steelyard::Key, std::span<float> row) {
    for (float& value : row) value = std::clamp(value, -1.0F, 1.0F);
    const bool matters =
        std::ranges::any_of(row, [](float value) { return std::abs(value) >= 0.01F; });
    dropped += matters ? 0 : 1;
    return matters;
  };
  const auto added = table.value().AddFilter("clip", clip);
  if (!added.ok()) return fail(added);

  const std::vector<steelyard::Key> keys{1, 2, 3, 4};
  for (int step = 0; step < 10; ++step) {
    const auto pushed = table.value().Push(keys, {0.5F, 100.0F, -7.0F, 0.001F}).get();
    if (!pushed.ok()) return fail(pushed);
  }
  const auto sums = table.value().Pull(keys).get();
  if (!sums.ok()) return fail(sums.status());
  for (std::size_t i = 0; i < keys.size(); ++i) std::printf("%zu %g\n", i + 1, sums.value()[i]);
  std::printf("%zu rows stayed at home\n", dropped);
}
