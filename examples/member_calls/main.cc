// Programs that answer functions, and one that calls them: member_calls HOST:PORT serve MEMBER, or
// member_calls HOST:PORT count WORD. Each member adds to the table `words` what it is asked to and says how often it was asked.
#include <steelyard/cluster.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>

namespace {

constexpr auto kGroup = steelyard::WorkerGroup::Numbered(1);

int Fail(const steelyard::Status& status) {
  return std::fprintf(stderr, "member_calls: %s\n", status.ToString().c_str()), 1;
}

int Serve(steelyard::Cluster& cluster, steelyard::Table& words, std::uint32_t member) {
  int calls = 0;  // Functions run one after another, on one thread.
  const steelyard::Status served = cluster.Serve(
      {kGroup, member}, {{"add", [&](const std::string& word) {
                            // Nobody waits for the push here: the call has finished when the push has.
                            (void)words.Push({std::hash<std::string>()(word)}, {1.0F});
                            return steelyard::Result<std::string>(std::to_string(++calls));
                          }}});
  if (!served.ok()) return Fail(served);
  std::printf("ready\n"), std::fflush(stdout);
  for (;;) std::this_thread::sleep_for(std::chrono::hours(1));
}

int Count(steelyard::Cluster& cluster, steelyard::Table& words, const std::string& word) {
  const auto answers = cluster.CallGroup(kGroup, "add", word).result.get();
  if (!answers.ok()) return Fail(answers.status());
  for (const steelyard::MemberAnswer& answer : answers.value()) {
    if (!answer.status.ok()) return Fail(answer.status);
    std::printf("member %u: %s\n", answer.member, answer.bytes.c_str());
  }
  const auto count = words.Pull({std::hash<std::string>()(word)}).get();
  if (!count.ok()) return Fail(count.status());
  return std::printf("%s %g\n", word.c_str(), static_cast<double>(count.value()[0])), 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) return std::fprintf(stderr, "usage: member_calls HOST:PORT serve|count WHAT\n"), 2;
  auto cluster = steelyard::Cluster::Connect(argv[1]);
  if (!cluster.ok()) return Fail(cluster.status());
  auto words = cluster.value().OpenTable("words");
  if (!words.ok()) return Fail(words.status());
  return std::string(argv[2]) == "serve"
             ? Serve(cluster.value(), words.value(), static_cast<std::uint32_t>(std::atoi(argv[3])))
             : Count(cluster.value(), words.value(), argv[3]);
}
