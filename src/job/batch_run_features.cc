// What a batch run does before its first step: count keys, learn the features' ranks, number them.
#include <algorithm>
#include <numeric>
#include <string>
#include <utility>

#include "job/batch_run.h"
#include "placement/placement.h"

namespace steelyard::job {

using transport::Transport;
using wire::BlockAction;

namespace {

constexpr std::size_t kKeysPerPush = std::size_t{1} << 16;
constexpr std::size_t kPushesOutMax = 4;
/// Of one BLOCK_JOIN; its answer has as many ranks and weights.
constexpr std::size_t kKeysPerJoinMax = std::size_t{4} << 20;

}  // namespace

void BatchRun::CountKeys(Transport& transport, Done done) {
  Begin(transport, {}, std::move(done));
  columns_made_ = false;
  Compute([this] { learner_->EndRows(); },
          [self = shared_from_this(), &transport] {
            // Servers take about as long for the keys.
            self->Compute([self] { self->learner_->MakeColumns(); },
                          [self] {
                            self->columns_made_ = true;
                            self->EndCounting();
                          });
            self->PushNextKeys(transport);
          });
}

void BatchRun::PushNextKeys(Transport& transport) {
  const auto keys = learner_->keys();
  while (next_key_ < keys.size() && pushes_out_ < kPushesOutMax) {
    const std::size_t count = std::min(kKeysPerPush, keys.size() - next_key_);
    const auto part = keys.subspan(next_key_, count);
    const auto entries = learner_->entries().subspan(next_key_, count);
    client::PushRequest request;
    request.keys.assign(part.begin(), part.end());
    request.floats.assign(entries.begin(), entries.end());
    if (!client_->HasRoom(count * (sizeof(Key) + sizeof(float))) && pushes_out_ > 0) return;
    const auto pushed =
        client_->Push(transport, assign_.view.table, std::move(request),
                      [self = shared_from_this(), &transport](const Status& status) {
                        --self->pushes_out_;
                        if (!status.ok()) return self->End(status);
                        self->PushNextKeys(transport);
                      });
    if (!pushed.ok()) return End(pushed.status());
    ++pushes_out_;
    next_key_ += count;
  }
  EndCounting();
}

void BatchRun::EndCounting() {
  if (next_key_ < learner_->keys().size() || pushes_out_ > 0 || !columns_made_) return;
  sums_.slope_max = learner_->slope_max();
  End({});
}

void BatchRun::Prepare(Transport& transport, const wire::PassPlan& plan, Done done) {
  Begin(transport, plan, std::move(done));
  block_count_ = plan.batch.block_count;
  runs_.assign(block_count_ * segment_count_ + 1, 0);
  feature_count_ = learner_->keys().size();
  Join(transport);
}

void BatchRun::Join(Transport& transport) {
  std::vector<placement::KeySlice> slices;
  const auto keys = learner_->keys();
  placement::SliceKeys(keys, assign_.view, slices);
  std::vector<placement::KeySlice> slice_of(segment_count_);
  for (const placement::KeySlice& slice : slices) slice_of[slice.segment] = slice;
  ranks_.assign(segment_count_, {});
  const wire::BlockJoin empty{.table = assign_.view.table,
                              .group = assign_.job,
                              .slot = assign_.slot,
                              .session = assign_.session,
                              .block_count = block_count_,
                              .places_negligible = plan_.batch.places_negligible,
                              .segments = {}};
  for (std::size_t owner = 0; owner < segments_of_.size(); ++owner) {
    wire::BlockJoin join = empty;
    std::size_t in_join = 0;
    const auto send = [&] {
      ++joins_out_;
      const Status status =
          client_->Ask(transport, assign_.view.table, owner, wire::MakeFrame(join),
                       [self = shared_from_this(), &transport](const Result<wire::Frame>& frame) {
                         self->OnJoined(transport, frame);
                       });
      join = empty;
      in_join = 0;
      return status;
    };
    for (const SegmentId segment : segments_of_[owner]) {
      const placement::KeySlice& slice = slice_of[segment];
      if (slice.count > kKeysPerJoinMax) {
        return End(Status(StatusCode::kInvalidArgument,
                          "this worker's rows have " + std::to_string(slice.count) +
                              " features in one segment of the table, and may have " +
                              std::to_string(kKeysPerJoinMax) + "; use more workers"));
      }
      if (in_join + slice.count > kKeysPerJoinMax) {
        if (const Status status = send(); !status.ok()) return End(status);
      }
      const auto part = keys.subspan(slice.offset, slice.count);
      join.segments.push_back({.segment = segment, .keys = {part.begin(), part.end()}});
      in_join += slice.count;
    }
    if (join.segments.empty()) continue;
    if (const Status status = send(); !status.ok()) return End(status);
  }
}

void BatchRun::OnJoined(Transport& transport, const Result<wire::Frame>& frame) {
  if (cancelled_) return;
  auto joined = wire::DecodeAnswer<wire::BlockJoined>(frame);
  if (!joined.ok()) return End(joined.status());
  for (wire::BlockRanks& answer : joined.value().segments) {
    if (answer.segment >= segment_count_) continue;
    auto ranks = answer.ranks.Expand(answer.keys);
    if (!ranks) {
      return End(Status(
          StatusCode::kCorruption,
          "a server's ranks of segment " + std::to_string(answer.segment) + " are no ranks"));
    }
    ranks_[answer.segment] = {.firsts = std::move(answer.firsts),
                              .ranks = std::move(*ranks),
                              .weights = std::move(answer.weights)};
  }
  if (--joins_out_ > 0) return;
  if (const Status status = CheckJoined(); !status.ok()) return End(status);
  if (plan_.phase == wire::Phase::kDeal) return PullNewRows(transport);
  Arrange(transport);
}

Status BatchRun::CheckJoined() {
  std::size_t keys = 0;
  for (const SegmentRanks& ranks : ranks_) {
    keys += ranks.ranks.size();
    if (ranks.firsts.size() != block_count_) {
      return Status(StatusCode::kCorruption,
                    "a server cut its features into " + std::to_string(ranks.firsts.size()) +
                        " blocks instead of " + std::to_string(block_count_));
    }
  }
  if (keys == learner_->keys().size()) return {};
  return Status(StatusCode::kCorruption, "the servers ranked " + std::to_string(keys) +
                                             " features instead of " +
                                             std::to_string(learner_->keys().size()));
}

/// By block, then segment, then rank: where the ones that were there and the new ones go.
void BatchRun::NumberKeys() {
  // The new keys of each run, by rank: of one segment and block.
  const std::size_t run_count = block_count_ * segment_count_;
  const std::size_t key_count = learner_->keys().size();
  std::vector<std::uint32_t> run_of(key_count, BatchLearner::kNoFeature);
  std::vector<std::uint32_t> rank_of(key_count);
  std::vector<std::size_t> starts(run_count + 1);
  std::size_t key = 0;
  for (std::size_t segment = 0; segment < ranks_.size(); ++segment) {
    std::size_t block = 0;
    for (const std::uint32_t rank : ranks_[segment].ranks) {
      rank_of[key] = rank;
      if (rank != wire::kNoRank) {
        while (block + 1 < block_count_ && rank >= ranks_[segment].firsts[block + 1]) ++block;
        run_of[key] = static_cast<std::uint32_t>(block * segment_count_ + segment);
        ++starts[run_of[key] + std::size_t{1}];
      }
      ++key;
    }
  }
  std::partial_sum(starts.begin(), starts.end(), starts.begin());
  std::vector<std::uint32_t> keys(starts.back());
  std::vector<std::size_t> next(starts.begin(), starts.end() - 1);
  for (key = 0; key < key_count; ++key) {
    if (run_of[key] != BatchLearner::kNoFeature)
      keys[next[run_of[key]]++] = static_cast<std::uint32_t>(key);
  }
  // Each run's features so far and its new keys, merged.
  runs_.resize(run_count + 1);
  numbering_ = {};
  numbering_.feature_of_key.assign(key_count, BatchLearner::kNoFeature);
  numbering_.feature_of.resize(rank_of_.size());
  std::vector<std::uint32_t> ranks;
  std::vector<std::size_t> runs{0};
  for (std::size_t run = 0; run < run_count; ++run) {
    std::size_t i = runs_[run];
    std::size_t j = starts[run];
    while (i < runs_[run + 1] || j < starts[run + 1]) {
      const bool has_old = i < runs_[run + 1];
      const bool has_new = j < starts[run + 1];
      const std::uint32_t old_rank = has_old ? rank_of_[i] : wire::kNoRank;
      const std::uint32_t new_rank = has_new ? rank_of[keys[j]] : wire::kNoRank;
      const auto feature = static_cast<std::uint32_t>(ranks.size());
      ranks.push_back(std::min(old_rank, new_rank));
      if (old_rank == ranks.back()) numbering_.feature_of[i++] = feature;
      if (new_rank != ranks.back()) continue;
      numbering_.feature_of_key[keys[j++]] = feature;
      if (old_rank != ranks.back()) numbering_.new_features.push_back(feature);
    }
    runs.push_back(ranks.size());
  }
  runs_ = std::move(runs);
  rank_of_ = std::move(ranks);
}

void BatchRun::Arrange(Transport& transport) {
  Compute(
      [this] {
        NumberKeys();
        std::vector<float> weights(rank_of_.size());
        std::size_t key = 0;
        for (const SegmentRanks& ranks : std::exchange(ranks_, {})) {
          for (const float weight : ranks.weights.Expand(ranks.ranks.size())) {
            const std::uint32_t feature = numbering_.feature_of_key[key++];
            if (feature != BatchLearner::kNoFeature) weights[feature] = weight;
          }
        }
        learner_->Arrange(numbering_.feature_of_key, weights);
        numbering_ = {};
      },
      [self = shared_from_this(), &transport] {
        self->StartStep(transport, BlockAction::kMeasure, 0);
      });
}

}  // namespace steelyard::job
