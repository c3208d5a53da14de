#include "filter/filter_stack.h"

#include <utility>

#include "filter/drop_filters.h"
#include "filter/fixed_filter.h"
#include "filter/holding_filters.h"

namespace steelyard::filter {
namespace {

using Filters = std::vector<std::unique_ptr<ValueFilter>>;

Filters MakeFilters(const FilterList& list, FilterStackOptions options) {
  Filters lossy;
  if (list.skip) {
    lossy.push_back(std::make_unique<SkipFilter>(
        *list.skip, list.feedback ? SkipFilter::Scale::kNone : SkipFilter::Scale::kUnbiased));
  }
  if (list.fixed) lossy.push_back(std::make_unique<FixedFilter>(*list.fixed));

  Filters filters;
  if (list.kkt) filters.push_back(std::make_unique<KktFilter>(std::move(options.kkt)));
  if (list.significant) {
    filters.push_back(
        std::make_unique<SignificantFilter>(*list.significant, options.state_bytes_max));
  }
  if (list.feedback) {
    filters.push_back(std::make_unique<ErrorFeedback>(std::move(lossy), options.state_bytes_max));
  } else {
    for (auto& filter : lossy) filters.push_back(std::move(filter));
  }
  if (list.sparse) filters.push_back(std::make_unique<SparseFilter>());
  return filters;
}

/// @param list  a FilterList or PullFilters.
template <typename List>
std::vector<const Codec*> KeyCodecs(const List& list) {
  // What delta leaves hardly shrinks further: docs/filters.md.
  if (list.delta) return {&DeltaCodec()};
  if (list.bytes) return {FindCodec(*list.bytes)};
  return {};
}

std::vector<const Codec*> FloatCodecs(const FilterList& list) {
  std::vector<const Codec*> codecs;
  if (list.fixed) codecs.push_back(&ColumnsCodec());
  if (list.zeros) codecs.push_back(&ZerosCodec());
  if (list.fixed) codecs.push_back(&FixedCodec());
  if (list.bytes) codecs.push_back(FindCodec(*list.bytes));
  return codecs;
}

bool ShrinksBytes(std::uint8_t codec) {
  const auto id = static_cast<CodecId>(codec);
  return id == CodecId::kLz4 || id == CodecId::kSnappy;
}

void AppendCounts(const SectionEncoder& encoder, const std::string& section,
                  std::vector<FilterCounts>& counts) {
  for (std::size_t i = 0; i < encoder.counts().size(); ++i) {
    const StageCounts& stage = encoder.counts()[i];
    counts.push_back({section + ":" + std::string(encoder.codecs()[i]->name()), stage.bytes_before,
                      stage.bytes_after});
  }
}

}  // namespace

Result<std::vector<const Codec*>> FindAnswerCodecs(const wire::AnswerCodecs& codecs) {
  const auto [first, second] = codecs;
  const bool zeros = static_cast<CodecId>(first) == CodecId::kZeros;
  const bool known =
      second == 0 ? first == 0 || zeros || ShrinksBytes(first) : zeros && ShrinksBytes(second);
  if (!known) {
    return Status(StatusCode::kInvalidArgument, "an answer in codecs " + std::to_string(first) +
                                                    ", " + std::to_string(second) +
                                                    "; zeros, then lz4 or snappy would do");
  }
  std::vector<const Codec*> found;
  if (first != 0) found.push_back(FindCodec(static_cast<CodecId>(first)));
  if (second != 0) found.push_back(FindCodec(static_cast<CodecId>(second)));
  return found;
}

wire::AnswerCodecs FilterStack::answer_codecs() const {
  const PullFilters pulls = list_.of_pulls();
  const auto bytes = static_cast<std::uint8_t>(pulls.bytes.value_or(CodecId::kNone));
  if (pulls.zeros) return {static_cast<std::uint8_t>(CodecId::kZeros), bytes};
  return {bytes, 0};
}

FilterStack::FilterStack(const FilterList& list, FilterStackOptions options)
    : list_(list),
      random_(options.seed),
      keys_(KeyCodecs(list), options.limits),
      pull_keys_(KeyCodecs(list.of_pulls()), options.limits),
      floats_(FloatCodecs(list), options.limits) {
  for (auto& filter : MakeFilters(list, std::move(options))) {
    filters_.push_back({.filter = std::move(filter)});
  }
}

Result<FilterStack> FilterStack::Create(std::string_view list, FilterStackOptions options) {
  const Result<FilterList> parsed = ParseFilterList(list);
  if (!parsed.ok()) return parsed.status();
  if (parsed.value().kkt && !options.kkt) {
    return Status(StatusCode::kInvalidArgument,
                  "'kkt': this job has no rule by which keys could be left out", "filters");
  }
  return FilterStack(parsed.value(), std::move(options));
}

void FilterStack::Add(std::unique_ptr<ValueFilter> filter) {
  filters_.insert(filters_.begin() + static_cast<std::ptrdiff_t>(own_count_++),
                  {.filter = std::move(filter)});
}

void FilterStack::Apply(PushRows& rows) {
  for (Counted& counted : filters_) {
    counted.bytes_before += rows.bytes();
    counted.filter->Apply(rows, random_);
    counted.bytes_after += rows.bytes();
  }
}

void FilterStack::Flush(PushRows& rows) {
  for (Counted& counted : filters_) counted.filter->Flush(rows);
}

std::size_t FilterStack::state_bytes() const {
  std::size_t bytes = 0;
  for (const Counted& counted : filters_) bytes += counted.filter->state_bytes();
  return bytes;
}

std::vector<FilterCounts> FilterStack::counts() const {
  std::vector<FilterCounts> counts;
  counts.reserve(filters_.size() + keys_.counts().size() + floats_.counts().size() +
                 pull_keys_.counts().size());
  for (const Counted& counted : filters_) {
    counts.push_back({counted.filter->name(), counted.bytes_before, counted.bytes_after});
  }
  AppendCounts(keys_, "keys", counts);
  AppendCounts(floats_, "values", counts);
  AppendCounts(pull_keys_, "pull keys", counts);
  return counts;
}

std::string FilterStack::ToString() const {
  std::string text;
  for (const Counted& counted : filters_) {
    text += (text.empty() ? "" : ",") + counted.filter->name();
  }
  if (!text.empty()) text += " | ";
  return text + "keys:" + keys_.ToString() + " | values:" + floats_.ToString();
}

}  // namespace steelyard::filter
