// Goal: the head knows who lives, blames nobody for its own stalls, and no table stays half made or half dropped.
// Method: membership and tables with the test as the clock and the nodes; frames decoded as members would.
#include <gtest/gtest.h>

#include <algorithm>

#include "coord/membership.h"
#include "coord/retirements.h"
#include "coord/tables.h"

namespace steelyard::coord {
namespace {

using namespace std::chrono_literals;
using runtime::Time;
using wire::MessageType;

wire::Hello Hello(wire::Role role, Incarnation incarnation, std::string address = {}) {
  return {.role = role,
          .incarnation = incarnation,
          .listen_address = std::move(address),
          .description = "pid " + std::to_string(incarnation)};
}

class MembershipTest : public ::testing::Test {
 protected:
  NodeId Join(transport::LinkId link, const wire::Hello& hello) {
    departed_.clear();
    const auto id = members_.Join(now_, link, hello, departed_);
    return id.ok() ? id.value() : 0;
  }
  /// Let time pass as the head does: it looks every heartbeat.
  std::vector<Departure> Pass(runtime::Duration time) {
    std::vector<Departure> all;
    for (const Time end = now_ + time; now_ < end;) {
      now_ += 50ms;
      std::ranges::move(members_.OnWake(now_), std::back_inserter(all));
    }
    return all;
  }

  Time now_ = 1000s;
  Membership members_{{}};
  std::vector<Departure> departed_;
};

TEST_F(MembershipTest, AProcessKeepsItsIdAndAnotherGetsAnother) {
  const NodeId first = Join(1, Hello(wire::Role::kWorker, 11));
  EXPECT_EQ(Join(2, Hello(wire::Role::kWorker, 12)), first + 1);
  members_.OnClose(now_, 1);
  EXPECT_EQ(members_.Live(wire::Role::kWorker).size(), 1u) << "no work for the disconnected";
  EXPECT_EQ(Join(3, Hello(wire::Role::kWorker, 11)), first);
  EXPECT_EQ(members_.FindByLink(3)->id, first);
  EXPECT_EQ(members_.FindByLink(1), nullptr);
  EXPECT_EQ(members_.FindByLink(0), nullptr);
  members_.OnClose(now_, 1);  // The old link's end, late.
  EXPECT_EQ(members_.FindByLink(3)->id, first);
}

TEST_F(MembershipTest, ARestartAtTheSameAddressEndsTheEarlierProcess) {
  const NodeId first = Join(1, Hello(wire::Role::kServer, 11, "s0"));
  const NodeId second = Join(2, Hello(wire::Role::kServer, 12, "s0"));
  EXPECT_NE(first, second);
  ASSERT_EQ(departed_.size(), 1u);
  EXPECT_EQ(departed_[0].member.id, first);
  EXPECT_EQ(departed_[0].why.code(), StatusCode::kUnavailable);
  EXPECT_EQ(departed_[0].why.where(), "server 1 (s0, pid 11)");
  EXPECT_EQ(Join(3, Hello(wire::Role::kServer, 11, "s0")), 0u) << "the dead do not come back";
}

TEST_F(MembershipTest, SilenceAndAbsenceEndAMember) {
  const NodeId silent = Join(1, Hello(wire::Role::kWorker, 11));
  const NodeId absent = Join(2, Hello(wire::Role::kWorker, 12));
  members_.OnClose(now_, 2);
  EXPECT_TRUE(Pass(400ms).empty());
  auto gone = Pass(50ms);
  ASSERT_EQ(gone.size(), 1u);
  EXPECT_EQ(gone[0].member.id, absent);
  EXPECT_TRUE(Pass(300ms).empty());
  gone = Pass(50ms);
  ASSERT_EQ(gone.size(), 1u);
  EXPECT_EQ(gone[0].member.id, silent);
  EXPECT_NE(gone[0].why.message().find("no heartbeat"), std::string::npos);
  EXPECT_EQ(Join(4, Hello(wire::Role::kWorker, 11)), 0u);
  EXPECT_EQ(members_.Find(silent), nullptr);
}

TEST_F(MembershipTest, HeartbeatsKeepAMember) {
  Join(1, Hello(wire::Role::kWorker, 11));
  for (int i = 0; i < 10; ++i) {
    EXPECT_TRUE(Pass(500ms).empty());
    members_.OnHeard(now_, 1);
  }
}

TEST_F(MembershipTest, AStallOfTheHeadIsNobodysSilence) {
  Join(1, Hello(wire::Role::kWorker, 11));
  EXPECT_TRUE(Pass(100ms).empty());
  now_ += 10s;
  EXPECT_TRUE(members_.OnWake(now_).empty());
  EXPECT_TRUE(Pass(500ms).empty());
  EXPECT_EQ(Pass(300ms).size(), 1u) << "silence after the stall counts";
}

TEST_F(MembershipTest, TheDeadAreRememberedButNotForEver) {
  constexpr Incarnation kFirst = 100;
  for (Incarnation i = kFirst; i <= kFirst + Membership::kDeadMax; ++i) {
    members_.Remove(Join(i, Hello(wire::Role::kClient, i)), Status(StatusCode::kUnavailable, "x"));
  }
  EXPECT_EQ(Join(1, Hello(wire::Role::kClient, kFirst + 1)), 0u);
  EXPECT_EQ(Join(1, Hello(wire::Role::kClient, kFirst + Membership::kDeadMax)), 0u);
  EXPECT_NE(Join(1, Hello(wire::Role::kClient, kFirst)), 0u) << "the oldest is forgotten";
}

// ---- Tables ----

constexpr NodeId kClient = 3;

class TablesTest : public ::testing::Test {
 protected:
  TablesTest() {
    std::vector<Departure> departed;
    for (const NodeId server : {1, 2}) {
      EXPECT_EQ(members_
                    .Join(now_, server,
                          Hello(wire::Role::kServer, Incarnation{10} + server,
                                "s" + std::to_string(server)),
                          departed)
                    .value(),
                server);
    }
    EXPECT_EQ(members_.Join(now_, kClient, Hello(wire::Role::kClient, 13), departed).value(),
              kClient);
  }

