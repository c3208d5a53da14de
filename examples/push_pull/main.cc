// Counts words in a table of a running cluster: push_pull HOST:PORT WORD...
#include <steelyard/cluster.h>

#include <cstdio>
#include <functional>
#include <map>
#include <string>

int main(int argc, char** argv) {
  const auto fail = [](const steelyard::Status& status) {
    return std::fprintf(stderr, "push_pull: %s\n", status.ToString().c_str()), 1;
  };
  auto cluster = steelyard::Cluster::Connect(argc > 1 ? argv[1] : "127.0.0.1:4070");
  if (!cluster.ok()) return fail(cluster.status());
  auto words = cluster.value().OpenTable("words");
  if (!words.ok()) words = cluster.value().CreateTable({.name = "words"});
  if (!words.ok()) return fail(words.status());

  std::map<steelyard::Key, std::string> of_key;  // Sorted, as a push must be.
  for (int i = 2; i < argc; ++i) of_key[std::hash<std::string>()(argv[i])] = argv[i];
  std::vector<steelyard::Key> keys;
  for (const auto& [key, word] : of_key) keys.push_back(key);
  const auto pushed = words.value().Push(keys, std::vector<float>(keys.size(), 1.0F)).get();
  if (!pushed.ok()) return fail(pushed);

  const auto counts = words.value().Pull(keys).get();
  if (!counts.ok()) return fail(counts.status());
  for (std::size_t i = 0; i < keys.size(); ++i)
    std::printf("%s %.0f\n", of_key[keys[i]].c_str(), counts.value()[i]);
}
