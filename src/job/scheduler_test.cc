// Goal: a job goes through its phases once, whatever is repeated, and ends with the name of what ended it.
// Method: a scheduler over real membership and tables; the test is the submitter, the workers and the clock.
#include "job/scheduler.h"

#include <gtest/gtest.h>

#include <set>

#include "job/evaluation_codec.h"

namespace steelyard::job {
namespace {

using namespace std::chrono_literals;
using wire::JobState;
using wire::Phase;

constexpr NodeId kServer = 1;
constexpr NodeId kClient = 2;
constexpr NodeId kWorkerA = 3;
constexpr NodeId kWorkerB = 4;
constexpr NodeId kFollower = 5;  ///< Joins after two workers.

class SchedulerTest : public ::testing::Test {
 protected:
  SchedulerTest() {
    Join(kServer, wire::Role::kServer);
    Join(kClient, wire::Role::kClient);
    tables_.Create(kClient, 1,
                   {.spec = {{.name = "weights", .updater = {}, .segment_count = 2}},
                    .servers_min = 1,
                    .stays = true},
                   out_);
    tables_.OnViewReady(now_, kServer, {.table = 1, .epoch = 1}, out_);
    EXPECT_TRUE(tables_.ViewOf(1).ok());
    out_.clear();
    parameters_.data = {"rows"};
  }

