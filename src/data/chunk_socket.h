// ChunkSocket: hands the chunks of a stream from the process that reads it to those that parse it.
#pragma once

#include <span>
#include <utility>

#include "data/dataset.h"
#include "steelyard/status.h"

namespace steelyard::data {

/// A file descriptor that closes itself.
class OwnedFd {
 public:
  explicit OwnedFd(int fd = -1) : fd_(fd) {}
  OwnedFd(OwnedFd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  OwnedFd& operator=(OwnedFd&& other) noexcept;
  ~OwnedFd() { Reset(); }
  int get() const { return fd_; }
  void Reset();

 private:
  int fd_;
};

/// Both ends of a connection between the process that reads a stream and one that parses it.
struct ChunkSockets {
  OwnedFd reader;  ///< For ServeFeed().
  OwnedFd parser;  ///< For ConnectFeed(), in another process as a rule.
};

/// Errors: kIoError.
Result<ChunkSockets> MakeChunkSockets();

/// Answer the requests that come through `readers`, one at a time, in the order in which they come, until all other
/// ends are closed or shut down. A parser has one request under way at most, so at most one chunk for each waits.
///
/// Text travels in memory files, which are handed over and never copied through the socket.
/// Threads: blocks, also while the stream says nothing; run it on a thread of its own.
void ServeFeed(StreamFeed& feed, std::span<const OwnedFd> readers);

/// The parsing end: the stream's head now, its chunks later, each asked for while the one before is parsed.
/// Errors: kUnavailable  the reading process is gone; also from the chunks.
Result<StreamFeed> ConnectFeed(OwnedFd parser);

}  // namespace steelyard::data
