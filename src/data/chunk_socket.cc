// One SEQPACKET connection for each parser: a byte asks, a packet with a memory file answers.
#include "data/chunk_socket.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace steelyard::data {
namespace {

enum class Request : char { kHead = 'h', kNext = 'n' };
enum class Kind : std::uint8_t { kHead, kChunk, kEnd, kFailure };

/// What a packet begins with; a failure's message and place follow.
struct Header {
  Kind kind = Kind::kFailure;
  StatusCode code = StatusCode::kOk;
  std::uint16_t message_bytes = 0;
  std::uint16_t where_bytes = 0;
  std::uint64_t text_bytes = 0;  ///< In the memory file that comes along.
  std::uint64_t first_line = 0;
  std::uint64_t first_row = 0;
  std::uint64_t row_count = 0;
};

constexpr std::size_t kWordsMax = 16 << 10;
using Packet = std::array<char, sizeof(Header) + 2 * kWordsMax>;

std::string ErrnoText(int error) {
  return std::generic_category().message(error);
}

Status IoError(const char* what) {
  return Status(StatusCode::kIoError, fmt::format("{}: {}", what, ErrnoText(errno)));
}

/// Repeat a system call that a signal interrupted.
template <typename Call>
ssize_t Retried(Call call) {
  for (;;) {
    const ssize_t result = call();
    if (result >= 0 || errno != EINTR) return result;
  }
}

Result<OwnedFd> MemoryFileOf(std::string_view text) {
  OwnedFd file(::memfd_create("steelyard-rows", MFD_CLOEXEC));
  if (file.get() < 0) return IoError("no memory file can be made");
  for (std::size_t at = 0; at < text.size();) {
    const ssize_t written = Retried([&] {
      return ::pwrite(file.get(), text.data() + at, text.size() - at, static_cast<off_t>(at));
    });
    if (written <= 0) return IoError("a memory file cannot be written");
    at += static_cast<std::size_t>(written);
  }
  return file;
}

Result<std::string> TextOf(const OwnedFd& file, std::uint64_t bytes) {
  std::string text(bytes, '\0');
  for (std::size_t at = 0; at < text.size();) {
    const ssize_t got = Retried([&] {
      return ::pread(file.get(), text.data() + at, text.size() - at, static_cast<off_t>(at));
    });
    if (got < 0) return IoError("a memory file cannot be read");
    if (got == 0) return Status(StatusCode::kCorruption, "a chunk of rows is cut off");
    at += static_cast<std::size_t>(got);
  }
  return text;
}

/// Room for one descriptor beside a message.
union Control {
  cmsghdr header;
  char bytes[CMSG_SPACE(sizeof(int))];
};

msghdr MessageOf(iovec& data, Control& control) {
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = control.bytes;
  message.msg_controllen = sizeof(control.bytes);
  return message;
}

/// What goes back to a parser.
struct Answer {
  Header header;
  std::string words;  ///< Of a failure: message, then place.
  std::string_view text;
};

Answer FailureAnswer(const Status& status) {
  const std::string message = status.message().substr(0, kWordsMax);
  const std::string where = status.where().substr(0, kWordsMax);
  Answer answer;
  answer.header.code = status.code();
  answer.header.message_bytes = static_cast<std::uint16_t>(message.size());
  answer.header.where_bytes = static_cast<std::uint16_t>(where.size());
  answer.words = message + where;
  return answer;
}

/// False when the parser is gone.
bool Send(int socket, const Answer& answer) {
  OwnedFd file;
  if (!answer.text.empty()) {
    Result<OwnedFd> made = MemoryFileOf(answer.text);
    if (!made.ok()) return Send(socket, FailureAnswer(made.status()));
    file = std::move(made.value());
  }
  std::string packet(reinterpret_cast<const char*>(&answer.header), sizeof(Header));
  packet += answer.words;
  iovec data{packet.data(), packet.size()};
  Control control{};
  msghdr message = MessageOf(data, control);
  if (file.get() < 0) {
    message.msg_control = nullptr;
    message.msg_controllen = 0;
  } else {
    cmsghdr* const attached = CMSG_FIRSTHDR(&message);
    attached->cmsg_level = SOL_SOCKET;
    attached->cmsg_type = SCM_RIGHTS;
    attached->cmsg_len = CMSG_LEN(sizeof(int));
    const int fd = file.get();
    std::memcpy(CMSG_DATA(attached), &fd, sizeof(fd));
  }
  return Retried([&] { return ::sendmsg(socket, &message, MSG_NOSIGNAL); }) >= 0;
}

struct Received {
  Header header;
  std::string words;
  OwnedFd file;
};

Status Gone() {
  return Status(StatusCode::kUnavailable, "the process that reads the stream is gone");
}

Result<Received> Receive(int socket) {
  auto packet = std::make_unique<Packet>();
  iovec data{packet->data(), packet->size()};
  Control control{};
  msghdr message = MessageOf(data, control);
  const ssize_t got = Retried([&] { return ::recvmsg(socket, &message, MSG_CMSG_CLOEXEC); });
  if (got <= 0) return Gone();
  Received received;
  const cmsghdr* const attached = CMSG_FIRSTHDR(&message);
  if (attached != nullptr && attached->cmsg_type == SCM_RIGHTS) {
    int fd = -1;
    std::memcpy(&fd, CMSG_DATA(attached), sizeof(fd));
    received.file = OwnedFd(fd);
  }
  const auto bytes = static_cast<std::size_t>(got);
  if (bytes >= sizeof(Header)) std::memcpy(&received.header, packet->data(), sizeof(Header));
  const std::size_t words =
      std::size_t{received.header.message_bytes} + received.header.where_bytes;
  if (bytes != sizeof(Header) + words) {
    return Status(StatusCode::kCorruption, "the stream's reader sent an incomplete packet");
  }
  received.words.assign(packet->data() + sizeof(Header), words);
  return received;
}

Status FailureOf(const Received& received) {
  const std::size_t cut = received.header.message_bytes;
  return Status(received.header.code, received.words.substr(0, cut), received.words.substr(cut));
}

/// Answers requests out of one feed.
class Server {
 public:
  explicit Server(StreamFeed& feed) : feed_(feed) {}

