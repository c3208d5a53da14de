// One detached thread; shutting its sockets down ends it.
#include "stream_feeder.h"

#include <sys/socket.h>

#include <thread>
#include <utility>

namespace steelyard::cli {

StreamFeeder::StreamFeeder(data::StreamFeed feed) : shared_(std::make_shared<Shared>()) {
  shared_->feed = std::move(feed);
}

Result<data::OwnedFd> StreamFeeder::Connect() {
  Result<data::ChunkSockets> sockets = data::MakeChunkSockets();
  if (!sockets.ok()) return sockets.status();
  shared_->sockets.push_back(std::move(sockets.value().reader));
  return std::move(sockets.value().parser);
}

void StreamFeeder::Start() {
  std::thread([shared = shared_] { data::ServeFeed(shared->feed, shared->sockets); }).detach();
}

void StreamFeeder::Stop() {
  for (const data::OwnedFd& socket : shared_->sockets) ::shutdown(socket.get(), SHUT_RDWR);
}

}  // namespace steelyard::cli