  void Join(NodeId id, wire::Role role) {
    std::vector<coord::Departure> departed;
    EXPECT_EQ(members_
                  .Join(now_, id,
                        {.role = role, .incarnation = id, .listen_address = {}, .description = {}},
                        departed)
                  .value(),
              id);
  }
  void Depart(NodeId id) {
    const auto gone =
        members_.Remove(id, Status(StatusCode::kUnavailable, "died", "node " + std::to_string(id)));
    tables_.OnDeparture(*gone, out_);
    scheduler_.OnDeparture(*gone, out_);
  }
  void Submit(std::uint32_t slots = 2, std::uint64_t request_id = 2) {
    wire::JobSubmit submit;
    submit.parameters = ToPairs(parameters_);
    submit.table = 1;
    submit.slot_count = slots;
    for (std::uint64_t i = 0; i < 5; ++i) submit.shards.push_back({.first_row = 10 * i});
    if (stream_) submit.shards = {{.byte_count = data::kSharedStream, .first_row = 7}};
    submit.valid_shards = {{.first_row = 1'000}};
    submit.detached = detached_;
    submit.notes = {{"note", "x"}};
    scheduler_.Submit(kClient, request_id, submit, out_);
  }
  /// Submit to two workers and let both be ready.
  void Start() {
    Join(kWorkerA, wire::Role::kWorker);
    Join(kWorkerB, wire::Role::kWorker);
    Submit();
    for (const auto& [to, assign] : Take<wire::SlotAssign>()) {
      scheduler_.OnSlotReady(to, {.job = 1, .slot = assign.slot, .session = assign.session}, out_);
    }
  }
  void Wake(runtime::Duration later) {
    now_ += later;
    scheduler_.OnWake(now_, out_);
  }
  template <typename Message>
  std::vector<std::pair<NodeId, Message>> Take() {
    std::vector<std::pair<NodeId, Message>> taken;
    std::erase_if(out_, [&](const Outgoing& outgoing) {
      if (outgoing.frame.header.type != Message::kType) return false;
      taken.emplace_back(outgoing.to, wire::Decode<Message>(outgoing.frame.body.bytes()).value());
      return true;
    });
    return taken;
  }
  wire::JobStatus LastStatus() {
    Wake(100ms);
    auto all = Take<wire::JobStatus>();
    EXPECT_FALSE(all.empty());
    return all.empty() ? wire::JobStatus{} : all.back().second;
  }
  /// @return the first row of the shard given, or nothing at the end.
  std::optional<std::uint64_t> Shard(NodeId worker, std::uint32_t slot, std::uint32_t index,
                                     std::uint32_t pass = 0, Phase phase = Phase::kTrain) {
    scheduler_.OnShardRequest(
        worker, {.job = 1, .slot = slot, .pass = pass, .phase = phase, .index = index}, out_);
    const auto answers = Take<wire::ShardAssign>();
    EXPECT_EQ(answers.size(), 1u);
    if (answers.empty() || answers[0].second.end) return std::nullopt;
    return answers[0].second.shard.first_row;
  }
  /// Both workers are done with a phase; validation rows get `loss`.
  void BothDone(std::uint32_t pass, Phase phase, double loss = 0) {
    for (std::uint32_t slot : {0, 1}) {
      math::Evaluation evaluation(math::LossKind::kLogistic, phase == Phase::kValidate);
      wire::PassDone done{.job = 1,
                          .slot = slot,
                          .pass = pass,
                          .phase = phase,
                          .work = {},
                          .evaluation = ToWire(evaluation)};
      done.evaluation.rows = 1;
      done.evaluation.weight = 1;
      done.evaluation.loss = loss;
      done.work.rows = phase == Phase::kTrain ? 50 : 0;
      const NodeId worker = slot == 0 ? kWorkerA : kWorkerB;
      scheduler_.OnPassDone(worker, done, out_);
      scheduler_.OnPassDone(worker, done, out_);  // Every message may come twice.
    }
  }
  std::optional<wire::PassPlan> Plan() {
    const auto plans = Take<wire::PassPlan>();
    if (plans.empty()) return std::nullopt;
    EXPECT_EQ(plans.size(), 2u);
    return plans[0].second;
  }

  wire::Progress SlotProgress(std::uint32_t slot, Step steps, std::uint32_t decision) {
    wire::Progress progress{
        .job = 1, .slot = slot, .pass = 0, .work = {}, .next_step = steps, .decision = decision};
    progress.work.minibatches = static_cast<std::uint64_t>(steps);
    progress.work.idle_ns = progress.work.busy_ns = 1'000 * static_cast<std::uint64_t>(steps);
    progress.work.staleness.Record(steps, steps - 2);
    scheduler_.OnProgress(slot == 0 ? kWorkerA : kWorkerB, progress, out_);
    return progress;
  }

  runtime::Time now_ = 1000s;
  coord::Membership members_{{}};
  coord::Tables tables_{&members_};
  Scheduler scheduler_{&members_, &tables_, {}};
  TrainParameters parameters_;
  bool stream_ = false;  ///< The input is a stream that all slots share.
  bool detached_ = false;
  std::vector<Outgoing> out_;
};

TEST_F(SchedulerTest, WaitsForWorkersAndSaysSo) {
  Submit();
  ASSERT_EQ(Take<wire::JobAccepted>().size(), 1u);
  Join(kWorkerA, wire::Role::kWorker);
  const wire::JobStatus status = LastStatus();
  EXPECT_EQ(status.state, JobState::kWaiting);
  EXPECT_EQ(status.message, "waiting for workers: 1 of 2 are free");
  Join(kWorkerB, wire::Role::kWorker);
  Wake(50ms);
  const auto assigned = Take<wire::SlotAssign>();
  ASSERT_EQ(assigned.size(), 2u);
  EXPECT_EQ(assigned[0].first, kWorkerA);
  EXPECT_EQ(assigned[1].first, kWorkerB);
  EXPECT_NE(assigned[0].second.stream, assigned[1].second.stream);
  EXPECT_NE(assigned[0].second.session, assigned[1].second.session);
  EXPECT_EQ(assigned[1].second.view.table, 1u);
  EXPECT_EQ(assigned[1].second.slot, 1u);
}

TEST_F(SchedulerTest, ASubmissionThatIsRepeatedIsOneJobAndABusyWorkerHasOneSlot) {
  Join(kWorkerA, wire::Role::kWorker);
  Submit(1);
  Submit(1);
  const auto accepted = Take<wire::JobAccepted>();
  ASSERT_EQ(accepted.size(), 2u);
  EXPECT_EQ(accepted[0].second.job, accepted[1].second.job);
  EXPECT_EQ(Take<wire::SlotAssign>().size(), 1u);
  Submit(1, /*request_id=*/9);
  EXPECT_NE(Take<wire::JobAccepted>().at(0).second.job, accepted[0].second.job);
  EXPECT_TRUE(Take<wire::SlotAssign>().empty());
}

TEST_F(SchedulerTest, RefusesWhatCannotRun) {
  wire::JobSubmit submit;
  submit.parameters = {{"nonesuch", "1"}};
  submit.table = 1;
  submit.slot_count = 1;
  submit.shards.resize(1);
  scheduler_.Submit(kClient, 2, submit, out_);
  EXPECT_EQ(Take<wire::Refused>().at(0).second.code, StatusCode::kInvalidArgument);
  submit.parameters = ToPairs(parameters_);
  submit.table = 7;
  scheduler_.Submit(kClient, 2, submit, out_);
  EXPECT_EQ(Take<wire::Refused>().at(0).second.code, StatusCode::kNotFound);
}

TEST_F(SchedulerTest, AssignmentsAndPlansAreRepeatedUntilAnswered) {
  Join(kWorkerA, wire::Role::kWorker);
  Join(kWorkerB, wire::Role::kWorker);
  Wake(0ms);
  Submit();
  auto assigned = Take<wire::SlotAssign>();
  scheduler_.OnSlotReady(kWorkerB, {.job = 1, .slot = 1, .session = assigned[1].second.session},
                         out_);
  Wake(250ms);
  const auto again = Take<wire::SlotAssign>();
  ASSERT_EQ(again.size(), 1u) << "to who has not answered";
  EXPECT_EQ(again[0].first, kWorkerA);
  EXPECT_FALSE(Plan()) << "nobody starts before all are ready";
  scheduler_.OnSlotReady(kWorkerA, {.job = 1, .slot = 0, .session = 99}, out_);
  EXPECT_FALSE(Plan()) << "another session is not this slot";
  scheduler_.OnSlotReady(kWorkerA, {.job = 1, .slot = 0, .session = again[0].second.session}, out_);
  EXPECT_TRUE(Plan());
  Wake(250ms);
  EXPECT_TRUE(Plan()) << "repeated while the phase lasts";
}

TEST_F(SchedulerTest, TheShardLedgerAnswersRepeatsAlike) {
  Start();
  EXPECT_EQ(Shard(kWorkerA, 0, 0), 0u);
  EXPECT_EQ(Shard(kWorkerB, 1, 0), 10u);
  EXPECT_EQ(Shard(kWorkerA, 0, 0), 0u) << "the first answer was lost";
  EXPECT_EQ(Shard(kWorkerB, 1, 1), 20u) << "a repeat takes no shard from the others";
  EXPECT_EQ(Shard(kWorkerA, 0, 1), 30u);
  EXPECT_EQ(Shard(kWorkerA, 0, 2), 40u);
  EXPECT_EQ(Shard(kWorkerB, 1, 2), std::nullopt);
  EXPECT_EQ(Shard(kWorkerA, 0, 3), std::nullopt);
  EXPECT_EQ(Shard(kWorkerB, 1, 1), 20u);
  scheduler_.OnShardRequest(kWorkerA, {.job = 1, .slot = 1, .index = 0}, out_);
  EXPECT_TRUE(Take<wire::ShardAssign>().empty()) << "another worker's slot";
}

TEST_F(SchedulerTest, BadRowsOfAllWorkersCountTogether) {
  parameters_.bad_rows_max = {.rows = 5};
  Start();
  scheduler_.OnProgress(kWorkerA, {.job = 1, .slot = 0, .work = {.bad_rows = 3}}, out_);
  scheduler_.OnProgress(kWorkerB, {.job = 1, .slot = 1, .work = {.bad_rows = 2}}, out_);
  EXPECT_EQ(LastStatus().state, wire::JobState::kRunning);
  scheduler_.OnProgress(kWorkerB, {.job = 1, .slot = 1, .work = {.bad_rows = 3}}, out_);
  const wire::JobStatus status = LastStatus();
  EXPECT_EQ(status.state, wire::JobState::kFailed);
  EXPECT_EQ(status.code, StatusCode::kBadData);
  EXPECT_NE(status.message.find("found 6 bad rows; --bad-rows-max allows 5"), std::string::npos);
}

TEST_F(SchedulerTest, AStreamIsGivenToEverySlotOnce) {
  stream_ = true;
  Start();
  EXPECT_EQ(Shard(kWorkerA, 0, 0), 7u);
  EXPECT_EQ(Shard(kWorkerA, 0, 1), std::nullopt);
  EXPECT_EQ(Shard(kWorkerA, 0, 0), 7u);
  EXPECT_EQ(Shard(kWorkerB, 1, 0), 7u);
  EXPECT_EQ(Shard(kWorkerB, 1, 1), std::nullopt);
}

TEST_F(SchedulerTest, PhasesFollowOnceEverybodyIsDone) {
  parameters_.passes = 2;
  parameters_.valid = {"held out"};
  Start();
  ASSERT_TRUE(Plan());
  scheduler_.OnPassDone(kWorkerA,
                        {.job = 1,
                         .slot = 0,
                         .pass = 0,
                         .phase = Phase::kTrain,
                         .work = {},
                         .evaluation = ToWire(math::Evaluation(math::LossKind::kLogistic, false))},
                        out_);
  EXPECT_FALSE(Plan());
  BothDone(0, Phase::kTrain);
  auto plan = Plan();
  ASSERT_TRUE(plan);
  EXPECT_EQ(plan->phase, Phase::kValidate);
  EXPECT_EQ(Shard(kWorkerB, 1, 0, 0, Phase::kValidate), 1'000u);
  // A late report of the training phase counts no row twice.
  wire::Progress late{.job = 1, .slot = 0, .pass = 0, .work = {}};
  late.work.rows = 50;
  scheduler_.OnProgress(kWorkerA, late, out_);
  EXPECT_EQ(LastStatus().work.rows, 0u);
  EXPECT_EQ(LastStatus().earlier.rows, 50u);
  out_.clear();
  BothDone(0, Phase::kValidate, 0.5);
  plan = Plan();
  ASSERT_TRUE(plan);
  EXPECT_EQ(plan->phase, Phase::kTrain);
  EXPECT_EQ(plan->pass, 1u);
  EXPECT_EQ(plan->first_step, FirstStepOfPass(1));
  EXPECT_EQ(Shard(kWorkerA, 0, 0, 1), 0u) << "every pass starts with the first shard";
  BothDone(1, Phase::kTrain);
  BothDone(1, Phase::kValidate, 0.4);
  out_.clear();
  BothDone(1, Phase::kFinish);
  std::set<NodeId> freed;
  for (const auto& [to, cancel] : Take<wire::JobCancel>()) freed.insert(to);
  EXPECT_EQ(freed, (std::set<NodeId>{kWorkerA, kWorkerB}));
  const wire::JobStatus status = LastStatus();
  EXPECT_EQ(status.state, JobState::kDone);
  EXPECT_EQ(scheduler_.TakeEndedStreams(), (std::vector<StreamId>{1, 2}));
  EXPECT_TRUE(scheduler_.TakeEndedStreams().empty());
  EXPECT_EQ(status.earlier.rows, 150u);
  EXPECT_DOUBLE_EQ(status.valid.loss, 0.8);
  EXPECT_FALSE(status.stopped_early);
}

TEST_F(SchedulerTest, StopsWhenTheHeldOutLossImprovesTooLittle) {
  parameters_.passes = 10;
  parameters_.valid = {"held out"};
  parameters_.tolerance = 0.1;
  Start();
  const std::vector<double> losses = {0.5, 0.4, 0.37};
  for (std::uint32_t pass = 0; pass < losses.size(); ++pass) {
    BothDone(pass, Phase::kTrain);
    BothDone(pass, Phase::kValidate, losses[pass]);
    scheduler_.OnKept(kClient, {.job = 1, .pass = pass}, out_);
    const auto plans = Take<wire::PassPlan>();
    const Phase next = plans.back().second.phase;
    EXPECT_EQ(next, pass + 1 < losses.size() ? Phase::kTrain : Phase::kFinish) << pass;
  }
  BothDone(2, Phase::kFinish);
  const wire::JobStatus status = LastStatus();
  EXPECT_EQ(status.state, JobState::kDone);
  EXPECT_TRUE(status.stopped_early);
  EXPECT_EQ(status.pass, 2u);
}

TEST_F(SchedulerTest, ThePassAfterTheBestWaitsUntilItsRowsAreKept) {
  parameters_.passes = 4;
  parameters_.valid = {"held out"};
  parameters_.tolerance = 0.001;
  Start();
  BothDone(0, Phase::kTrain);
  BothDone(0, Phase::kValidate, 0.5);
  out_.clear();
  EXPECT_TRUE(LastStatus().keep);
  Wake(250ms);
  EXPECT_FALSE(Plan()) << "the table rests";
  scheduler_.OnKept(kWorkerA, {.job = 1, .pass = 0}, out_);
  EXPECT_FALSE(Plan()) << "not the submitter";
  scheduler_.OnKept(kClient, {.job = 1, .pass = 0}, out_);
  ASSERT_TRUE(Plan());
  EXPECT_FALSE(LastStatus().keep);
  scheduler_.OnKept(kClient, {.job = 1, .pass = 0}, out_);
  EXPECT_FALSE(Plan()) << "a repeat starts nothing";
  BothDone(1, Phase::kTrain);
  BothDone(1, Phase::kValidate, 0.4);
  scheduler_.OnKept(kClient, {.job = 1, .pass = 1}, out_);
  BothDone(2, Phase::kTrain);
  out_.clear();
  BothDone(2, Phase::kValidate,
           0.3999);  // Better, but not by the tolerance: the last pass, and the best one.
  EXPECT_EQ(Plan()->phase, Phase::kFinish);
  EXPECT_FALSE(LastStatus().keep) << "what comes last is read at the end";
  BothDone(2, Phase::kFinish);
  const wire::JobStatus status = LastStatus();
  EXPECT_EQ(status.kept_pass, 2u);
  EXPECT_DOUBLE_EQ(status.valid.loss, 2 * 0.3999);
}

TEST_F(SchedulerTest, TheResultAndItsFiguresAreTheBestPass) {
  parameters_.passes = 3;
  parameters_.valid = {"held out"};
  parameters_.tolerance = 0.001;
  Start();
  const std::vector<double> losses = {0.5, 0.4, 0.45};
  for (std::uint32_t pass = 0; pass < losses.size(); ++pass) {
    BothDone(pass, Phase::kTrain);
    BothDone(pass, Phase::kValidate, losses[pass]);
    scheduler_.OnKept(kClient, {.job = 1, .pass = pass}, out_);
  }
  BothDone(2, Phase::kFinish);
  const wire::JobStatus status = LastStatus();
  EXPECT_EQ(status.state, JobState::kDone);
  EXPECT_EQ(status.pass, 2u);
  EXPECT_EQ(status.kept_pass, 1u);
  EXPECT_DOUBLE_EQ(status.valid.loss, 2 * 0.4);
}

TEST_F(SchedulerTest, WithoutAToleranceTheLastPassIsTheResult) {
  parameters_.passes = 2;
  parameters_.valid = {"held out"};
  Start();
  for (std::uint32_t pass = 0; pass < 2; ++pass) {
    BothDone(pass, Phase::kTrain);
    BothDone(pass, Phase::kValidate, 0.4 + pass);
  }
  BothDone(1, Phase::kFinish);
  const wire::JobStatus status = LastStatus();
  EXPECT_EQ(status.kept_pass, 1u);
  EXPECT_DOUBLE_EQ(status.valid.loss, 2 * 1.4);
}

TEST_F(SchedulerTest, ADeadWorkerEndsTheJobWithItsName) {
  Start();
  out_.clear();
  Depart(kWorkerB);
  const auto cancels = Take<wire::JobCancel>();
  ASSERT_EQ(cancels.size(), 1u) << "only to who lives";
  EXPECT_EQ(cancels[0].first, kWorkerA);
  const wire::JobStatus status = LastStatus();
  EXPECT_EQ(status.state, JobState::kFailed);
  EXPECT_EQ(status.code, StatusCode::kUnavailable);
  EXPECT_EQ(status.where, "node 4");
}

TEST_F(SchedulerTest, ADeadServerEndsTheJobWithItsName) {
  Start();
  Depart(kServer);
  const wire::JobStatus status = LastStatus();
  EXPECT_EQ(status.state, JobState::kFailed);
  EXPECT_EQ(status.where, "node 1");
}

TEST_F(SchedulerTest, AWorkersErrorEndsTheJobAsItIs) {
  Start();
  scheduler_.OnWorkerFailed(kWorkerB,
                            {.job = 1,
                             .slot = 1,
                             .code = StatusCode::kBadData,
                             .message = "no label",
                             .where = "train.svm:17"},
                            out_);
  const wire::JobStatus status = LastStatus();
  EXPECT_EQ(status.code, StatusCode::kBadData);
  EXPECT_EQ(status.where, "train.svm:17");
}

TEST_F(SchedulerTest, AJobGoesWithItsSubmitterAndItsWorkersAreFree) {
  Start();
  out_.clear();
  Depart(kClient);
  EXPECT_EQ(Take<wire::JobCancel>().size(), 2u);
  EXPECT_FALSE(scheduler_.next_wake()) << "no job is left";
}

TEST_F(SchedulerTest, AWorkerThatMissedTheEndIsToldAgain) {
  Start();
  scheduler_.Cancel(kWorkerA, 0, {.job = 1, .reason = "not mine to cancel"}, out_);
  EXPECT_EQ(LastStatus().state, JobState::kRunning);
  scheduler_.Cancel(kClient, 0, {.job = 1, .reason = "enough"}, out_);
  out_.clear();  // The cancellations are lost.
  scheduler_.OnProgress(kWorkerA, {.job = 1, .slot = 0, .pass = 0, .work = {}}, out_);
  scheduler_.OnSlotReady(kWorkerB, {.job = 1, .slot = 1, .session = 2}, out_);
  const auto cancels = Take<wire::JobCancel>();
  ASSERT_EQ(cancels.size(), 2u);
  EXPECT_EQ(cancels[0].first, kWorkerA);
  EXPECT_EQ(cancels[1].first, kWorkerB);
}

TEST_F(SchedulerTest, ADetachedJobGoesOnWithoutItsSubmitterAndWaitsToBeFetched) {
  detached_ = true;
  Start();
  Depart(kClient);
  EXPECT_EQ(scheduler_.List().at(0).state, JobState::kRunning);
  EXPECT_EQ(scheduler_.List().at(0).submitter, "");
  BothDone(0, Phase::kTrain);
  BothDone(0, Phase::kFinish);
  EXPECT_EQ(scheduler_.List().at(0).state, JobState::kDone);
  EXPECT_EQ(scheduler_.JobOfTable(1), 1u);
  Join(kFollower, wire::Role::kClient);
  out_.clear();
  scheduler_.Get(kFollower, 4, {.job = 1}, out_);
  const auto info = Take<wire::JobInfo>();
  ASSERT_EQ(info.size(), 1u);
  EXPECT_TRUE(info[0].second.detached);
  EXPECT_EQ(info[0].second.notes, (wire::Parameters{{"note", "x"}}));
  EXPECT_EQ(info[0].second.view.table, 1u);
  EXPECT_EQ(LastStatus().state, JobState::kDone) << "it follows now";
  EXPECT_TRUE(scheduler_.TakeUnusedTables().empty());
  scheduler_.Cancel(kFollower, 5, {.job = 1, .reason = "fetched"}, out_);
  EXPECT_EQ(Take<wire::JobStatus>().back().second.state, JobState::kDone);
  EXPECT_EQ(scheduler_.TakeUnusedTables(), std::vector<TableId>{1});
  EXPECT_TRUE(scheduler_.List().empty());
  scheduler_.Get(kFollower, 6, {.job = 1}, out_);
  EXPECT_EQ(Take<wire::Refused>().at(0).second.code, StatusCode::kNotFound);
  scheduler_.Cancel(kFollower, 7, {.job = 1, .reason = "again"}, out_);
  EXPECT_EQ(Take<wire::Refused>().at(0).second.code, StatusCode::kNotFound);
}

TEST_F(SchedulerTest, AFailedDetachedJobIsRememberedWithoutItsTable) {
  detached_ = true;
  Start();
  Depart(kClient);
  Depart(kWorkerA);
  EXPECT_EQ(scheduler_.List().at(0).state, JobState::kFailed);
  EXPECT_EQ(scheduler_.List().at(0).message, "node 3: died");
  EXPECT_EQ(scheduler_.TakeUnusedTables(), std::vector<TableId>{1});
  EXPECT_EQ(scheduler_.JobOfTable(1), 0u);
  Join(kFollower, wire::Role::kClient);
  scheduler_.Get(kFollower, 4, {.job = 1}, out_);
  EXPECT_EQ(Take<wire::Refused>().at(0).second.where, "node 3");
}

TEST_F(SchedulerTest, AnotherClientMayCancelAndBothAreTold) {
  Start();
  Join(kFollower, wire::Role::kClient);
  out_.clear();
  scheduler_.Cancel(kFollower, 5, {.job = 1, .reason = "too long"}, out_);
  std::set<NodeId> told;
  for (const auto& [to, status] : Take<wire::JobStatus>()) {
    told.insert(to);
    EXPECT_EQ(status.state, JobState::kFailed);
    EXPECT_EQ(status.code, StatusCode::kCancelled);
    EXPECT_EQ(status.message, "too long");
  }
  EXPECT_EQ(told, (std::set<NodeId>{kClient, kFollower}));
  EXPECT_EQ(scheduler_.List().size(), 1u) << "until its submitter knows";
  scheduler_.Cancel(kClient, 0, {.job = 1, .reason = "I know"}, out_);
  EXPECT_TRUE(scheduler_.List().empty());
}

TEST_F(SchedulerTest, TheListSaysWhoWorksForWhom) {
  Start();
  const wire::JobSummary job = scheduler_.List().at(0);
  EXPECT_EQ(job.passes, 1u);
  EXPECT_EQ(job.slots, 2u);
  EXPECT_FALSE(job.detached);
  EXPECT_EQ(job.submitter, members_.Find(kClient)->name());
  EXPECT_EQ(scheduler_.JobOfWorker(kWorkerA), 1u);
  EXPECT_EQ(scheduler_.JobOfWorker(kServer), 0u);
  EXPECT_EQ(scheduler_.SubmitterOf(1), kClient);
  Submit(1, /*request_id=*/9);
  EXPECT_EQ(scheduler_.List().at(1).message,
            "waiting for workers: 0 of 1 are free, 2 work for other jobs");
}

TEST_F(SchedulerTest, AHeadOfManyMachinesNamesTheWorkerThatFailed) {
  scheduler_ = Scheduler(&members_, &tables_, {.names_workers = true, .log = {}});
  Start();
  scheduler_.OnWorkerFailed(kWorkerB,
                            {.job = 1,
                             .slot = 1,
                             .code = StatusCode::kNotFound,
                             .message = "no such file",
                             .where = "/data/x.svm"},
                            out_);
  EXPECT_EQ(LastStatus().message, "no such file (" + members_.Find(kWorkerB)->name() + ")");
}

TEST_F(SchedulerTest, NamesOfAllSlotsAreOneSequenceForTheSubmitter) {
  Start();
  const auto hand_in = [&](NodeId worker, std::uint32_t slot, std::uint32_t index,
                           std::string name) {
    scheduler_.OnNames(
        worker, {.job = 1, .slot = slot, .index = index, .last = false, .names = {{1, name}}},
        out_);
    return Take<wire::NamesAck>().size();
  };
  EXPECT_EQ(hand_in(kWorkerA, 0, 0, "a"), 1u);
  EXPECT_EQ(hand_in(kWorkerA, 0, 0, "a"), 1u) << "a repeat is acknowledged and not kept";
  EXPECT_EQ(hand_in(kWorkerA, 0, 2, "c"), 0u) << "none may be missing";
  EXPECT_EQ(hand_in(kWorkerB, 1, 0, "b"), 1u);
  std::string all;
  for (std::uint32_t index = 0;; ++index) {
    scheduler_.OnNamesGet(kClient, {.job = 1, .index = index}, out_);
    const auto names = Take<wire::Names>().at(0).second;
    EXPECT_EQ(names.index, index);
    all += names.names.at(0).second;
    if (names.last) break;
  }
  EXPECT_EQ(all, "ab");
}

TEST_F(SchedulerTest, AnAutomaticDelayIsDecidedAndToldUntilItIsKnown) {
  parameters_.tau.automatic = true;
  Start();
  const auto plan = Plan();
  ASSERT_TRUE(plan);
  EXPECT_EQ(plan->tau, 1);
  for (const std::uint32_t slot : {0U, 1U}) SlotProgress(slot, 0, 0);
  for (const std::uint32_t slot : {0U, 1U}) SlotProgress(slot, 20, 0);
  for (const std::uint32_t slot : {0U, 1U}) SlotProgress(slot, 21, 0);
  const auto decisions = Take<wire::Decide>();
  ASSERT_FALSE(decisions.empty());
  EXPECT_EQ(decisions.front().second.tau, 2) << "half of the time is idle";
  EXPECT_GT(decisions.front().second.from_step, 20);
  EXPECT_EQ(decisions.back().second, decisions.front().second);
  EXPECT_NE(decisions.back().first, decisions.front().first);
  SlotProgress(0, 22, 1);
  EXPECT_TRUE(Take<wire::Decide>().empty()) << "it is known";
  const wire::JobStatus status = LastStatus();
  EXPECT_EQ(status.delays.size(), 2u);
  EXPECT_EQ(status.work.staleness.pulls, 2u) << "the last report of each slot";
  EXPECT_EQ(status.work.staleness.steps_max, 1u);
  BothDone(0, Phase::kTrain);
  EXPECT_EQ(LastStatus().delays.size(), 2u);
}

TEST_F(SchedulerTest, AFixedDelayIsPlannedAndNeverDecided) {
  parameters_.tau.steps = 5;
  Start();
  const auto plan = Plan();
  ASSERT_TRUE(plan);
  EXPECT_EQ(plan->tau, 5);
  for (Step step = 0; step < 200; step += 10) {
    for (const std::uint32_t slot : {0U, 1U}) SlotProgress(slot, step, 0);
  }
  EXPECT_TRUE(Take<wire::Decide>().empty());
}

}  // namespace
}  // namespace steelyard::job
