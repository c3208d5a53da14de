// Goal: every Transport gives a Node the same world. Method: one set of tests over in-process, TCP and simulated nodes,
// on one loop and on a thread each.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "base/hash.h"
#include "transport/conformance_worlds.h"

namespace steelyard::transport {
namespace {

using namespace std::chrono_literals;

struct Kind {
  const char* name;
  bool thread_each;
  std::unique_ptr<World> (*make)();
};

class Conformance : public testing::TestWithParam<Kind> {
 protected:
  ~Conformance() override { world_.reset(); }  // Its threads call the probes.

  /// Start `server_` and `client_`, connect them, and wait until both ends are open.
  void Connect() {
    server_address_ = world_->Add(server_);
    world_->Add(client_);
    world_->Do(client_, [this](Transport& t) { client_link_ = t.Connect(server_address_); });
    ASSERT_TRUE(world_->Until([&] { return !client_.opened.empty() && !server_.opened.empty(); }));
    server_link_ = server_.opened[0].link;
  }

  Board& board() { return world_->board; }

  /// Wait until the node's loop has done all that was pending.
  void Pass(Probe& probe) {
    bool passed = false;
    world_->Do(probe, [&](Transport&) {
      const std::lock_guard lock(board().mutex);
      passed = true;
      board().changed.notify_all();
    });
    ASSERT_TRUE(world_->Until([&] { return passed; }));
  }

