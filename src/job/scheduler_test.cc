// Goal: a job goes through its phases once, whatever is repeated, and ends with the name of what ended it.
// Method: a scheduler over real membership and tables; the test is the submitter, the workers and the clock.
#include "job/test_scheduler.h"

namespace steelyard::job {
namespace {

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

}  // namespace
}  // namespace steelyard::job
