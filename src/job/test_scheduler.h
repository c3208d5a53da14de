// A scheduler over real membership and tables, for tests: they are the submitter, the workers and the clock.
#pragma once

#include <gtest/gtest.h>

#include <set>

#include "job/evaluation_codec.h"
#include "job/scheduler.h"

namespace steelyard::job {

using namespace std::chrono_literals;
using wire::JobState;
using wire::Phase;

inline constexpr NodeId kServer = 1;
inline constexpr NodeId kClient = 2;
inline constexpr NodeId kWorkerA = 3;
inline constexpr NodeId kWorkerB = 4;
inline constexpr NodeId kFollower = 5;  ///< Joins after two workers.

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
    submit.table = table_;
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
  TableId table_ = 1;    ///< Of the job.
  bool stream_ = false;  ///< The input is a stream that all slots share.
  bool detached_ = false;
  std::vector<Outgoing> out_;
};

}  // namespace steelyard::job