  std::unique_ptr<World> world_ = GetParam().make();
  Probe server_{world_->board}, client_{world_->board};
  std::string server_address_;
  LinkId client_link_ = 0, server_link_ = 0;
};

/// Bytes that differ by seed and place; in words, since sanitizers make every step dear.
Buffer Bytes(std::size_t size, std::uint64_t seed) {
  Buffer buffer = Buffer::Allocate(size);
  for (std::size_t at = 0; at < size; at += 8) {
    const std::uint64_t word = KeyOfId(seed + at);
    std::memcpy(buffer.writable().data() + at, &word, std::min<std::size_t>(8, size - at));
  }
  return buffer;
}

wire::Frame MakeFrame(std::uint64_t request_id, std::size_t size) {
  wire::Frame frame;
  frame.header.type = wire::MessageType::kPush;
  frame.header.flags = 5;
  frame.header.cluster_id = 77;
  frame.header.source = 3;
  frame.header.source_incarnation = 12345678901;
  frame.header.request_id = request_id;
  frame.body = Bytes(size, request_id);
  return frame;
}

void ExpectFrame(const wire::Frame& got, std::uint64_t request_id, std::size_t size) {
  const wire::Frame want = MakeFrame(request_id, size);
  EXPECT_EQ(got.header.type, want.header.type);
  EXPECT_EQ(got.header.flags, want.header.flags);
  EXPECT_EQ(got.header.cluster_id, want.header.cluster_id);
  EXPECT_EQ(got.header.source, want.header.source);
  EXPECT_EQ(got.header.source_incarnation, want.header.source_incarnation);
  ASSERT_EQ(got.header.request_id, request_id);
  EXPECT_EQ(got.header.body_bytes, size);
  ASSERT_EQ(got.body.size(), size);
  EXPECT_EQ(HashBytes(got.body.bytes()), HashBytes(want.body.bytes()));
}

TEST_P(Conformance, BothEndsOpenAndKnowWhoConnected) {
  Connect();
  EXPECT_EQ(server_.starts, 1);
  EXPECT_EQ(client_.starts, 1);
  EXPECT_TRUE(server_.opened[0].accepted);
  EXPECT_FALSE(server_.opened[0].peer.empty());
  EXPECT_FALSE(client_.opened[0].accepted);
  EXPECT_EQ(client_.opened[0].peer, server_address_);
  EXPECT_EQ(client_.opened[0].link, client_link_);
  EXPECT_NE(client_link_, 0u);
  EXPECT_NE(server_link_, 0u);
}

TEST_P(Conformance, EchoBringsBackHeaderAndBody) {
  server_.on_frame = [](Transport& t, LinkId link, const wire::Frame& frame) {
    t.Send(link, frame);
  };
  Connect();
  world_->Do(client_, [&](Transport& t) {
    t.Send(client_link_, MakeFrame(1, 100));
    t.Send(client_link_, MakeFrame(2, 0));
  });
  ASSERT_TRUE(world_->Until([&] { return client_.frames.size() == 2; }));
  ExpectFrame(client_.frames[0], 1, 100);
  ExpectFrame(client_.frames[1], 2, 0);
}

TEST_P(Conformance, ManyFramesOfAllSizesArriveInOrderBothWays) {
  Connect();
  constexpr std::uint64_t kFrames = 1500;
  const auto size = [](std::uint64_t i) -> std::size_t {
    return i % 97 == 0 ? 150'000 + i : i % 7 == 0 ? 3000 + i : i % 300;
  };
  for (Probe* probe : {&client_, &server_}) {
    const LinkId link = probe == &client_ ? client_link_ : server_link_;
    for (std::uint64_t from = 0; from < kFrames; from += 100) {
      world_->Do(*probe, [=](Transport& t) {
        for (std::uint64_t i = from; i < from + 100; ++i) t.Send(link, MakeFrame(i, size(i)));
      });
    }
  }
  ASSERT_TRUE(world_->Until(
      [&] { return client_.frames.size() == kFrames && server_.frames.size() == kFrames; }));
  for (std::uint64_t i = 0; i < kFrames; ++i) {
    ExpectFrame(client_.frames[i], i, size(i));
    ExpectFrame(server_.frames[i], i, size(i));
  }
  EXPECT_TRUE(client_.closed.empty());
}

TEST_P(Conformance, LargeBodiesArriveWhole) {
  Connect();
  const std::vector<std::size_t> sizes = {800'000, 65'536, 5u << 20, 1, 65'472, 800'001};
  world_->Do(client_, [this, sizes](Transport& t) {
    for (std::size_t i = 0; i < sizes.size(); ++i) t.Send(client_link_, MakeFrame(i, sizes[i]));
  });
  ASSERT_TRUE(world_->Until([&] { return server_.frames.size() == sizes.size(); }));
  for (std::size_t i = 0; i < sizes.size(); ++i) ExpectFrame(server_.frames[i], i, sizes[i]);
}

TEST_P(Conformance, TheQueueEmptiesAsThePeerTakesIt) {
  Connect();
  world_->Do(client_, [&](Transport& t) {
    EXPECT_EQ(t.queued_bytes(client_link_), 0u);
    t.Send(client_link_, MakeFrame(1, 3000));
    // Another thread may have taken it already.
    EXPECT_LE(t.queued_bytes(client_link_), 3064u);
    if (!GetParam().thread_each) {
      EXPECT_EQ(t.queued_bytes(client_link_), 3064u);
    }
    EXPECT_EQ(t.queued_bytes(client_link_ + 1000), 0u);
  });
  ASSERT_TRUE(world_->Until([&] { return !server_.frames.empty(); }));
  Pass(client_);
  std::size_t queued = 1;
  bool asked = false;
  world_->Do(client_, [&](Transport& t) {
    const std::lock_guard lock(board().mutex);
    queued = t.queued_bytes(client_link_);
    asked = true;
    board().changed.notify_all();
  });
  ASSERT_TRUE(world_->Until([&] { return asked; }));
  EXPECT_EQ(queued, 0u);
}

TEST_P(Conformance, FramesSentWhileConnectingWaitForIt) {
  server_address_ = world_->Add(server_);
  world_->Add(client_);
  world_->Do(client_, [this](Transport& t) {
    const LinkId link = t.Connect(server_address_);
    t.Send(link, MakeFrame(1, 10));
    t.Send(link, MakeFrame(2, 2000));
  });
  ASSERT_TRUE(world_->Until([&] { return server_.frames.size() == 2; }));
  ExpectFrame(server_.frames[0], 1, 10);
  ExpectFrame(server_.frames[1], 2, 2000);
}

TEST_P(Conformance, ABodyOverTheLimitClosesTheLinkByName) {
  server_.frame_bytes_max = wire::kFrameBytesMaxBeforeHello;
  Connect();
  world_->Do(client_, [&](Transport& t) {
    t.Send(client_link_, MakeFrame(1, wire::kFrameBytesMaxBeforeHello));
    t.Send(client_link_, MakeFrame(2, wire::kFrameBytesMaxBeforeHello + 1));
    t.Send(client_link_, MakeFrame(3, 1));
  });
  ASSERT_TRUE(world_->Until([&] { return !server_.closed.empty() && !client_.closed.empty(); }));
  EXPECT_EQ(server_.frames.size(), 1u);
  EXPECT_EQ(server_.closed[0].first, server_link_);
  EXPECT_EQ(server_.closed[0].second.code(), StatusCode::kInvalidArgument);
  EXPECT_NE(server_.closed[0].second.message().find("4097"), std::string::npos)
      << server_.closed[0].second.ToString();
  EXPECT_FALSE(server_.closed[0].second.where().empty());
  EXPECT_EQ(client_.closed[0].second.code(), StatusCode::kUnavailable);
}

TEST_P(Conformance, CloseDeliversWhatWasSentThenTellsThePeerOnly) {
  Connect();
  world_->Do(server_, [&](Transport& t) {
    for (std::uint64_t i = 0; i < 20; ++i) t.Send(server_link_, MakeFrame(i, 100'000));
    t.Close(server_link_);
    t.Send(server_link_, MakeFrame(99, 1));  // Swallowed.
    EXPECT_EQ(t.queued_bytes(server_link_), 0u);
    t.Close(server_link_);
    t.Close(123456);
  });
  ASSERT_TRUE(world_->Until([&] { return !client_.closed.empty(); }));
  EXPECT_EQ(client_.frames.size(), 20u);
  EXPECT_EQ(client_.closed[0].first, client_link_);
  EXPECT_EQ(client_.closed[0].second.code(), StatusCode::kUnavailable);
  EXPECT_EQ(client_.closed[0].second.ToString(), server_address_ + " closed the connection");
  EXPECT_TRUE(server_.closed.empty());
}

TEST_P(Conformance, NoFrameFollowsACloseFromWithinOnFrame) {
  server_.on_frame = [](Transport& t, LinkId link, const wire::Frame& frame) {
    if (frame.header.request_id == 2) t.Close(link);
  };
  Connect();
  world_->Do(client_, [&](Transport& t) {
    for (std::uint64_t i = 0; i < 10; ++i) t.Send(client_link_, MakeFrame(i, 50));
  });
  ASSERT_TRUE(world_->Until([&] { return !client_.closed.empty() && server_.frames.size() >= 3; }));
  Pass(server_);
  EXPECT_EQ(server_.frames.size(), 3u);
}

TEST_P(Conformance, AnEndedNodeClosesItsLinksAndRefusesNewOnes) {
  Connect();
  world_->Remove(server_);
  ASSERT_TRUE(world_->Until([&] { return client_.closed.size() == 1; }));
  EXPECT_EQ(client_.closed[0].second.code(), StatusCode::kUnavailable);
  EXPECT_NE(client_.closed[0].second.message().find(server_address_), std::string::npos);
  world_->Do(client_, [&](Transport& t) { t.Connect(server_address_); });
  ASSERT_TRUE(world_->Until([&] { return client_.closed.size() == 2; }));
  EXPECT_NE(client_.closed[1].first, client_link_);
  EXPECT_TRUE(server_.closed.empty());
}

TEST_P(Conformance, ARefusedConnectIsReportedLaterAndNamesTheAddress) {
  world_->Add(client_);
  const std::string address = world_->UnusedAddress();
  world_->Do(client_, [&](Transport& t) {
    const LinkId link = t.Connect(address);
    t.Send(link, MakeFrame(1, 10));
    const std::lock_guard lock(board().mutex);
    client_link_ = link;
    EXPECT_TRUE(client_.closed.empty());
  });
  ASSERT_TRUE(world_->Until([&] { return !client_.closed.empty(); }));
  EXPECT_EQ(client_.closed[0].first, client_link_);
  EXPECT_EQ(client_.closed[0].second.code(), StatusCode::kUnavailable);
  EXPECT_TRUE(
      client_.closed[0].second.message().starts_with("connection to " + address + " refused"))
      << client_.closed[0].second.ToString();
  EXPECT_TRUE(client_.opened.empty());
}

TEST_P(Conformance, LinksOfOneNodeAreIndependent) {
  Connect();
  world_->Do(client_, [this](Transport& t) { t.Connect(server_address_); });
  ASSERT_TRUE(
      world_->Until([&] { return client_.opened.size() == 2 && server_.opened.size() == 2; }));
  EXPECT_NE(client_.opened[0].link, client_.opened[1].link);
  world_->Do(client_, [this](Transport& t) {
    t.Close(client_link_);
    t.Send(client_.opened[1].link, MakeFrame(5, 10));
  });
  ASSERT_TRUE(world_->Until([&] { return !server_.closed.empty() && !server_.frames.empty(); }));
  EXPECT_EQ(server_.closed[0].first, server_.opened[0].link);
  ExpectFrame(server_.frames[0], 5, 10);
}

TEST_P(Conformance, TheEarliestAlarmRingsOnceAndNeverInline) {
  world_->Add(client_);
  runtime::Time due{};
  world_->Do(client_, [&](Transport& t) {
    due = t.now() + 10ms;
    t.WakeAt(t.now() + 1h);
    t.WakeAt(due);
    t.WakeAt(due + 5ms);
    EXPECT_TRUE(client_.wakes.empty());
  });
  ASSERT_TRUE(world_->Until([&] { return !client_.wakes.empty(); }));
  EXPECT_GE(client_.wakes[0], due);
  world_->Do(client_, [&](Transport& t) {
    t.WakeAt(t.now() - 1s);
    EXPECT_EQ(client_.wakes.size(), 1u);
  });
  ASSERT_TRUE(world_->Until([&] { return client_.wakes.size() == 2; }));
}

TEST_P(Conformance, RandomDiffersBetweenNodesAndCalls) {
  world_->Add(server_);
  world_->Add(client_);
  std::vector<std::uint64_t> drawn;
  for (Probe* probe : {&server_, &client_}) {
    world_->Do(*probe, [&](Transport& t) {
      const std::lock_guard lock(board().mutex);
      drawn.push_back(t.Random());
      drawn.push_back(t.Random());
      board().changed.notify_all();
    });
  }
  ASSERT_TRUE(world_->Until([&] { return drawn.size() == 4; }));
  for (std::size_t i = 0; i < 4; ++i) {
    for (std::size_t j = 0; j < i; ++j) EXPECT_NE(drawn[i], drawn[j]);
  }
}

template <typename Maker, bool thread_each>
std::unique_ptr<World> MakeReal() {
  return std::make_unique<RealWorld<Maker>>(thread_each);
}
std::unique_ptr<World> MakeSimulated() {
  return std::make_unique<SimulatedWorld>();
}

INSTANTIATE_TEST_SUITE_P(
    Transports, Conformance,
    testing::Values(Kind{"InprocOneLoop", false, &MakeReal<InprocMaker, false>},
                    Kind{"InprocThreads", true, &MakeReal<InprocMaker, true>},
                    Kind{"TcpOneLoop", false, &MakeReal<TcpMaker, false>},
                    Kind{"TcpThreads", true, &MakeReal<TcpMaker, true>},
                    Kind{"UnixThreads", true, &MakeReal<UnixMaker, true>},
                    Kind{"UnixNameThreads", true, &MakeReal<UnixNameMaker, true>},
                    Kind{"Simulated", false, &MakeSimulated}),
    [](const testing::TestParamInfo<Kind>& param) { return param.param.name; });

}  // namespace
}  // namespace steelyard::transport
