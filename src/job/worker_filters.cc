// What a worker's run does with message filters: begins with them, pushes what they hold back, and counts.
#include <algorithm>
#include <utility>

#include "job/worker_run.h"

namespace steelyard::job {

using transport::Transport;

namespace {

/// For the pushes of how often a feature stands in a batch solver's rows.
constexpr std::string_view kCountFilters = "delta,lz4";

/// Rows of one push of what filters held back.
constexpr std::size_t kHeldBackRows = 65'536;

/// What a step of a batch solver sends of a feature: gradient, and half a float of curvature. A weight of 0 comes back as a
/// bit.
constexpr std::uint64_t kStepPushedBytes = sizeof(float) + sizeof(std::uint16_t);

}  // namespace

void Worker::Run::UseFilters(Transport& transport) {
  if (parameters_.filters == TrainParameters{}.filters) return;
  // A batch solver's steps carry no keys, and what they leave out is its scheduler's plan: only its counts are filtered.
  const std::string_view list =
      IsBatch(parameters_.solver) ? kCountFilters : std::string_view(parameters_.filters);
  auto filters =
      filter::FilterStack::Create(list, {.seed = parameters_.seed * 1024 + assign_.stream});
  const Status used = filters.ok()
                          ? client_->UseFilters(assign_.view.table, std::move(filters.value()))
                          : filters.status();
  if (!used.ok()) Fail(transport, used);
}

bool Worker::Run::PushHeldBack(Transport& transport) {
  const std::uint32_t width = FloatsPerKey();
  if (!held_back_) held_back_ = client_->TakeHeldBack(assign_.view.table, width);
  filter::PushRows& rows = *held_back_;
  while (rows.size() > 0) {
    const std::size_t first = rows.size() - std::min(rows.size(), kHeldBackRows);
    const std::span keys = std::span(rows.keys).subspan(first);
    const std::span floats = std::span(rows.floats).subspan(first * width);
    if (!client_->HasRoom(keys.size_bytes() + floats.size_bytes())) return false;
    client::PushRequest request{.step = next_step_,
                                .through_step = next_step_ - 1,
                                .columns = scorer_->columns(),
                                .floats_per_key = width,
                                .keys = {keys.begin(), keys.end()},
                                .floats = {floats.begin(), floats.end()},
                                .exact = true};
    if (!TryPush(transport, std::move(request))) return false;
    rows.Truncate(first);
  }
  return true;
}

void Worker::Run::CountSettled() {
  if (phase_ != wire::Phase::kBlocks || parameters_.filters != kKktFilter) return;
  const std::uint64_t all = batch_->feature_count();
  const std::uint64_t active = batch_->learner().active().size();
  work_.filters = {{.name = std::string(kKktFilter),
                    .bytes_before = all * kStepPushedBytes,
                    .bytes_after = active * kStepPushedBytes}};
  work_.before_filters_bytes += (all - active) * kStepPushedBytes;
}

void Worker::Run::CountFilters() {
  if (batch_) return CountSettled();
  const auto counts = client_->FilterCountsOf(assign_.view.table);
  work_.filters.clear();
  for (std::size_t i = 0; i < counts.size(); ++i) {
    work_.filters.push_back(
        {.name = counts[i].name,
         .bytes_before = counts[i].bytes_before - filters_at_start_[i].bytes_before,
         .bytes_after = counts[i].bytes_after - filters_at_start_[i].bytes_after});
  }
}

}  // namespace steelyard::job