  wire::TableCreate CreateMessage(std::uint32_t servers_min = 2) const {
    return {.spec = {{.name = "weights", .updater = {}, .segment_count = 4}},
            .servers_min = servers_min};
  }
  void Create(std::uint64_t request_id = 1, std::uint32_t servers_min = 2) {
    tables_.Create(kClient, request_id, CreateMessage(servers_min), out_);
  }
  void Ready(NodeId server) { tables_.OnViewReady(now_, server, {.table = 1, .epoch = 1}, out_); }
  void CreateReady() {
    Create();
    Ready(1);
    Ready(2);
    out_.clear();
  }
  void Depart(NodeId node) {
    const auto gone = members_.Remove(
        node, Status(StatusCode::kUnavailable, "died", "node " + std::to_string(node)));
    tables_.OnDeparture(*gone, out_);
  }
  void Wake(runtime::Duration later) {
    now_ += later;
    tables_.OnWake(now_, out_);
  }
  std::vector<NodeId> TakeTo(MessageType type) {
    std::vector<NodeId> to;
    std::erase_if(out_, [&](const Outgoing& outgoing) {
      if (outgoing.frame.header.type != type) return false;
      to.push_back(outgoing.to);
      return true;
    });
    return to;
  }
  wire::Refused TakeRefused() {
    for (const Outgoing& outgoing : out_) {
      if (outgoing.frame.header.type != MessageType::kRefused) continue;
      EXPECT_EQ(outgoing.to, kClient);
      auto refused = wire::Decode<wire::Refused>(outgoing.frame.body.bytes()).value();
      out_.clear();
      return refused;
    }
    ADD_FAILURE() << "nothing was refused";
    return {};
  }

