// Goal: a job ends once, with its result or the name of what ended it, and whoever has to do with it is told.
// Method: as scheduler_test.cc.
#include "job/test_scheduler.h"

namespace steelyard::job {
namespace {

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

TEST_F(SchedulerTest, AJobWhoseTableGoesWithItsSubmitterSaysWhoDied) {
  table_ = 2;
  tables_.Create(kClient, 3,
                 {.spec = {{.name = "its own", .updater = {}, .segment_count = 2}},
                  .servers_min = 1,
                  .stays = false},
                 out_);
  tables_.OnViewReady(now_, kServer, {.table = 2, .epoch = 1}, out_);
  Start();
  out_.clear();
  Depart(kClient);
  const auto cancels = Take<wire::JobCancel>();
  ASSERT_EQ(cancels.size(), 2u);
  EXPECT_EQ(cancels[0].second.reason, "node 2: its submitter is gone: died");
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
