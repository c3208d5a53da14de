// Node and Transport: a state machine and the world as it sees it. TCP, in-process and simulated worlds implement this.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "runtime/time.h"
#include "steelyard/status.h"
#include "wire/frame.h"

namespace steelyard::transport {

/// One connection of one node; never reused by that node; 0 is none.
using LinkId = std::uint64_t;

/// A node holds no more links than this: further ones are closed at once (protocol.md, S6).
inline constexpr std::size_t kLinksMax = 1024;
/// A link whose peer lets more than this pile up is closed with kResourceExhausted: the peer does not read.
inline constexpr std::size_t kQueuedBytesMax = std::size_t{256} << 20;

/// What a node may do to the world.
///
/// Threads: confined to the node's loop; only call it from within a Node callback or a posted function.
class Transport {
 public:
  virtual ~Transport() = default;

  virtual runtime::Time now() const = 0;
  virtual std::uint64_t Random() = 0;

  /// Start connecting to `address` ("127.0.0.1:4070", "inproc:head"). OnOpen or OnClose follows, never inline.
  virtual LinkId Connect(const std::string& address) = 0;

  /// Queue a frame; frames of one link arrive in order or the link closes (the simulator may lose and reorder them).
  /// A closed or unknown link swallows the frame; one that is still connecting keeps it until it is open. Fills the
  /// header's body_bytes, and its checksums where bytes leave the process.
  virtual void Send(LinkId link, wire::Frame frame) = 0;

  /// Bytes queued on `link` that the peer's side has not taken yet.
  virtual std::size_t queued_bytes(LinkId link) const = 0;

  /// Raise or lower the largest body accepted from `link`; kFrameBytesMaxBeforeHello at first.
  virtual void SetFrameBytesMax(LinkId link, std::size_t body_bytes_max) = 0;

  /// Drop the link without a callback to this node; the peer gets the frames that were sent before, then OnClose.
  virtual void Close(LinkId link) = 0;

  /// Call Node::OnWake at `when` or soon after. A node has one alarm: an earlier time replaces a later one, and the
  /// alarm is gone once it rang.
  virtual void WakeAt(runtime::Time when) = 0;
};

/// A protocol state machine: no clock, socket, thread, file or randomness of its own.
///
/// Threads: all callbacks come from one loop, one at a time.
class Node {
 public:
  virtual ~Node() = default;
  /// Called once, before anything else.
  virtual void OnStart(Transport& transport) = 0;
  /// `link` is usable: a peer's connection was accepted, or our Connect() succeeded. `peer` is its address.
  virtual void OnOpen(Transport& transport, LinkId link, bool accepted,
                      const std::string& peer) = 0;
  virtual void OnFrame(Transport& transport, LinkId link, wire::Frame frame) = 0;
  /// `link` is gone: the peer closed it, it failed, sent garbage, or our Connect() was refused.
  virtual void OnClose(Transport& transport, LinkId link, const Status& why) = 0;
  virtual void OnWake(Transport& transport) = 0;
};

}  // namespace steelyard::transport
