// What a batch run does when rows move between workers, between two passes.
#include <algorithm>
#include <memory>
#include <utility>

#include "job/batch_run.h"

namespace steelyard::job {

using transport::Transport;
using wire::BlockAction;

namespace {

constexpr std::size_t kKeysPerPull = std::size_t{1} << 16;

}  // namespace

void BatchRun::Deal(Transport& transport, const wire::PassPlan& plan, std::size_t rows_kept,
                    Done done) {
  Begin(transport, plan, std::move(done));
  rows_kept_ = rows_kept;
  Compute(
      [this] {
        SettlePass(plan_.batch);
        if (rows_kept_ == learner_->row_count()) return;
        learner_->EndRows();
        learner_->MakeColumns();
      },
      // The servers settle the pass before they tell anyone about features.
      [self = shared_from_this(), &transport] {
        self->StartStep(transport, BlockAction::kMeasure, 0);
      });
}

void BatchRun::TakeOverRows(Transport& transport) {
  if (rows_kept_ == learner_->row_count()) return MeasureLoss();
  Join(transport);
}

void BatchRun::PullNewRows(Transport& transport) {
  Compute(
      [this] {
        NumberKeys();
        ranks_ = {};
        new_keys_.clear();
        new_features_.clear();
        new_rows_.clear();
        const auto keys = learner_->keys();
        for (std::size_t i = 0; i < keys.size(); ++i) {
          const std::uint32_t feature = numbering_.feature_of_key[i];
          if (!std::ranges::binary_search(numbering_.new_features, feature)) continue;
          new_keys_.push_back(keys[i]);
          new_features_.push_back(feature);
        }
      },
      [self = shared_from_this(), &transport] { self->PullNextRows(transport); });
}

void BatchRun::PullNextRows(Transport& transport) {
  const std::size_t floats = learner_->row_floats();
  const std::size_t first = new_rows_.size() / floats;
  if (first == new_keys_.size()) return Rearrange(transport);
  const auto keys =
      std::span(new_keys_).subspan(first, std::min(kKeysPerPull, new_keys_.size() - first));
  client::PullRequest request{.step = next_step_,
                              .gate_step = wire::kNoGate,
                              .columns = wire::Columns::kRows,
                              .floats_per_key = static_cast<std::uint32_t>(floats),
                              .keys = {keys.begin(), keys.end()}};
  const Status status =
      client_->Pull(transport, assign_.view.table, std::move(request),
                    [self = shared_from_this(), &transport](const Result<client::Pulled>& pulled) {
                      if (self->cancelled_) return;
                      if (!pulled.ok()) return self->End(pulled.status());
                      const auto& rows = pulled.value().floats;
                      self->new_rows_.insert(self->new_rows_.end(), rows.begin(), rows.end());
                      self->PullNextRows(transport);
                    });
  if (!status.ok()) End(status);
}

void BatchRun::Rearrange(Transport&) {
  feature_count_ += new_keys_.size();
  Compute(
      [this] {
        learner_->Rearrange({.rows_kept = rows_kept_,
                             .feature_count = rank_of_.size(),
                             .feature_of = numbering_.feature_of,
                             .feature_of_key = numbering_.feature_of_key,
                             .new_features = new_features_,
                             .rows = new_rows_});
        numbering_ = {};
        new_keys_ = {};
        new_features_ = {};
        new_rows_ = {};
      },
      [self = shared_from_this()] { self->MeasureLoss(); });
}

}  // namespace steelyard::job
