// FilterStack: the filters of one (worker, table), in the right order whatever the order they were named in.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "filter/filter_list.h"
#include "filter/section.h"
#include "filter/value_filter.h"
#include "steelyard/insight.h"
#include "wire/data_messages.h"

namespace steelyard::filter {

using steelyard::FilterCounts;

/// What a request does.
enum class Direction : std::uint8_t { kPush, kPull };

struct FilterStackOptions {
  std::uint64_t seed = 1;
  /// Of what `significant` holds back, and again of what `feedback` does.
  std::size_t state_bytes_max = std::size_t{64} << 20;
  RowPredicate kkt = {};  ///< Needed by the filter kkt.
  SectionLimits limits = {};
};

/// What the floats of pulls' answers may be encoded with: nothing is lost of what is pulled.
/// Errors: kInvalidArgument  other codecs than zeros, lz4, snappy, or in another order.
Result<std::vector<const Codec*>> FindAnswerCodecs(const wire::AnswerCodecs& codecs);
/// Who asked for so many floats has room for them, whatever they shrank to.
inline constexpr SectionLimits kAnswerLimits{.ratio_max = 256};

/// Order. Once per push: own filters (Add()), kkt, significant, skip, fixed, sparse; feedback is around skip and fixed.
/// So rows that go early cost nothing later, what is rounded is what is sent, and what was rounded to zero is dropped.
/// Per transmission, keys: delta, or else lz4 or snappy; values: columns (if fixed), zeros, fixed, lz4 or snappy.
///
/// Decoding needs no stack: sections name their codecs (SectionDecoder).
/// Threads: one at a time.
class FilterStack {
 public:
  /// Errors: kInvalidArgument  what ParseFilterList() refuses; kkt without a rule.
  static Result<FilterStack> Create(std::string_view list, FilterStackOptions options);

  /// Put a filter of one's own behind those that were added before, ahead of all others.
  void Add(std::unique_ptr<ValueFilter> filter);

  /// Run the value filters on a push; what they leave is to be kept until it is acknowledged.
  void Apply(PushRows& rows);
  /// Add what is held back to `rows`, exactly: with a worker's last push, and before anybody evaluates the model.
  void Flush(PushRows& rows);
  std::size_t state_bytes() const;

  /// Encode the keys or the floats of one transmission; valid until the next call of the same function.
  Bytes EncodeKeys(Direction direction, std::span<const Key> keys) {
    return (direction == Direction::kPush ? keys_ : pull_keys_).Encode(keys);
  }
  Bytes EncodeFloats(std::span<const float> floats, std::uint32_t width) {
    return floats_.Encode(floats, width);
  }

  /// Shall lists of keys that were sent before be named by their signatures (KeyCache)?
  bool caches_keys(Direction direction) const {
    return direction == Direction::kPush ? list_.key_cache : list_.of_pulls().key_cache;
  }
  /// Do keys and floats travel packed? Filters of values alone leave frames plain.
  bool packs(Direction direction) const {
    if (direction == Direction::kPull) return list_.of_pulls() != PullFilters{};
    return list_.key_cache || list_.delta || list_.zeros || list_.fixed || list_.bytes;
  }
  /// What pulls' answers are to be encoded with.
  wire::AnswerCodecs answer_codecs() const;
  /// Is there a filter that changes or drops what is pushed?
  bool changes_values() const { return !filters_.empty(); }
  const FilterList& list() const { return list_; }
  /// In the order in which they are applied; codecs as "keys:delta", "values:zeros", and of pulls "pull keys:delta".
  std::vector<FilterCounts> counts() const;
  /// E.g. "significant:0.1 | keys:delta | values:zeros+lz4".
  std::string ToString() const;

 private:
  struct Counted {
    std::unique_ptr<ValueFilter> filter;
    std::uint64_t bytes_before = 0;
    std::uint64_t bytes_after = 0;
  };

  FilterStack(const FilterList& list, FilterStackOptions options);

  FilterList list_;
  Random random_;
  std::size_t own_count_ = 0;
  std::vector<Counted> filters_;
  SectionEncoder keys_;
  SectionEncoder pull_keys_;
  SectionEncoder floats_;
};

}  // namespace steelyard::filter
