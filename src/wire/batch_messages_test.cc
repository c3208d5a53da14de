// Goal: what job messages carry for batch solvers round-trips, and a plan that nobody could follow is refused.
// Method: round trips, every truncation, fields that lie.
#include "wire/batch_messages.h"

#include <gtest/gtest.h>

#include "wire/job_messages.h"
#include "wire/test_whole.h"

namespace steelyard::wire {
namespace {

TEST(BatchMessages, RoundTripAndNothingShorter) {
  ExpectWhole(PassPlan{
      .job = 1, .phase = Phase::kSearch, .batch = {.move = {1.5, -0.5, 2.0}, .slot_count = 3}});
  ExpectWhole(PassDone{.job = 1,
                       .phase = Phase::kBlocks,
                       .work = {},
                       .evaluation = {},
                       .batch = {.loss = 0.5, .model = {1.0, 2.0}, .losses = {3.0}, .own_ns = 4}});
  JobStatus status;
  status.batch = {.passes = 9,
                  .objective = 0.25,
                  .features = 100,
                  .moved = {{.pass = 2, .worker = "b", .shards = 1, .of = 4, .times = 2.5}}};
  ExpectWhole(status);
  const auto read = Decode<JobStatus>(Encode(status).bytes());
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(read.value().batch, status.batch);
}

TEST(BatchMessages, StepsOfNoBlockAreRefused) {
  PassPlan plan{.job = 1, .phase = Phase::kBlocks, .batch = {.blocks_per_step = 1}};
  EXPECT_TRUE(Decode<PassPlan>(Encode(plan).bytes()).ok());
  plan.batch.blocks_per_step = 0;
  EXPECT_FALSE(Decode<PassPlan>(Encode(plan).bytes()).ok())
      << "a worker would never reach the last block";
}

}  // namespace
}  // namespace steelyard::wire
