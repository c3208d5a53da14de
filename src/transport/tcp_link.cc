// TcpLink on Asio: one gathered write for all that is queued, many frames per read, large bodies straight into place.
#include "transport/tcp_link.h"

#include <fmt/format.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <asio/basic_stream_socket.hpp>
#include <asio/buffer.hpp>
#include <asio/error.hpp>
#include <asio/generic/stream_protocol.hpp>
#include <asio/io_context.hpp>
#include <asio/post.hpp>
#include <asio/steady_timer.hpp>
#include <bit>
#include <cstring>
#include <deque>
#include <optional>
#include <system_error>
#include <utility>
#include <vector>

#include "base/hash.h"

namespace steelyard::transport {
namespace {

constexpr std::size_t kReadBufferBytes = 64 << 10;
/// Small bodies are copied next to their headers: one long run is cheaper than many short pieces.
constexpr std::size_t kCopiedBodyBytesMax = 4096;
constexpr std::size_t kStagedBytesMax = 64 << 10;
/// One write carries at most this much, in at most this many pieces (Asio's limit per call).
constexpr std::size_t kWriteBytesMax = 4 << 20;
constexpr std::size_t kPiecesMax = 64;
/// How long Close() goes on sending to a peer, and waits for its end of the connection.
constexpr runtime::Duration kLinger = std::chrono::seconds(2);

/// A range of pieces as Asio wants its buffer sequences: cheap to copy.
template <typename Piece>
struct Pieces {
  const Piece* first;
  const Piece* last;
  const Piece* begin() const { return first; }
  const Piece* end() const { return last; }
};

struct QueuedFrame {
  std::array<std::byte, wire::kHeaderBytes> header;
  Buffer body;
  std::size_t size() const { return header.size() + body.size(); }
};

Status WithPeer(const Status& status, const std::string& peer) {
  return Status(status.code(), status.message(),
                status.where().empty() ? peer : peer + ": " + status.where());
}

}  // namespace

struct TcpLink::State : std::enable_shared_from_this<State> {
  using Socket =
      asio::basic_stream_socket<asio::generic::stream_protocol, asio::io_context::executor_type>;

  State(runtime::RealLoop& loop, TcpLinkOwner& of, LinkId link, Peer to)
      : context(loop.context()),
        socket(loop.context()),
        linger(loop.context()),
        owner(&of),
        id(link),
        peer(std::move(to.address)),
        queued_bytes_max(to.queued_bytes_max) {}

  // ---- Writing.

  void Send(wire::Frame frame) {
    if (owner == nullptr || write_error || (opened && !socket.is_open())) return;
    const std::size_t bytes = wire::kHeaderBytes + frame.body.size();
    if (queued_bytes + bytes > queued_bytes_max) {
      const Status why(
          StatusCode::kResourceExhausted,
          fmt::format("{} bytes wait for {}, which does not take them", queued_bytes, peer));
      Shut();
      return asio::post(context, [self = shared_from_this(), why] { self->Report(why); });
    }
    frame.header.body_bytes = static_cast<std::uint32_t>(frame.body.size());
    frame.header.body_crc = Crc32c(frame.body.bytes());
    queue.push_back({wire::EncodeHeader(frame.header), std::move(frame.body)});
    queued_bytes += bytes;
    if (!opened || writing || flush_posted) return;
    // Posted, so that all that this callback sends goes out together.
    flush_posted = true;
    asio::post(context, [self = shared_from_this()] {
      self->flush_posted = false;
      self->Write();
    });
  }

  /// Fill `pieces` with the front of the queue.
  Pieces<asio::const_buffer> Gather() {
    staged_bytes = 0;
    std::size_t count = 0, total = 0;
    bool joinable = false;  // The last piece ends where the staging buffer does.
    std::size_t skip = front_written;
    const auto stage = [&](std::span<const std::byte> bytes) {
      std::byte* to = staging->data() + staged_bytes;
      std::memcpy(to, bytes.data(), bytes.size());
      staged_bytes += bytes.size();
      if (joinable) {
        pieces[count - 1] = {pieces[count - 1].data(), pieces[count - 1].size() + bytes.size()};
      } else {
        pieces[count++] = {to, bytes.size()};
      }
      joinable = true;
    };
    for (const QueuedFrame& frame : queue) {
      // A frame takes up to two pieces, and staging room for its header and a small body.
      if (total >= kWriteBytesMax || count + 2 > kPiecesMax ||
          staged_bytes + wire::kHeaderBytes + kCopiedBodyBytesMax > kStagedBytesMax) {
        break;
      }
      const std::size_t header_skip = std::min(skip, frame.header.size());
      const std::span<const std::byte> head = std::span(frame.header).subspan(header_skip);
      const std::span<const std::byte> tail = frame.body.bytes().subspan(skip - header_skip);
      skip = 0;
      if (!head.empty()) stage(head);
      if (tail.size() > kCopiedBodyBytesMax) {
        pieces[count++] = {tail.data(), tail.size()};
        joinable = false;
      } else if (!tail.empty()) {
        stage(tail);
      }
      total += head.size() + tail.size();
    }
    return {pieces.data(), pieces.data() + count};
  }

