// The scheduler's part in moving rows from slow workers of a batch solver to the others.
#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "data/dataset.h"
#include "job/scheduler.h"

namespace steelyard::job {

using wire::Phase;

namespace {

constexpr double kSecond = 1e9;

bool IsKnown(const wire::ShardSpec& shard) {
  return shard.row_count != data::kRowsUnknown;
}

}  // namespace

const Scheduler::Slot& Scheduler::FirstSlot(const Job& job) {
  return *std::ranges::find(job.slots, false, &Slot::rests);
}

void Scheduler::NoteLoad(Job& job) {
  // Where nobody counts rows before they are read, shards are taken for equally large.
  const bool known = std::ranges::all_of(job.spec.shards, IsKnown);
  for (Slot& slot : job.slots) {
    slot.held = slot.assigned;
    slot.load = {.shards = {}, .load_seconds = static_cast<double>(slot.batch.own_ns) / kSecond};
    for (const wire::ShardSpec& shard : slot.held)
      slot.load.shards.push_back(known ? static_cast<double>(shard.row_count) : 1.0);
  }
}

void Scheduler::NoteTimes(Phase phase, Slot& slot) {
  const bool in_pass =
      phase == Phase::kBlocks || phase == Phase::kMove || phase == Phase::kGradient;
  if (!in_pass) return;
  slot.times.seconds += static_cast<double>(slot.batch.own_ns) / kSecond;
  slot.times.stalled += static_cast<double>(slot.batch.stalled_ns) / kSecond;
}

void Scheduler::BeginBalance(Job& job) {
  const bool stream = job.spec.shards.front().byte_count == data::kSharedStream;
  if (!job.parameters.moves_rows() || stream || job.slots.size() == 1) return;
  std::vector<RowBalance::Slot> loads;
  loads.reserve(job.slots.size());
  for (Slot& slot : job.slots) {
    slot.load.arrange_seconds = static_cast<double>(slot.batch.own_ns) / kSecond;
    loads.push_back(std::move(slot.load));
  }
  job.balance.emplace(loads);
}

void Scheduler::Balance(Job& job) const {
  if (!job.balance) return;
  std::vector<RowBalance::Times> times;
  times.reserve(job.slots.size());
  for (Slot& slot : job.slots) times.push_back(std::exchange(slot.times, {}));
  job.moves = job.balance->OnPass(times);
}

void Scheduler::StartPass(Job& job, Phase phase, std::vector<Outgoing>& out) {
  if (job.moves.empty()) return StartPhase(job, job.status.pass + 1, phase, out);
  job.after_deal = phase;
  Deal(job, out);
}

void Scheduler::Deal(Job& job, std::vector<Outgoing>& out) {
  std::map<std::size_t, wire::ShardsMoved> moved;
  std::map<std::size_t, std::vector<wire::ShardSpec>> taken;
  for (const RowBalance::Move& move : job.moves) {
    Slot& from = job.slots[move.from];
    const wire::ShardsMoved first{.pass = job.status.batch.passes,
                                  .worker = NameOf(from.worker),
                                  .shards = 0,
                                  .of = static_cast<std::uint32_t>(from.held.size()),
                                  .times = job.balance->Slowness(move.from)};
    ++moved.try_emplace(move.from, first).first->second.shards;
    taken[move.to].push_back(from.held.back());
    from.held.pop_back();
    from.rests = from.held.empty();
  }
  job.balance->Apply(std::exchange(job.moves, {}));
  for (const auto& [slot, gift] : moved) {
    Log("job " + std::to_string(job.id) + ": " + gift.worker + " gives " +
        std::to_string(gift.shards) + " of " + std::to_string(gift.of) + " shards away");
    job.status.batch.moved.push_back(gift);
  }
  StartPhase(job, job.status.pass + 1, Phase::kDeal, out);
  for (auto& [slot, shards] : taken) job.slots[slot].assigned = std::move(shards);
  // Who gave all is told once, and not waited for: it may stand still just now. Not told, it would hold rows for nothing.
  for (const auto& [slot, gift] : moved)
    if (job.slots[slot].rests) SendPlan(job, job.slots[slot], out);
}

/// The last pass is ended or undone now; what comes next does not do it again.
void Scheduler::EndDeal(Job& job, std::vector<Outgoing>& out) {
  for (Slot& slot : job.slots)
    slot.held.insert(slot.held.end(), slot.assigned.begin(), slot.assigned.end());
  job.batch_plan.take_back = false;
  job.batch_plan.move = {};
  StartPhase(job, job.status.pass + 1, job.after_deal, out);
}

}  // namespace steelyard::job
