// TcpLink: frames over one connected stream socket. Part of TcpTransport; not for other callers.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "runtime/real_loop.h"
#include "transport/transport.h"

namespace steelyard::transport {

/// Who is told what happens on links; always from the loop, never from within a call of TcpLink.
class TcpLinkOwner {
 public:
  virtual void OnLinkFrame(LinkId link, wire::Frame frame) = 0;
  /// The link failed; it calls no more.
  virtual void OnLinkFailed(LinkId link, const Status& why) = 0;

 protected:
  ~TcpLinkOwner() = default;
};

/// Reads frames and writes a queue of them.
///
/// Ownership: the socket. Borrows its owner until Close(), Abort() or OnLinkFailed().
/// Threads:   confined to the loop.
class TcpLink {
 public:
  /// Who is at the other end, and how much may wait for it.
  struct Peer {
    std::string address;
    std::size_t queued_bytes_max;
  };
  TcpLink(runtime::RealLoop& loop, TcpLinkOwner& owner, LinkId id, Peer peer);
  ~TcpLink();  // As Abort().
  TcpLink(const TcpLink&) = delete;
  TcpLink& operator=(const TcpLink&) = delete;

  /// Take a connected, non-inherited socket: send what is queued, and read. Once.
  void Open(int fd);
  bool is_open() const;

  /// Queue a frame; before Open() too.
  void Send(wire::Frame frame);
  std::size_t queued_bytes() const;
  void SetFrameBytesMax(std::size_t body_bytes_max);
  const std::string& peer() const;

  /// Call the owner no more; send what is queued, then close, in the background.
  void Close();
  /// Call the owner no more; close at once, giving the kernel what it takes of the queue.
  void Abort();

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace steelyard::transport
