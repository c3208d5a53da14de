// Goal: bytes that are no frames close their link by name and nothing else; addresses and ports are refused in words.
// Method: raw sockets against a listening node, beside a well-behaved client.
#include "transport/tcp_transport.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/hash.h"
#include "transport/tcp_address.h"

namespace steelyard::transport {
namespace {

using namespace std::chrono_literals;

wire::Frame MakeFrame(std::size_t size, std::uint64_t request_id = 1) {
  wire::Frame frame;
  frame.header.type = wire::MessageType::kPush;
  frame.header.request_id = request_id;
  frame.body = Buffer::Allocate(size);
  std::ranges::fill(frame.body.writable(), std::byte{7});
  return frame;
}

/// The bytes of a correct frame.
std::string BytesOf(const wire::Frame& frame) {
  wire::FrameHeader header = frame.header;
  header.body_bytes = static_cast<std::uint32_t>(frame.body.size());
  header.body_crc = Crc32c(frame.body.bytes());
  const auto bytes = wire::EncodeHeader(header);
  std::string text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  text.append(reinterpret_cast<const char*>(frame.body.bytes().data()), frame.body.size());
  return text;
}

/// Echoes frames; the loop stops when a test's condition holds.
class Recorder final : public Node {
 public:
  explicit Recorder(runtime::RealLoop& loop) : loop_(loop) {}

  void OnStart(Transport& transport) override {
    Changed();
    if (on_start) on_start(transport);
  }
  void OnOpen(Transport& transport, LinkId link, bool, const std::string& peer) override {
    transport.SetFrameBytesMax(link, frame_bytes_max);
    open.insert(link);
    last_peer = peers_[link] = peer;
    Changed();
  }
  void OnFrame(Transport& transport, LinkId link, wire::Frame frame) override {
    if (echo) transport.Send(link, frame);
    frames.push_back(std::move(frame));
    frame_peer = peers_[link];
    Changed();
  }
  void OnClose(Transport&, LinkId link, const Status& why) override {
    open.erase(link);
    closed.push_back(why);
    closed_link = link;
    Changed();
  }
  void OnWake(Transport&) override {}

  bool echo = false;
  std::size_t frame_bytes_max = wire::kFrameBytesMaxBeforeHello;
  std::function<void(Transport&)> on_start;
  std::function<bool()> until;
  std::set<LinkId> open;
  std::string last_peer;
  std::string frame_peer;  ///< Who sent the last frame.
  std::vector<wire::Frame> frames;
  std::vector<Status> closed;
  LinkId closed_link = 0;

 private:
  void Changed() {
    if (until && until()) loop_.Stop();
  }
  runtime::RealLoop& loop_;
  std::map<LinkId, std::string> peers_;
};

constexpr std::size_t kTestQueueMax = 8 << 20;

class TcpTransportTest : public testing::Test {
 protected:
  void SetUp() override {
    server_.echo = true;
    server_transport_.emplace(loop_, server_,
                              TcpOptions{.links_max = 5, .queued_bytes_max = kTestQueueMax});
    address_ = server_transport_->Listen("127.0.0.1:0").value();
    server_transport_->Start();
    client_transport_.emplace(loop_, client_);
    client_.on_start = [this](Transport& t) { client_link_ = t.Connect(address_); };
    client_transport_->Start();
    ASSERT_TRUE(RunUntil([this] { return client_.open.size() == 1 && server_.open.size() == 1; }));
  }

  void TearDown() override {
    for (const int fd : raw_) ::close(fd);
  }

  /// Run the loop until `holds`; false after 20 s.
  bool RunUntil(std::function<bool()> holds) {
    if (holds()) return true;
    runtime::RealAlarm limit(loop_, [&] { loop_.Stop(); });
    limit.RingAt(loop_.now() + 20s);
    server_.until = client_.until = holds;
    loop_.Run();
    server_.until = client_.until = nullptr;
    return holds();
  }

  /// Connect a plain socket to the server.
  int RawConnect() {
    const Result<TcpAddress> parsed = ParseTcpAddress(address_);
    const SocketAddress to = NumericAddresses(parsed.value())[0];
    const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
    EXPECT_EQ(::connect(fd, reinterpret_cast<const sockaddr*>(&to.storage), to.size), 0);
    raw_.push_back(fd);
    return fd;
  }

  static void RawSend(int fd, const std::string& bytes) {
    ASSERT_EQ(::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(bytes.size()));
  }