  Time now_ = 1000s;
  Membership members_{{}};
  Tables tables_{&members_};
  std::vector<Outgoing> out_;
};

TEST_F(TablesTest, ATableIsReadyOnceEveryServerHasIt) {
  Create();
  EXPECT_EQ(TakeTo(MessageType::kInstallView), (std::vector<NodeId>{1, 2}));
  EXPECT_EQ(tables_.ViewOf(1).status().code(), StatusCode::kUnavailable);
  Ready(1);
  Ready(1);
  EXPECT_TRUE(out_.empty());
  Wake(300ms);
  EXPECT_EQ(TakeTo(MessageType::kInstallView), std::vector<NodeId>{2})
      << "repeated to who lacks it";
  Ready(2);
  EXPECT_EQ(TakeTo(MessageType::kView), std::vector<NodeId>{kClient});
  const wire::View view = tables_.ViewOf(1).value();
  EXPECT_EQ(view.segments.size(), 4u);
  EXPECT_EQ(view.owners.size(), 2u);
  EXPECT_EQ(view.owners[1].incarnation, 12u);
  Create();
  EXPECT_EQ(TakeTo(MessageType::kView), std::vector<NodeId>{kClient}) << "asked again, told again";
  Wake(300ms);
  EXPECT_TRUE(out_.empty());
}

TEST_F(TablesTest, WaitsForServersAndUsesNoMoreThanItHasSegments) {
  Create(1, 3);
  EXPECT_TRUE(out_.empty());
  std::vector<Departure> departed;
  (void)members_.Join(now_, 4, Hello(wire::Role::kServer, 14, "s4"), departed);
  Wake(50ms);
  EXPECT_EQ(TakeTo(MessageType::kInstallView).size(), 3u);
  tables_.Create(kClient, 2,
                 {.spec = {{.name = "small", .updater = {}, .segment_count = 1}}, .servers_min = 1},
                 out_);
  EXPECT_EQ(TakeTo(MessageType::kInstallView).size(), 1u);
}

TEST_F(TablesTest, ANameIsTakenOnce) {
  CreateReady();
  Create(/*request_id=*/2);
  EXPECT_EQ(TakeRefused().code, StatusCode::kInvalidArgument);
  tables_.Get(kClient, 7, {.table = 0, .name = "weights"}, out_);
  EXPECT_EQ(TakeTo(MessageType::kView), std::vector<NodeId>{kClient});
  tables_.Get(kClient, 7, {.table = 0, .name = "nonesuch"}, out_);
  const wire::Refused refused = TakeRefused();
  EXPECT_EQ(refused.code, StatusCode::kNotFound);
  EXPECT_EQ(refused.message, "there is no table 'nonesuch'");
}

TEST_F(TablesTest, DroppingIsRepeatedUntilEveryServerHasAndFreesTheName) {
  CreateReady();
  tables_.Drop(kClient, 5, 1, out_);
  EXPECT_EQ(TakeTo(MessageType::kTableDropped), std::vector<NodeId>{kClient});
  EXPECT_EQ(TakeTo(MessageType::kTableDrop), (std::vector<NodeId>{1, 2}));
  tables_.OnDropped(1, {.table = 1});
  Wake(300ms);
  EXPECT_EQ(TakeTo(MessageType::kTableDrop), std::vector<NodeId>{2});
  Create(/*request_id=*/2);
  EXPECT_EQ(TakeTo(MessageType::kInstallView).size(), 2u);
  tables_.OnDropped(2, {.table = 1});
  EXPECT_EQ(tables_.ViewOf(1).status().code(), StatusCode::kNotFound);
  tables_.Drop(kClient, 5, 1, out_);
  EXPECT_EQ(TakeTo(MessageType::kTableDropped), std::vector<NodeId>{kClient}) << "gone already";
}

TEST_F(TablesTest, FreezingIsRepeatedUntilEveryServerHasAndEachAskerHears) {
  tables_.Freeze(kClient, 4, {.table = 1}, out_);
  EXPECT_EQ(TakeRefused().code, StatusCode::kNotFound);
  CreateReady();
  tables_.Freeze(kClient, 5, {.table = 1, .at_least = 2.0F}, out_);
  EXPECT_EQ(TakeTo(MessageType::kTableFreezable), (std::vector<NodeId>{1, 2}));
  tables_.Freeze(kClient, 6, {.table = 1, .at_least = 3.0F}, out_);
  EXPECT_TRUE(out_.empty()) << "asked already";
  tables_.OnFreezable(1, {.table = 1}, out_);
  tables_.OnFreezable(1, {.table = 1}, out_);
  EXPECT_TRUE(out_.empty()) << "the other may object yet";
  tables_.OnFreezable(2, {.table = 1}, out_);
  EXPECT_EQ(TakeTo(MessageType::kTableFreeze), (std::vector<NodeId>{1, 2}));
  tables_.OnRefused(1, 1, Status(StatusCode::kUnavailable, "a late copy"), out_);
  tables_.OnFrozen(2, {.table = 1, .segments = {{.segment = 2, .rows = 7}, {.segment = 3}}}, out_);
  EXPECT_FALSE(tables_.List().at(0).frozen);
  EXPECT_EQ(tables_.next_wake(), now_ + 250ms);
  Wake(300ms);
  ASSERT_EQ(out_.size(), 1u);
  EXPECT_EQ(out_[0].to, 1u);
  const auto repeated = wire::Decode<wire::TableFreeze>(out_[0].frame.body.bytes());
  EXPECT_EQ(repeated.value().at_least, 2.0F) << "the first request decides";
  out_.clear();
  tables_.OnFrozen(1, {.table = 1, .segments = {{.segment = 0, .rows = 5}, {.segment = 1}}}, out_);
  ASSERT_EQ(out_.size(), 1u);
  EXPECT_EQ(out_[0].frame.header.request_id, 6u);
  const auto frozen = wire::Decode<wire::TableFrozen>(out_[0].frame.body.bytes()).value();
  ASSERT_EQ(frozen.segments.size(), 4u);
  EXPECT_EQ(frozen.segments[2].rows, 7u);
  EXPECT_TRUE(tables_.List().at(0).frozen);
  out_.clear();
  tables_.Freeze(kClient, 7, {.table = 1}, out_);
  EXPECT_EQ(TakeTo(MessageType::kTableFrozen), std::vector<NodeId>{kClient}) << "told again";
  EXPECT_FALSE(tables_.next_wake());
}

TEST_F(TablesTest, AFreezeThatOneServerRefusesFreezesNothing) {
  CreateReady();
  const Status why(StatusCode::kUnavailable, "a step is open");
  for (const std::uint64_t request : {5, 6}) {  // The other server says so before it, or after.
    tables_.Freeze(kClient, request, {.table = 1}, out_);
    if (request == 5) tables_.OnFreezable(1, {.table = 1}, out_);
    for (const Outgoing& sent : std::exchange(out_, {}))
      EXPECT_EQ(sent.frame.header.type, MessageType::kTableFreezable);
    tables_.OnRefused(2, 1, why, out_);
    EXPECT_EQ(TakeRefused().code, StatusCode::kUnavailable);
    tables_.OnFreezable(1, {.table = 1}, out_);
    EXPECT_TRUE(out_.empty());
    EXPECT_FALSE(tables_.next_wake()) << "nothing is repeated";
    EXPECT_FALSE(tables_.List().at(0).frozen);
  }
}

TEST_F(TablesTest, ATableThatIsLostOrDroppedWhileItFreezesEndsTheWait) {
  CreateReady();
  tables_.Freeze(kClient, 5, {.table = 1}, out_);
  out_.clear();
  tables_.Drop(kClient, 6, 1, out_);
  EXPECT_EQ(TakeRefused().code, StatusCode::kNotFound);
  Create(/*request_id=*/7);
  tables_.OnViewReady(now_, 1, {.table = 2, .epoch = 2}, out_);
  tables_.OnViewReady(now_, 2, {.table = 2, .epoch = 2}, out_);
  tables_.Freeze(kClient, 8, {.table = 2}, out_);
  out_.clear();
  tables_.OnRefused(1, 2, Status(StatusCode::kResourceExhausted, "too many rows"), out_);
  EXPECT_EQ(TakeRefused().code, StatusCode::kResourceExhausted);
  tables_.Freeze(kClient, 9, {.table = 2}, out_);
  out_.clear();
  Depart(2);
  EXPECT_EQ(TakeRefused().code, StatusCode::kUnavailable);
}

TEST_F(TablesTest, SegmentsBeginWhereTheyWereCut) {
  wire::TableCreate create = CreateMessage();
  create.cuts = {0, 10, 20, 1000};
  tables_.Create(kClient, 1, create, out_);
  Ready(1);
  Ready(2);
  const wire::View view = tables_.ViewOf(1).value();
  ASSERT_EQ(view.segments.size(), 4u);
  for (std::size_t i = 0; i < 4; ++i) EXPECT_EQ(view.segments[i].first, create.cuts[i]);
}

TEST_F(TablesTest, ATableThatHadNoServerYetIsDroppedAtOnce) {
  Create(1, 3);
  tables_.Drop(kClient, 5, 1, out_);
  EXPECT_EQ(tables_.ViewOf(1).status().code(), StatusCode::kNotFound);
}

TEST_F(TablesTest, ATableGoesWithItsClientUnlessItStays) {
  CreateReady();
  Depart(kClient);
  EXPECT_EQ(TakeTo(MessageType::kTableDrop).size(), 2u);
  std::vector<Departure> departed;
  ASSERT_EQ(members_.Join(now_, 9, Hello(wire::Role::kClient, 19), departed).value(), 4u);
  wire::TableCreate create = CreateMessage();
  create.spec.options.name = "stays";
  create.stays = true;
  tables_.Create(4, 1, create, out_);
  tables_.OnViewReady(now_, 1, {.table = 2, .epoch = 2}, out_);
  tables_.OnViewReady(now_, 2, {.table = 2, .epoch = 2}, out_);
  create.spec.options.name = "unheard of";
  tables_.Create(4, 2, create, out_);  // Not ready: its client never learnt of it.
  out_.clear();
  Depart(4);
  EXPECT_TRUE(tables_.ViewOf(2).ok());
  EXPECT_EQ(TakeTo(MessageType::kTableDrop).size(), 2u);
  EXPECT_FALSE(tables_.ViewOf(3).ok());
}

TEST_F(TablesTest, ATableOfItsClientsOwnStaysOnceTheClientSaysSo) {
  CreateReady();
  wire::TableCreate keep = CreateMessage();
  keep.stays = true;
  tables_.Create(kClient + 1, 1, keep, out_);
  EXPECT_EQ(TakeTo(MessageType::kRefused).size(), 1u) << "only its own client can";
  for (const std::uint64_t request : {7, 7}) {
    tables_.Create(kClient, request, keep, out_);
    EXPECT_EQ(TakeTo(MessageType::kView).size(), 1u);
  }
  tables_.Create(kClient, 8, keep, out_);
  EXPECT_EQ(TakeTo(MessageType::kRefused).size(), 1u) << "it exists";
  Depart(kClient);
  EXPECT_TRUE(tables_.ViewOf(1).ok());
}

TEST_F(TablesTest, TheListSumsWhatServersHold) {
  CreateReady();
  tables_.OnStats(1, {.tables = {{.table = 1, .rows = 5, .bytes = 100}}}, out_);
  tables_.OnStats(2, {.tables = {{.table = 1, .rows = 7, .bytes = 200}}}, out_);
  tables_.OnStats(1, {.tables = {{.table = 1, .rows = 6, .bytes = 150}}}, out_);
  EXPECT_TRUE(out_.empty());
  Create(2, 9);  // Of the same name: refused, not listed.
  auto list = tables_.List();
  ASSERT_EQ(list.size(), 1u);
  EXPECT_EQ(list[0].name, "weights");
  EXPECT_EQ(list[0].state, wire::TableState::kReady);
  EXPECT_EQ(list[0].rows, 13u);
  EXPECT_EQ(list[0].bytes, 350u);
  EXPECT_EQ(list[0].servers, 2u);
  Depart(2);
  list = tables_.List();
  EXPECT_EQ(list[0].state, wire::TableState::kLost);
  EXPECT_EQ(list[0].rows, 6u);
  EXPECT_NE(list[0].message.find("node 2"), std::string::npos);
  tables_.Drop(kClient, 5, 1, out_);
  EXPECT_TRUE(tables_.List().empty());
}

TEST_F(TablesTest, TheListNamesTheHottestKeyOfAllServers) {
  CreateReady();
  const auto hot_of = [&](std::uint64_t samples, std::uint64_t first, std::uint64_t second) {
    tables_.OnStats(
        1, {.tables = {{.table = 1, .samples = samples, .hot_key = 5, .hot_count = first}}}, out_);
    tables_.OnStats(
        2, {.tables = {{.table = 1, .samples = samples, .hot_key = 9, .hot_count = second}}}, out_);
    return tables_.List().at(0);
  };
  EXPECT_EQ(hot_of(40, 0, 40).hot_share, 0.0) << "too few keys were looked at";
  EXPECT_EQ(hot_of(1000, 15, 39).hot_share, 0.0) << "no key stands out";
  const wire::TableStatus status = hot_of(1000, 100, 500);
  EXPECT_EQ(status.hot_key, 9u);
  EXPECT_EQ(status.hot_share, 0.25);
}

TEST_F(TablesTest, AServerThatHoldsAForgottenTableIsToldToDropIt) {
  tables_.OnStats(2, {.tables = {{.table = 7, .rows = 0, .bytes = 100}}}, out_);
  EXPECT_EQ(TakeTo(MessageType::kTableDrop), std::vector<NodeId>{2});
}

TEST_F(TablesTest, ATableIsLostWithAServerThatIsNamed) {
  CreateReady();
  Depart(2);
  const auto view = tables_.ViewOf(1);
  ASSERT_FALSE(view.ok());
  EXPECT_EQ(view.status().code(), StatusCode::kUnavailable);
  EXPECT_EQ(view.status().where(), "node 2");
  EXPECT_NE(view.status().message().find("'weights'"), std::string::npos);
}

TEST_F(TablesTest, AServerThatDiesDuringTheInstallRefusesTheCreation) {
  Create();
  Ready(1);
  out_.clear();
  Depart(2);
  EXPECT_EQ(TakeRefused().code, StatusCode::kUnavailable);
  Create();  // The refusal was lost: the client asks again.
  EXPECT_EQ(TakeRefused().code, StatusCode::kUnavailable);
}

TEST_F(TablesTest, AServerThatRefusesAViewRefusesTheCreation) {
  Create();
  out_.clear();
  tables_.OnRefused(2, 1, Status(StatusCode::kInvalidArgument, "no such updater"), out_);
  EXPECT_EQ(TakeTo(MessageType::kTableDrop), (std::vector<NodeId>{1, 2}));
  EXPECT_EQ(TakeRefused().message, "no such updater");
}

TEST_F(TablesTest, ATableGoesWithItsClient) {
  CreateReady();
  Depart(kClient);
  EXPECT_EQ(TakeTo(MessageType::kTableDrop), (std::vector<NodeId>{1, 2}));
  tables_.OnDropped(1, {.table = 1});
  Depart(2);
  EXPECT_EQ(tables_.ViewOf(1).status().code(), StatusCode::kNotFound)
      << "who died need not confirm";
}

TEST(Retirements, EveryServerIsToldUntilItAnswersOrDeparts) {
  Membership members({});
  std::vector<Departure> departed;
  const auto join = [&](NodeId id, wire::Role role) {
    const auto joined = members.Join(
        1s, id, {.role = role, .incarnation = id, .listen_address = {}, .description = {}},
        departed);
    EXPECT_EQ(joined.value(), id);
  };
  join(1, wire::Role::kServer);
  join(2, wire::Role::kServer);
  join(3, wire::Role::kWorker);
  Retirements retirements(&members);
  std::vector<Outgoing> out;
  retirements.Add(70, out);
  ASSERT_EQ(out.size(), 2u) << "a worker has no streams to let go";
  const auto told = wire::Decode<wire::RetireStream>(out[0].frame.body.bytes());
  EXPECT_EQ(told.value().stream, 70u);
  EXPECT_EQ(told.value().table, 0u);
  out.clear();
  retirements.OnWake(2s, out);
  EXPECT_EQ(out.size(), 2u);
  out.clear();
  retirements.OnWake(2s + 1ms, out);
  EXPECT_TRUE(out.empty()) << "told a moment ago";
  retirements.OnAnswer(1, 70);
  retirements.OnAnswer(1, 70);
  retirements.OnWake(3s, out);
  ASSERT_EQ(out.size(), 1u);
  EXPECT_EQ(out[0].to, 2u);
  out.clear();
  EXPECT_TRUE(members.Remove(2, Status(StatusCode::kUnavailable, "died")));
  retirements.OnWake(4s, out);
  EXPECT_TRUE(out.empty());
  EXPECT_EQ(retirements.untold_count(), 0u);
}

}  // namespace
}  // namespace steelyard::coord
