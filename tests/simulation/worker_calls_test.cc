// Goal: a call at a job's workers runs once at each and is answered once, for that job; one at a worker that dies or has
// left says so; learning goes on beside it and counts every row once. Method: whole clusters that train, in simulated worlds
// with faults; a program calls one worker or all of them, before, while and after they work.
#include <gtest/gtest.h>

#include <iostream>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "api/cluster_node.h"
#include "cluster.h"
#include "seeds.h"

namespace steelyard::simulation {
namespace {

using namespace std::chrono_literals;

constexpr JobId kJob = 1;
constexpr std::uint32_t kWorkers = 3;
constexpr std::uint64_t kPasses = 3;
constexpr int kCallsAfterTheJob = 5;
constexpr runtime::Time kPatience = 600s;

struct Totals {
  std::uint64_t faults = 0;
  int answered = 0;
  int nobody = 0;
  int dead = 0;
};

class CalledJob {
 public:
  explicit CalledJob(std::uint64_t seed) : dies_(seed % 4 == 2), cluster_(MakeOptions(seed)) {
    program_ = cluster_.world().AddNode("program", [](runtime::Executor&) {
      return std::make_unique<api::ClusterNode>(api::ClusterNode::Options{
          .head_address = "head", .incarnation = 9'999, .description = "simulated"});
    });
  }

  void Run(std::uint64_t seed) {
    Call();  // Of a job that is not there yet.
    job::TrainParameters parameters;
    parameters.data = {"memory"};
    parameters.minibatch = 16;
    parameters.passes = kPasses;
    parameters.tau.steps = static_cast<Step>(seed % 3);
    job_ = cluster_.Submit(parameters);
    const runtime::Time end = cluster_.world().now() + kPatience;
    while (!outcome().ended && cluster_.world().now() < end) {
      Call();
      cluster_.RunUntilEnd(job_, cluster_.world().now() + 20ms);
      if (dies_ && !dead_ && outcome().rows_trained > 2'000) {
        dead_ = true;
        cluster_.world().Crash(cluster_.worker(1));
      }
    }
    ASSERT_TRUE(outcome().ended) << "the job hangs: " << outcome().last_status;
    for (int i = 0; i < kCallsAfterTheJob; ++i) Call();
    ASSERT_TRUE(cluster_.world().Run(cluster_.world().now() + kPatience,
                                     [&] { return answers_.size() == given_.size(); }))
        << answers_.size() << " of " << given_.size() << " calls are answered";
  }

  void Check(Totals& totals) {
    if (dead_) {
      EXPECT_EQ(outcome().status.code(), StatusCode::kUnavailable) << outcome().status.ToString();
    } else {
      ASSERT_TRUE(outcome().status.ok()) << outcome().status.ToString();
      EXPECT_EQ(outcome().rows, cluster_.ExpectedCounts(kPasses));
    }
    for (const auto& [arguments, answer] : answers_) {
      if (!answer.ok()) {
        // More than may be open at once, where the network is slow.
        EXPECT_EQ(answer.status().code(), StatusCode::kResourceExhausted)
            << answer.status().ToString();
        continue;
      }
      for (const wire::MemberResult& result : answer.value().results)
        CheckResult(arguments, result, totals);
    }
    for (const auto& [what, times] : *runs_)
      EXPECT_EQ(times, 1) << what.second << " at worker " << what.first;
    totals.faults += cluster_.world().fault_counts().total();
  }

 private:
  ClusterOptions MakeOptions(std::uint64_t seed) {
    ClusterOptions options;
    options.world.seed = seed;
    options.world.faults = {.drop = 0.02,
                            .duplicate = 0.03,
                            .reorder = 0.05,
                            .slow = 0.01,
                            .break_link = 0.001,
                            .corrupt = 0.0005};
    options.rows.seed = seed;
    options.rows.count = 4'000;
    options.worker_functions["echo"] = [runs = runs_](const WorkerProgress& progress,
                                                      const std::string& arguments) {
      EXPECT_EQ(progress.job, kJob);
      EXPECT_LE(progress.pass, kPasses);
      ++(*runs)[{progress.worker, arguments}];
      return arguments + std::to_string(progress.worker);
    };
    return options;
  }

  void Call() {
    const std::size_t number = given_.size();
    const std::string arguments = "call " + std::to_string(number) + " at ";
    const std::uint32_t worker =
        number % 3 == 0 ? wire::kEveryMember : static_cast<std::uint32_t>(number / 3 % kWorkers);
    given_.push_back(worker);
    cluster_.world().Call(program_, [this, worker, arguments](transport::Node& node,
                                                              transport::Transport& transport) {
      auto& program = dynamic_cast<api::ClusterNode&>(node);
      program.Call(transport,
                   {.group = kJob,
                    .member = worker,
                    .patience_ns = std::uint64_t{200} * 1'000'000'000,
                    .function = "echo",
                    .arguments = arguments},
                   [this, arguments](Result<wire::MemberAnswer> answer) {
                     EXPECT_TRUE(answers_.emplace(arguments, std::move(answer)).second)
                         << arguments << " is answered twice";
                   });
      program.ArmAlarm(transport);
    });
  }

  void CheckResult(const std::string& arguments, const wire::MemberResult& result, Totals& totals) {
    switch (result.code) {
      case StatusCode::kOk:
        ++totals.answered;
        EXPECT_EQ(result.bytes, arguments + std::to_string(result.member));
        EXPECT_TRUE(runs_->contains({result.member, arguments})) << "answered, but it did not run";
        return;
      case StatusCode::kNotFound:  // No worker yet, or no more.
        ++totals.nobody;
        return;
      case StatusCode::kUnavailable:
        ++totals.dead;
        EXPECT_TRUE(dead_);
        EXPECT_EQ(dead_slot_.value_or(result.member), result.member)
            << "one died: " << result.message;
        dead_slot_ = result.member;
        return;
      default:
        ADD_FAILURE() << StatusCodeName(result.code) << ": " << result.message;
    }
  }
  const JobOutcome& outcome() const { return cluster_.outcome(job_); }

  std::shared_ptr<std::map<std::pair<std::uint32_t, std::string>, int>> runs_ =
      std::make_shared<std::map<std::pair<std::uint32_t, std::string>, int>>();
  bool dies_;
  bool dead_ = false;
  std::optional<std::uint32_t> dead_slot_;
  Cluster cluster_;
  transport::NodeIndex program_ = 0;
  std::size_t job_ = 0;
  std::vector<std::uint32_t> given_;  ///< Whom each call was for.
  std::map<std::string, Result<wire::MemberAnswer>> answers_;
};

TEST(SimulatedWorkerCalls, RunOnceAtTheWorkersOfTheJob) {
  const Seeds seeds = SeedsOf(/*least=*/24, /*share=*/10);
  Totals totals;
  for (std::uint64_t seed = seeds.first; seed < seeds.end(); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    CalledJob job(seed);
    ASSERT_NO_FATAL_FAILURE(job.Run(seed));
    ASSERT_NO_FATAL_FAILURE(job.Check(totals));
  }
  std::cout << seeds.count << " seeds from " << seeds.first << ": " << totals.faults << " faults, "
            << totals.answered << " answers, " << totals.nobody << " where nobody was, "
            << totals.dead << " of the dead\n";
  EXPECT_GT(totals.faults, 10 * seeds.count);
  EXPECT_GT(totals.answered, static_cast<int>(10 * seeds.count));
  EXPECT_GT(totals.dead, 0);
  EXPECT_GT(totals.nobody, static_cast<int>(kCallsAfterTheJob * seeds.count / 2));
}

}  // namespace
}  // namespace steelyard::simulation