  void Consume(std::size_t written) {
    queued_bytes -= written;
    front_written += written;
    while (!queue.empty() && front_written >= queue.front().size()) {
      front_written -= queue.front().size();
      queue.pop_front();
    }
  }

  void Write() {
    if (writing || !socket.is_open()) return;
    if (queue.empty()) return FinishIfClosing();
    writing = true;
    socket.async_write_some(
        Gather(), [self = shared_from_this()](const std::error_code& error, std::size_t written) {
          self->writing = false;
          if (!self->socket.is_open()) return;
          self->Consume(written);
          if (!error) return self->Write();
          // What the peer sent before it went can still be read, so the reader ends the link.
          self->write_error = error;
          self->DropQueue();
          self->FinishIfClosing();
        });
  }

  void DropQueue() {
    queue.clear();
    queued_bytes = front_written = 0;
  }

  // ---- Reading.

  /// Read into the body in progress, if any, and the buffer behind it.
  void Read() {
    std::size_t count = 0;
    if (body_in_progress) {
      const std::span<std::byte> rest = body.writable().subspan(body_filled);
      targets[count++] = {rest.data(), rest.size()};
    } else if (read_first > 0) {
      std::memmove(input->data(), input->data() + read_first, read_last - read_first);
      read_last -= read_first;
      read_first = 0;
    }
    targets[count++] = {input->data() + read_last, input->size() - read_last};
    socket.async_read_some(
        Pieces<asio::mutable_buffer>{targets.data(), targets.data() + count},
        [self = shared_from_this()](const std::error_code& error, std::size_t bytes) {
          self->OnRead(error, bytes);
        });
  }

  void OnRead(const std::error_code& error, std::size_t bytes) {
    if (!socket.is_open()) return;
    if (owner == nullptr) {  // Closing: the peer's bytes are for nobody.
      read_first = read_last = 0;
      body_in_progress = false;
      return error ? Shut() : Read();
    }
    if (error) return Fail(ReadFailure(error));
    if (body_in_progress) {
      const std::size_t taken = std::min(bytes, body.size() - body_filled);
      body_filled += taken;
      bytes -= taken;
    }
    read_last += bytes;
    if (!DeliverFrames()) return;
    Read();
  }

  /// Hand over every frame that is complete; false once the link has ended.
  bool DeliverFrames() {
    if (body_in_progress) {
      if (body_filled < body.size()) return true;
      body_in_progress = false;
      if (!Deliver(std::move(body))) return false;
    }
    while (read_last - read_first >= wire::kHeaderBytes) {
      const std::span<const std::byte> bytes(input->data() + read_first, read_last - read_first);
      Result<wire::FrameHeader> decoded = wire::DecodeHeader(bytes, body_bytes_max);
      if (!decoded.ok()) return Fail(WithPeer(decoded.status(), peer)), false;
      header = decoded.value();
      const std::span<const std::byte> rest = bytes.subspan(wire::kHeaderBytes);
      const std::size_t here = std::min<std::size_t>(rest.size(), header.body_bytes);
      body = Buffer::Allocate(header.body_bytes);
      if (here > 0) std::memcpy(body.writable().data(), rest.data(), here);
      read_first += wire::kHeaderBytes + here;
      if (here < header.body_bytes) {
        body_in_progress = true;
        body_filled = here;
        read_first = read_last = 0;
        return true;
      }
      if (!Deliver(std::move(body))) return false;
    }
    return CheckStart();
  }

  /// Refuse what is no frame before a whole header's worth of it has come: a browser sends less and waits.
  bool CheckStart() {
    std::uint32_t start = 0;
    if (read_last - read_first < sizeof start) return true;
    std::memcpy(&start, input->data() + read_first, sizeof start);
    static_assert(std::endian::native == std::endian::little);
    if (start == wire::kMagic) return true;
    Fail(Status(StatusCode::kCorruption,
                "the bytes that arrived are not a frame's; is it another kind of program?", peer));
    return false;
  }

  bool Deliver(Buffer complete) {
    const Status checked = wire::CheckBody(header, complete.bytes());
    if (!checked.ok()) return Fail(WithPeer(checked, peer)), false;
    owner->OnLinkFrame(id, {header, std::move(complete)});
    if (!socket.is_open()) return false;
    if (owner != nullptr) return true;
    // The callback has closed this link: what follows is discarded by the reader.
    read_first = read_last = 0;
    Read();
    return false;
  }

