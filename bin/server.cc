// steelyard server: a process that holds segments of a cluster's tables.
#include "server/server.h"

#include "command.h"
#include "daemon.h"
#include "function_library.h"
#include "table_memory.h"

namespace steelyard::cli {
namespace {

constexpr const char* kListenDefault = "127.0.0.1:0";

class ServerMember final : public Member {
 public:
  explicit ServerMember(server::Server::Options options) : server_(std::move(options)) {}
  transport::Node& node() override { return server_; }
  const Status& failure() const override { return server_.failure(); }
  const rpc::HeadLink& head() const override { return server_.head(); }

 private:
  server::Server server_;
};

Status Run(const Values& values) {
  const std::string listen = values.Get("listen", kListenDefault);
  SY_RETURN_IF_ERROR(CheckListen(values, listen));
  if (listen.starts_with("0.0.0.0:") || listen.starts_with("[::]:")) {
    return Status(StatusCode::kInvalidArgument,
                  "--listen " + listen +
                      " is no address that workers can connect to; give this machine's own");
  }
  const Result<ByteSize> memory_max = MemoryMaxOf(values);
  if (!memory_max.ok()) return memory_max.status();
  const auto functions = LoadFunctionLibraries(values.Get("updaters"));
  if (!functions.ok()) return functions.status();
  const Result<std::uint64_t> shards = ShardsOf(values);
  if (!shards.ok()) return shards.status();
  return RunMembers(values, {.name = "server", .listen = listen, .count = shards.value()},
                    [&](runtime::RealLoop&, transport::Transport& transport,
                        const std::string& address) -> std::unique_ptr<Member> {
                      return std::make_unique<ServerMember>(server::Server::Options{
                          .head_address = values.Get("head"),
                          .listen_address = address,
                          .incarnation = transport.Random(),
                          .description = ProcessDescription(),
                          .memory_bytes_max = TableMemoryOfEach(memory_max.value(), shards.value()),
                          .user = {.functions = functions.value(), .log = LogLine}});
                    });
}

}  // namespace

Command ServerCommand() {
  std::vector<Option> options = MemberOptions();
  for (Option& option : ListenOptions(kListenDefault)) options.push_back(std::move(option));
  options.push_back(ShardsOption());
  options.push_back(MemoryMaxOption(
      "memory that it may fill with rows; pushes of new keys beyond it are refused"));
  options.push_back(UpdatersOption());
  return {.name = "server",
          .summary = "Run a server: it holds a part of the tables of a cluster",
          .options = std::move(options),
          .examples = {"steelyard server --head 127.0.0.1:4070"},
          .notes =
              "With --shards, a --listen port is that of the first shard, and the others take "
              "those behind it.\n"
              "A machine that runs nothing else has room for a shard a processor.\n\n"
              "It waits for its head and says so. What it holds is lost with it, or with the head; "
              "then it\nstarts anew and waits for a head at the same address.",
          .run = Run};
}

}  // namespace steelyard::cli
