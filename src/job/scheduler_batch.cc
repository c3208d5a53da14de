// The scheduler's part in batch solvers: which phase comes after which.
#include <algorithm>
#include <cmath>

#include "job/scheduler.h"

namespace steelyard::job {

using wire::Phase;

namespace {

/// Blocks for each entry of a row. With the most a block changes few margins twice; with fewer than the least, passes fail.
constexpr double kBlocksPerEntryMost = 2.0;
constexpr double kBlocksPerEntryLeast = 1.0;
/// Computing on so many takes as long as waking those who wait for it.
constexpr double kEntriesPerBlock = 32'768.0;
/// A block has no more features than entries, and a step's frame 8 bytes for each feature.
constexpr double kEntriesPerBlockMax = 2'097'152.0;
constexpr double kBlocksMax = 65'536.0;

/// A sweep's steps need not know of each other; so many fill the line.
constexpr double kSweepSteps = 16.0;

std::uint32_t BlockCount(std::uint64_t entries, std::uint64_t rows) {
  const double count = static_cast<double>(entries);
  const double per_row = count / static_cast<double>(std::max<std::uint64_t>(rows, 1));
  const double few = std::clamp(count / kEntriesPerBlock, kBlocksPerEntryLeast * per_row,
                                kBlocksPerEntryMost * per_row);
  const double blocks = std::max(few, count / kEntriesPerBlockMax);
  return static_cast<std::uint32_t>(std::clamp(std::ceil(blocks), 1.0, kBlocksMax));
}

double ShareOf(std::uint64_t entries, const wire::WorkSums& loaded) {
  return static_cast<double>(entries) /
         static_cast<double>(std::max<std::uint64_t>(loaded.nonzeros, 1));
}

/// No more places than these can move a weight from 0: they cannot add up to the penalty. 0: none can be left out.
std::uint32_t PlacesNegligible(const TrainParameters& parameters, double slope_max) {
  if (parameters.filters != kKktFilter || !(slope_max > 0.0)) return 0;
  constexpr auto kMost = static_cast<double>(~std::uint32_t{0});
  return static_cast<std::uint32_t>(std::min(std::floor(parameters.l1 / slope_max), kMost));
}

double PenaltyOf(const TrainParameters& parameters, const wire::BlockFigures& figures) {
  return parameters.l1 * figures.norm1 + 0.5 * parameters.l2 * figures.norm2_squared;
}

}  // namespace

std::uint32_t Scheduler::BlocksPerSweepStep(const Job& job) {
  const auto entries = static_cast<double>(job.status.earlier.nonzeros);
  const double steps = std::max(kSweepSteps, entries / kEntriesPerBlockMax);
  return std::max(1u, static_cast<std::uint32_t>(job.batch_plan.block_count / steps));
}

void Scheduler::EndBatchPhase(Job& job, std::vector<Outgoing>& out) {
  wire::BatchStatus& batch = job.status.batch;
  double loss = 0.0;
  double dual = 0.0;
  std::vector<double> objectives;
  std::vector<double> model;
  std::uint64_t active_entries = 0;
  double slope_max = 0.0;
  const Phase phase = job.status.phase;
  for (Slot& slot : job.slots) {
    if (slot.rests) continue;
    NoteTimes(phase, slot);
    loss += slot.batch.loss;
    dual += slot.batch.dual;
    wire::AddTo(objectives, slot.batch.losses);
    wire::AddTo(model, slot.batch.model);
    active_entries += slot.batch.active_entries;
    slope_max = std::max(slope_max, slot.batch.slope_max);
    job.status.earlier.Add(slot.work);
    slot.work = {};
  }
  // Servers tell every worker the same.
  const wire::BatchSums& first = FirstSlot(job).batch;
  if (phase != Phase::kSearch && phase != Phase::kDeal) job.active_entries = active_entries;
  wire::AddTo(objectives, first.figures.penalties);
  wire::AddTo(model, first.figures.model);
  const double objective = loss + PenaltyOf(job.parameters, first.figures);
  switch (phase) {
    case Phase::kLoad:
      NoteLoad(job);
      job.batch_plan = {
          .block_count = BlockCount(job.status.earlier.nonzeros, job.status.earlier.rows),
          .places_negligible = PlacesNegligible(job.parameters, slope_max)};
      return StartPhase(job, job.status.pass + 1, Phase::kPrepare, out);
    case Phase::kPrepare:
      batch.features = first.figures.features;
      batch.objective = objective;
      BeginBalance(job);
      if (job.parameters.solver == Solver::kOwlqn) return BeginOwlqn(job, objective, out);
      job.dbpg.emplace(
          DbpgControl::Options{.tau = static_cast<std::uint32_t>(std::min<Step>(
                                   job.parameters.tau.steps, job.batch_plan.block_count)),
                               .tolerance = job.parameters.tolerance,
                               .passes_max = static_cast<std::uint32_t>(job.parameters.passes),
                               .filter = job.parameters.filters == kKktFilter,
                               .examples = std::max<std::uint64_t>(job.status.earlier.rows, 1)},
          objective);
      return ContinueDbpg(job, DbpgControl::Next::kPass, out);
    case Phase::kBlocks: {
      batch.settled = first.figures.settled;
      Balance(job);
      const DbpgControl::Next next =
          job.dbpg->OnPassEnd({.objective = objective,
                               .violation_max = first.figures.violation_max,
                               .active_share = ShareOf(active_entries, job.status.earlier),
                               .model = math::SearchModel::OfFigures(model)});
      if (!job.dbpg->plan().take_back) batch.nonzeros = first.figures.nonzeros;
      return ContinueDbpg(job, next, out);
    }
    case Phase::kSearch:
      return ContinueDbpg(job, job.dbpg->OnSearched(objectives), out);
    case Phase::kMove:
    case Phase::kGradient:
      return EndOwlqnPhase(job, objective, out);
    case Phase::kCertify: {
      const DbpgControl::Next next =
          job.dbpg->OnCertified(objective, first.figures.gain, first.figures.violation_max);
      batch.certified = next == DbpgControl::Next::kConverged;
      batch.objective = job.dbpg->objective();
      if (next == DbpgControl::Next::kPass) return ContinueDbpg(job, next, out);
      return EndSolve(job, first.figures.gradient_max, out);
    }
    case Phase::kDeal:
      return EndDeal(job, out);
    default:
      batch.has_gap = first.has_dual;
      batch.gap = batch.objective - dual;
      return AfterSolve(job, out);
  }
}

void Scheduler::EndSolve(Job& job, float gradient_max, std::vector<Outgoing>& out) {
  // The dual value is known for logistic loss with l1 alone; an intercept's gradient must be exactly 0 for a dual point.
  const bool has_dual = job.loss == math::LossKind::kLogistic && job.parameters.l2 == 0.0 &&
                        !job.parameters.intercept;
  if (!has_dual || gradient_max == 0.0F) return AfterSolve(job, out);
  job.batch_plan.dual_scale = std::min(1.0, job.parameters.l1 / gradient_max);
  StartPhase(job, job.status.pass + 1, Phase::kDual, out);
}

void Scheduler::AfterSolve(Job& job, std::vector<Outgoing>& out) {
  StartPhase(job, job.status.pass + 1,
             job.parameters.has_validation() ? Phase::kValidate : Phase::kFinish, out);
  Report(job, out);
}

void Scheduler::ContinueDbpg(Job& job, DbpgControl::Next next, std::vector<Outgoing>& out) {
  const DbpgControl::Plan& plan = job.dbpg->plan();
  job.batch_plan.tau = job.status.batch.tau = plan.tau;
  job.batch_plan.safety = plan.safety;
  job.batch_plan.margin = plan.margin;
  job.batch_plan.take_back = plan.take_back;
  job.batch_plan.move = {
      .pass = plan.move.pass, .earlier = plan.move.earlier, .scale = plan.move.scale};
  const std::uint32_t pass = job.status.pass + 1;
  const std::uint32_t blocks = job.batch_plan.block_count;
  if (next == DbpgControl::Next::kSearch) return StartPhase(job, pass, Phase::kSearch, out);
  job.status.batch.passes = job.dbpg->passes();
  job.status.batch.taken_back = job.dbpg->taken_back();
  job.status.batch.objective = job.dbpg->objective();
  switch (next) {
    case DbpgControl::Next::kPass:
      job.batch_plan.blocks_per_step =
          std::max(1u, blocks / BlockCount(job.active_entries, job.status.earlier.rows));
      StartPass(job, Phase::kBlocks, out);
      break;
    case DbpgControl::Next::kCertify:
      job.batch_plan.blocks_per_step = BlocksPerSweepStep(job);
      StartPhase(job, pass, Phase::kCertify, out);
      break;
    case DbpgControl::Next::kSearch:
      break;  // Above.
    case DbpgControl::Next::kConverged:
    case DbpgControl::Next::kPassesUsedUp:
      return AfterSolve(job, out);
  }
  Report(job, out);
}

}  // namespace steelyard::job