  /// Send bytes on a link of their own and return how the server saw it end.
  Status EndAfter(const std::string& bytes, bool close_after = false) {
    const std::size_t before = server_.closed.size();
    const int fd = RawConnect();
    RawSend(fd, bytes);
    if (close_after) ::shutdown(fd, SHUT_WR);
    EXPECT_TRUE(RunUntil([&] { return server_.closed.size() > before; }));
    if (server_.closed.size() == before) return {};
    char byte = 0;
    while (::recv(fd, &byte, 1, 0) > 0) {
      // An echo of what was right. Ends because the server closed its end.
    }
    ExpectOtherLinksWork();
    return server_.closed.back();
  }

  void ExpectOtherLinksWork() {
    const std::size_t before = client_.frames.size();
    loop_.Post([this] { client_transport_->Send(client_link_, MakeFrame(1000)); });
    EXPECT_TRUE(RunUntil([&] { return client_.frames.size() > before; }));
    EXPECT_TRUE(client_.closed.empty());
  }

  runtime::RealLoop loop_;
  Recorder server_{loop_}, client_{loop_};
  std::optional<TcpTransport> server_transport_, client_transport_;
  std::string address_;
  LinkId client_link_ = 0;
  std::vector<int> raw_;
};

TEST_F(TcpTransportTest, GarbageClosesItsLinkAsCorruption) {
  const Status why =
      EndAfter("GET / HTTP/1.1\r\nHost: localhost:4070\r\nUser-Agent: a browser\r\n\r\n");
  EXPECT_EQ(why.code(), StatusCode::kCorruption);
  EXPECT_TRUE(why.where().starts_with("127.0.0.1:")) << why.ToString();
}

TEST_F(TcpTransportTest, EveryFlippedByteOfAFrameIsFound) {
  const std::string good = BytesOf(MakeFrame(20));
  for (std::size_t at = 0; at < good.size(); ++at) {
    std::string bad = good;
    bad[at] = static_cast<char>(bad[at] ^ 0x10);
    const Status why = EndAfter(bad);
    EXPECT_TRUE(why.code() == StatusCode::kCorruption || why.code() == StatusCode::kInvalidArgument)
        << "byte " << at << ": " << why.ToString();
    if (HasFailure()) return;  // Each further one would wait for its time limit.
  }
  // Nothing but the well-behaved client's frames came through.
  for (const wire::Frame& frame : server_.frames) EXPECT_EQ(frame.body.size(), 1000u);
}

TEST_F(TcpTransportTest, ACorruptLargeBodyIsFoundToo) {
  server_.frame_bytes_max = 1 << 20;  // Read in place, not through the buffer of small frames.
  std::string bytes = BytesOf(MakeFrame(300'000));
  bytes.back() = static_cast<char>(bytes.back() ^ 1);
  EXPECT_EQ(EndAfter(bytes).code(), StatusCode::kCorruption);
}

TEST_F(TcpTransportTest, ATruncatedHeaderOrBodyIsTold) {
  const std::string good = BytesOf(MakeFrame(100));
  const Status header = EndAfter(good.substr(0, 17), true);
  EXPECT_EQ(header.code(), StatusCode::kUnavailable);
  EXPECT_NE(header.message().find("in the middle of a frame: 17 of 64 header bytes had arrived"),
            std::string::npos)
      << header.ToString();
  const Status body = EndAfter(good + good.substr(0, 64 + 30), true);
  EXPECT_NE(body.message().find("in the middle of a frame: 30 of 100 body bytes had arrived"),
            std::string::npos)
      << body.ToString();
  const Status clean = EndAfter(good, true);
  EXPECT_TRUE(clean.message().ends_with(" closed the connection")) << clean.ToString();
}

TEST_F(TcpTransportTest, AnOversizedFrameIsRefusedBeforeItsBodyArrives) {
  wire::FrameHeader header;
  header.body_bytes = 3'000'000'000u;
  const auto bytes = wire::EncodeHeader(header);
  const Status why =
      EndAfter(std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
  EXPECT_EQ(why.code(), StatusCode::kInvalidArgument);
  EXPECT_NE(why.message().find("3000000000"), std::string::npos) << why.ToString();
}

TEST_F(TcpTransportTest, FramesThatTrickleInByteByByteAreWhole) {
  const int fd = RawConnect();
  const std::string bytes =
      BytesOf(MakeFrame(5, 1)) + BytesOf(MakeFrame(0, 2)) + BytesOf(MakeFrame(9, 3));
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    RawSend(fd, bytes.substr(i, 1));
    loop_.Post([this] { loop_.Stop(); });
    loop_.Run();
  }
  ASSERT_TRUE(RunUntil([&] { return server_.frames.size() == 3; }));
  EXPECT_EQ(server_.frames[0].body.size(), 5u);
  EXPECT_EQ(server_.frames[1].header.request_id, 2u);
  EXPECT_EQ(server_.frames[2].body.size(), 9u);
}

TEST_F(TcpTransportTest, LinksOverTheLimitAreClosedAtOnce) {
  // One of five is the client's.
  std::vector<int> fds;
  for (int i = 0; i < 6; ++i) fds.push_back(RawConnect());
  ASSERT_TRUE(RunUntil([&] { return server_.open.size() == 5; }));
  ExpectOtherLinksWork();
  char byte = 0;
  EXPECT_EQ(::recv(fds[4], &byte, 1, 0), 0);
  EXPECT_EQ(::recv(fds[5], &byte, 1, 0), 0);
  EXPECT_EQ(::recv(fds[0], &byte, 1, MSG_DONTWAIT), -1);
  // The server itself cannot connect either.
  loop_.Post([this] { server_transport_->Connect("127.0.0.1:1"); });
  ASSERT_TRUE(RunUntil([&] { return !server_.closed.empty(); }));
  EXPECT_EQ(server_.closed[0].code(), StatusCode::kResourceExhausted);
}

TEST_F(TcpTransportTest, APeerThatNeverReadsIsCutOffAtTheBound) {
  const int fd = RawConnect();
  ASSERT_TRUE(RunUntil([&] { return server_.open.size() == 2; }));
  const LinkId link = *server_.open.rbegin();
  const wire::Frame frame = MakeFrame(1 << 20);
  std::size_t most = 0;
  bool inline_close = false;
  loop_.Post([&] {
    for (int i = 0; i < 20; ++i) {
      server_transport_->Send(link, frame);
      most = std::max(most, server_transport_->queued_bytes(link));
    }
    inline_close = !server_.closed.empty();
  });
  ASSERT_TRUE(RunUntil([&] { return !server_.closed.empty(); }));
  EXPECT_FALSE(inline_close);
  EXPECT_EQ(server_.closed_link, link);
  EXPECT_EQ(server_.closed[0].code(), StatusCode::kResourceExhausted);
  EXPECT_GT(most, kTestQueueMax / 2);
  EXPECT_LE(most, kTestQueueMax);
  ExpectOtherLinksWork();
  ::close(fd);
  raw_.clear();
}

TEST_F(TcpTransportTest, APortInUseIsRefusedWithItsAddressAndAdvice) {
  Recorder other(loop_);
  TcpTransport second(loop_, other);
  const Result<std::string> refused = second.Listen(address_);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.status().code(), StatusCode::kUnavailable);
  EXPECT_TRUE(
      refused.status().message().starts_with("cannot listen at " + address_ + ": it is in use; "))
      << refused.status().ToString();
  // A second port of the same node is fine.
  EXPECT_TRUE(second.Listen("127.0.0.1:0").ok());
}

TEST_F(TcpTransportTest, APortIsFreeAgainAsSoonAsItsOwnerIsGone) {
  ExpectOtherLinksWork();
  server_transport_.reset();  // Its connections go through TIME_WAIT.
  Recorder other(loop_);
  TcpTransport second(loop_, other);
  EXPECT_EQ(second.Listen(address_).value(), address_);
}

TEST_F(TcpTransportTest, NamesAreLookedUp) {
  Recorder node(loop_);
  TcpTransport transport(loop_, node);
  const std::string port = address_.substr(address_.rfind(':'));
  node.on_start = [&](Transport& t) { t.Connect("localhost" + port); };
  transport.Start();
  ASSERT_TRUE(RunUntil([&] { return server_.open.size() == 2; }));
  node.until = [&] { return !node.open.empty() || !node.closed.empty(); };
  if (!node.until()) loop_.Run();
  EXPECT_EQ(node.last_peer, "localhost" + port);
}

TEST_F(TcpTransportTest, WhatCannotBeAnAddressFailsLater) {
  bool inline_close = true;
  loop_.Post([&] {
    client_transport_->Connect("nonsense");
    inline_close = !client_.closed.empty();
  });
  ASSERT_TRUE(RunUntil([&] { return !client_.closed.empty(); }));
  EXPECT_FALSE(inline_close);
  EXPECT_EQ(client_.closed[0].code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(
      client_.closed[0].message(),
      "\"nonsense\" is no address: the port is missing; write HOST:PORT, e.g. 127.0.0.1:4070");
}

TEST_F(TcpTransportTest, AConnectingLinkMayBeClosed) {
  loop_.Post([&] {
    client_transport_->Close(client_transport_->Connect(address_));
    client_transport_->Close(client_transport_->Connect("127.0.0.1:1"));
    client_transport_->Close(client_transport_->Connect("no-such-host.invalid:1"));
  });
  ExpectOtherLinksWork();
  EXPECT_EQ(client_.open.size(), 1u);
}

TEST(TcpTransport, TakesIpv6AndUnixAddresses) {
  runtime::RealLoop loop;
  Recorder node(loop);
  TcpTransport transport(loop, node);
  const Result<std::string> v6 = transport.Listen("[::1]:0");
  // A machine may have no IPv6.
  EXPECT_TRUE(!v6.ok() || v6.value().starts_with("[::1]:")) << v6.value();
  const std::string path = testing::TempDir() + "steelyard_" + std::to_string(::getpid());
  {
    TcpTransport first(loop, node);
    EXPECT_EQ(first.Listen("unix:" + path).value(), "unix:" + path);
    EXPECT_EQ(transport.Listen("unix:" + path).status().code(), StatusCode::kUnavailable);
  }
  EXPECT_NE(::access(path.c_str(), F_OK), 0) << "the path is removed";
  // What a killed process leaves behind does not stop its successor.
  const SocketAddress local = NumericAddresses({.path = path})[0];
  const int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
  ASSERT_EQ(::bind(fd, reinterpret_cast<const sockaddr*>(&local.storage), local.size), 0);
  ::close(fd);
  EXPECT_TRUE(transport.Listen("unix:" + path).ok());
}

TEST(TcpTransport, TakesUnixNamesThatAreNoFiles) {
  runtime::RealLoop loop;
  Recorder node(loop);
  TcpTransport transport(loop, node);
  const std::string chosen = "unix:@steelyard_" + std::to_string(::getpid());
  {
    TcpTransport first(loop, node);
    EXPECT_EQ(first.Listen(chosen).value(), chosen);
    EXPECT_EQ(transport.Listen(chosen).status().code(), StatusCode::kUnavailable);
  }
  EXPECT_TRUE(transport.Listen(chosen).ok()) << "the name goes with its owner";
  const std::string one = transport.Listen("unix:@").value(),
                    two = transport.Listen("unix:@").value();
  EXPECT_TRUE(one.starts_with("unix:@") && one.size() > 6) << one;
  EXPECT_NE(one, two);
}

/// Sends a frame from one node to another at HOST:PORT. @return the address that it came from.
std::string PeerSeen(bool listener_has_name, bool connector_tries_name,
                     uid_t listen_as = ::geteuid()) {
  runtime::RealLoop loop;
  Recorder server(loop), client(loop);
  TcpTransport listening(loop, server, {.same_host_names = listener_has_name});
  TcpTransport connecting(loop, client, {.same_host_names = connector_tries_name});
  const uid_t self = ::geteuid();
  EXPECT_EQ(::seteuid(listen_as), 0);
  const std::string address = listening.Listen("127.0.0.1:0").value();
  EXPECT_EQ(::seteuid(self), 0);
  EXPECT_TRUE(address.starts_with("127.0.0.1:")) << address;
  client.on_start = [&](Transport& t) { t.Send(t.Connect(address), MakeFrame(1)); };
  server.until = [&] { return server.frames.size() == 1; };
  listening.Start();
  connecting.Start();
  loop.Run();
  return server.frame_peer;
}

TEST(TcpTransport, ProcessesOfOneHostMeetAtAName) {
  EXPECT_EQ(PeerSeen(true, true), "unix:(peer)");
  EXPECT_TRUE(PeerSeen(true, false).starts_with("127.0.0.1:")) << "TCP works, too";
  EXPECT_TRUE(PeerSeen(false, true).starts_with("127.0.0.1:")) << "there is no name";
}

TEST(TcpTransport, ANameOfAnotherUserIsNotBelieved) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can listen as another user";
  constexpr uid_t kOther = 65533;
  EXPECT_TRUE(PeerSeen(true, true, kOther).starts_with("127.0.0.1:"));
}

TEST(TcpTransport, ANameThatIsTakenIsDoneWithout) {
  runtime::RealLoop loop;
  Recorder node(loop);
  TcpTransport taker(loop, node), transport(loop, node, {.same_host_names = true});
  std::string address;
  {
    TcpTransport probe(loop, node);
    address = probe.Listen("127.0.0.1:0").value();
  }
  ASSERT_TRUE(taker.Listen("unix:@steelyard-" + address).ok());
  EXPECT_EQ(transport.Listen(address).value(), address);
}

TEST(TcpAddress, AnAddressOfAllInterfacesHasNoNameOnItsHost) {
  const auto name_of = [](const std::string& text) -> std::string {
    const auto name = SameHostName(NumericAddresses(ParseTcpAddress(text).value())[0]);
    return name ? FormatSocketAddress(*name) : "";
  };
  EXPECT_EQ(name_of("127.0.0.1:4070"), "unix:@steelyard-127.0.0.1:4070");
  EXPECT_EQ(name_of("[::1]:4070"), "unix:@steelyard-[::1]:4070");
  for (const char* none : {"0.0.0.0:4070", "[::]:4070", "unix:@x"}) EXPECT_EQ(name_of(none), "");
}

/// Connect to `address` as `user` (root only), and be `after` from then on.
int ConnectAs(uid_t user, const std::string& address, uid_t after) {
  const SocketAddress to = NumericAddresses(ParseTcpAddress(address).value())[0];
  const int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
  EXPECT_EQ(::seteuid(0) | ::seteuid(user), 0);
  EXPECT_EQ(::connect(fd, reinterpret_cast<const sockaddr*>(&to.storage), to.size), 0);
  EXPECT_EQ(::seteuid(0) | ::seteuid(after), 0);
  return fd;
}

TEST(TcpTransport, AUnixNameIsForItsUserAndRoot) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can connect as another user";
  constexpr uid_t kOwner = 65534, kOther = 65533;
  runtime::RealLoop loop;
  Recorder node(loop);
  TcpTransport transport(loop, node);
  const std::string address = transport.Listen("unix:@").value();
  transport.Start();
  const int others = ConnectAs(kOther, address, kOwner);
  const int own = ConnectAs(kOwner, address, kOwner);
  const int roots = ConnectAs(0, address, kOwner);
  node.until = [&] { return node.open.size() == 2; };
  loop.Run();  // Connections are accepted in the order in which they were made.
  EXPECT_EQ(::seteuid(0), 0);
  char byte = 0;
  EXPECT_EQ(::recv(others, &byte, 1, MSG_DONTWAIT), 0) << "closed";
  EXPECT_EQ(::recv(own, &byte, 1, MSG_DONTWAIT), -1) << "open";
  EXPECT_EQ(::recv(roots, &byte, 1, MSG_DONTWAIT), -1) << "open";
  for (const int fd : {others, own, roots}) ::close(fd);
}

TEST(TcpAddress, ParsesWhatItFormats) {
  for (const std::string text :
       {"127.0.0.1:4070", "[::1]:0", "0.0.0.0:65535", "unix:/tmp/a b", "unix:@steelyard"}) {
    const auto addresses = NumericAddresses(ParseTcpAddress(text).value());
    ASSERT_EQ(addresses.size(), 1u) << text;
    EXPECT_EQ(FormatSocketAddress(addresses[0]), text);
  }
  const TcpAddress named = ParseTcpAddress("head.example:80").value();
  EXPECT_EQ(named.host, "head.example");
  EXPECT_EQ(named.port, 80);
  EXPECT_TRUE(NumericAddresses(named).empty());
}

TEST(TcpAddress, RefusesTheRestAndSaysWhy) {
  for (const std::string text :
       {"", "4070", ":4070", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1",
        "127.0.0.1:http", "127.0.0.1:80 ", "::1:4070", "[]:1", "unix:"}) {
    const Result<TcpAddress> parsed = ParseTcpAddress(text);
    ASSERT_FALSE(parsed.ok()) << text;
    EXPECT_EQ(parsed.status().code(), StatusCode::kInvalidArgument);
    EXPECT_NE(parsed.status().message().find("\"" + text + "\" is no address: "),
              std::string::npos);
  }
  EXPECT_FALSE(ParseTcpAddress("unix:/" + std::string(107, 'x')).ok());
  EXPECT_TRUE(ParseTcpAddress("unix:/" + std::string(106, 'x')).ok());
}

}  // namespace
}  // namespace steelyard::transport