  Status ReadFailure(const std::error_code& error) const {
    const std::error_code& cause = write_error ? write_error : error;
    if (cause == asio::error::timed_out) {
      return Status(StatusCode::kUnavailable, peer + " did not acknowledge data in time");
    }
    if (cause == asio::error::connection_reset || cause == asio::error::broken_pipe) {
      return Status(StatusCode::kUnavailable, peer + " reset the connection");
    }
    if (cause != asio::error::eof) {
      return Status(StatusCode::kUnavailable,
                    fmt::format("the connection to {} failed: {}", peer, cause.message()));
    }
    std::string message = peer + " closed the connection";
    if (body_in_progress) {
      message += fmt::format(" in the middle of a frame: {} of {} body bytes had arrived",
                             body_filled, body.size());
    } else if (read_last > read_first) {
      message += fmt::format(" in the middle of a frame: {} of {} header bytes had arrived",
                             read_last - read_first, wire::kHeaderBytes);
    }
    return Status(StatusCode::kUnavailable, std::move(message));
  }

  // ---- The end.

  /// Close the socket: nothing else happens on this link.
  void Shut() {
    std::error_code ignored;
    (void)socket.close(ignored);
    linger.cancel();
    DropQueue();
  }

  void Report(const Status& why) {
    if (TcpLinkOwner* told = std::exchange(owner, nullptr)) told->OnLinkFailed(id, why);
  }

  void Fail(const Status& why) {
    Shut();
    Report(why);
  }

  void Close() {
    if (std::exchange(owner, nullptr) == nullptr || !socket.is_open()) return;
    linger.expires_after(kLinger);
    linger.async_wait([self = shared_from_this()](const std::error_code& error) {
      if (!error) self->Shut();
    });
    if (!writing) Write();
  }

  /// Once all is written, say so to the peer; the reader ends when it does the same.
  void FinishIfClosing() {
    if (owner != nullptr || !socket.is_open()) return;
    if (write_error) return Shut();
    std::error_code ignored;
    (void)socket.shutdown(Socket::shutdown_send, ignored);
  }

  void Abort() {
    owner = nullptr;
    if (socket.is_open() && !writing && !write_error) {
      std::error_code error;
      (void)socket.non_blocking(true, error);
      while (!error && !queue.empty()) Consume(socket.write_some(Gather(), error));
    }
    Shut();
  }

  asio::io_context& context;
  Socket socket;
  asio::steady_timer linger;
  TcpLinkOwner* owner;  // nullptr: it wants to hear no more.
  const LinkId id;
  const std::string peer;
  const std::size_t queued_bytes_max;
  bool opened = false;

  std::deque<QueuedFrame> queue;
  std::size_t queued_bytes = 0;
  std::size_t front_written = 0;  // Bytes of the first frame that are out.
  bool writing = false;
  bool flush_posted = false;
  std::error_code write_error;
  std::array<asio::const_buffer, kPiecesMax> pieces;
  std::unique_ptr<std::array<std::byte, kStagedBytesMax>> staging;
  std::size_t staged_bytes = 0;

  std::size_t body_bytes_max = wire::kFrameBytesMaxBeforeHello;
  std::array<asio::mutable_buffer, 2> targets;
  std::unique_ptr<std::array<std::byte, kReadBufferBytes>> input;
  std::size_t read_first = 0, read_last = 0;  // The bytes of `input` that are not yet parsed.
  wire::FrameHeader header;                   // Of the frame in progress.
  Buffer body;
  bool body_in_progress = false;
  std::size_t body_filled = 0;
};

TcpLink::TcpLink(runtime::RealLoop& loop, TcpLinkOwner& owner, LinkId id, Peer peer)
    : state_(std::make_shared<State>(loop, owner, id, std::move(peer))) {}

TcpLink::~TcpLink() {
  try {
    if (state_->owner != nullptr) state_->Abort();
  } catch (const std::system_error&) {
    // Asio declares cancelling a timer to throw; a timer of this system has nothing to fail.
  }
}

void TcpLink::Open(int fd) {
  State& state = *state_;
  sockaddr_storage local{};
  socklen_t size = sizeof local;
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&local), &size);
  // The default constructors leave the bytes as they are: both are overwritten before they are read.
  state.staging.reset(new std::array<std::byte, kStagedBytesMax>);
  state.input.reset(new std::array<std::byte, kReadBufferBytes>);
  state.socket.assign(asio::generic::stream_protocol(local.ss_family, 0), fd);
  state.opened = true;
  state.Write();
  state.Read();
}

bool TcpLink::is_open() const {
  return state_->opened;
}
void TcpLink::Send(wire::Frame frame) {
  state_->Send(std::move(frame));
}
std::size_t TcpLink::queued_bytes() const {
  return state_->queued_bytes;
}
void TcpLink::SetFrameBytesMax(std::size_t bytes) {
  state_->body_bytes_max = bytes;
}
const std::string& TcpLink::peer() const {
  return state_->peer;
}
void TcpLink::Close() {
  state_->Close();
}
void TcpLink::Abort() {
  state_->Abort();
}

}  // namespace steelyard::transport