  /// False when the parser is gone.
  bool OnRequest(int socket) {
    char request = 0;
    const ssize_t got = Retried([&] { return ::recv(socket, &request, 1, 0); });
    if (got <= 0) return false;
    if (request == static_cast<char>(Request::kHead)) return SendHead(socket);
    if (!last_) Advance();
    if (last_) return Send(socket, *last_);
    Answer answer;
    answer.header = {.kind = Kind::kChunk,
                     .text_bytes = chunk_.text.size(),
                     .first_line = chunk_.first_line,
                     .first_row = chunk_.first_row,
                     .row_count = chunk_.row_count};
    answer.text = chunk_.text;
    return Send(socket, answer);
  }

 private:
  bool SendHead(int socket) {
    const std::string text = feed_.name + '\0' + feed_.head;
    Answer answer;
    answer.header = {.kind = Kind::kHead, .text_bytes = text.size()};
    answer.text = text;
    return Send(socket, answer);
  }

  void Advance() {
    const Result<bool> more = feed_.chunks->Next(chunk_);
    if (!more.ok()) {
      last_ = FailureAnswer(more.status());
    } else if (!more.value()) {
      last_.emplace();
      last_->header = {.kind = Kind::kEnd, .first_row = chunk_.first_row};
    }
  }

  StreamFeed& feed_;
  RowChunk chunk_;
  std::optional<Answer> last_;  ///< The end or a failure: the answer from now on.
};

class ChunkClient final : public ChunkSource {
 public:
  explicit ChunkClient(OwnedFd socket) : socket_(std::move(socket)) {}

  Status Ask(Request request) {
    const char byte = static_cast<char>(request);
    const ssize_t sent = Retried([&] { return ::send(socket_.get(), &byte, 1, MSG_NOSIGNAL); });
    return sent == 1 ? Status() : Gone();
  }

  Result<StreamFeed> ReadHead() {
    SY_RETURN_IF_ERROR(Ask(Request::kHead));
    const Result<Received> head = Receive(socket_.get());
    if (!head.ok()) return head.status();
    if (head.value().header.kind == Kind::kFailure) return FailureOf(head.value());
    const Result<std::string> text = TextOf(head.value().file, head.value().header.text_bytes);
    if (!text.ok()) return text.status();
    const std::size_t cut = std::min(text.value().find('\0'), text.value().size() - 1);
    return StreamFeed{.name = text.value().substr(0, cut),
                      .head = text.value().substr(cut + 1),
                      .chunks = nullptr};
  }

  Result<bool> Next(RowChunk& chunk) override {
    const Result<Received> received = Receive(socket_.get());
    if (!received.ok()) return received.status();
    const Header& header = received.value().header;
    if (header.kind == Kind::kFailure) return FailureOf(received.value());
    chunk.first_line = header.first_line;
    chunk.first_row = header.first_row;
    chunk.row_count = header.row_count;
    if (header.kind == Kind::kEnd) return false;
    Result<std::string> text = TextOf(received.value().file, header.text_bytes);
    if (!text.ok()) return text.status();
    chunk.text = std::move(text.value());
    SY_RETURN_IF_ERROR(Ask(Request::kNext));
    return true;
  }

 private:
  OwnedFd socket_;
};

}  // namespace

OwnedFd& OwnedFd::operator=(OwnedFd&& other) noexcept {
  if (this != &other) {
    Reset();
    fd_ = std::exchange(other.fd_, -1);
  }
  return *this;
}

void OwnedFd::Reset() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

Result<ChunkSockets> MakeChunkSockets() {
  int ends[2] = {-1, -1};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) {
    return IoError("no connection to a worker can be made");
  }
  return ChunkSockets{.reader = OwnedFd(ends[0]), .parser = OwnedFd(ends[1])};
}

void ServeFeed(StreamFeed& feed, std::span<const OwnedFd> readers) {
  Server server(feed);
  std::vector<pollfd> open;
  for (const OwnedFd& reader : readers) {
    open.push_back({.fd = reader.get(), .events = POLLIN, .revents = 0});
  }
  while (!open.empty()) {
    if (::poll(open.data(), open.size(), -1) < 0 && errno != EINTR) return;
    std::erase_if(open,
                  [&](pollfd& each) { return each.revents != 0 && !server.OnRequest(each.fd); });
  }
}

Result<StreamFeed> ConnectFeed(OwnedFd parser) {
  auto client = std::make_unique<ChunkClient>(std::move(parser));
  Result<StreamFeed> feed = client->ReadHead();
  if (!feed.ok()) return feed;
  SY_RETURN_IF_ERROR(client->Ask(Request::kNext));
  feed.value().chunks = std::move(client);
  return feed;
}

}  // namespace steelyard::data
