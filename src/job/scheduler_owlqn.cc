// The scheduler's part in the quasi-Newton solver: a gradient, then trial points until one is accepted.
#include <algorithm>

#include "job/scheduler.h"

namespace steelyard::job {

using wire::Phase;

void Scheduler::BeginOwlqn(Job& job, double objective, std::vector<Outgoing>& out) {
  job.owlqn.emplace(
      OwlqnControl::Options{.tolerance = job.parameters.tolerance,
                            .passes_max = static_cast<std::uint32_t>(job.parameters.passes)},
      objective);
  ContinueOwlqn(job, OwlqnControl::Next::kGradient, out);
}

void Scheduler::EndOwlqnPhase(Job& job, double objective, std::vector<Outgoing>& out) {
  const wire::BlockFigures& figures = FirstSlot(job).batch.figures;
  if (job.status.phase == Phase::kMove) {
    job.status.batch.nonzeros = figures.nonzeros;
    return ContinueOwlqn(job, job.owlqn->OnMoved(objective, figures.slope), out);
  }
  job.gradient_max = figures.gradient_max;
  Balance(job);
  ContinueOwlqn(job, job.owlqn->OnGradient(figures.products), out);
}

void Scheduler::ContinueOwlqn(Job& job, OwlqnControl::Next next, std::vector<Outgoing>& out) {
  const OwlqnControl::Plan& plan = job.owlqn->plan();
  job.batch_plan.newton = {.direction = plan.direction,
                           .reach = plan.reach,
                           .pair = plan.pair.value_or(wire::QuasiNewtonStep::kNoPair)};
  job.batch_plan.blocks_per_step = BlocksPerSweepStep(job);
  job.status.batch.passes = job.owlqn->passes();
  job.status.batch.objective = job.owlqn->objective();
  const std::uint32_t pass = job.status.pass + 1;
  switch (next) {
    case OwlqnControl::Next::kGradient:
      StartPhase(job, pass, Phase::kGradient, out);
      break;
    case OwlqnControl::Next::kMove:
      StartPass(job, Phase::kMove, out);
      break;
    case OwlqnControl::Next::kConverged:
    case OwlqnControl::Next::kPassesUsedUp:
      job.status.batch.certified = next == OwlqnControl::Next::kConverged;
      return EndSolve(job, job.gradient_max, out);
  }
  Report(job, out);
}

}  // namespace steelyard::job
