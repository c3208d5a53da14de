// Fuzz targets of VW text, Criteo logs and libffm: lines as a user's file may hold them.
#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "data/byte_source.h"
#include "data/criteo.h"
#include "data/libsvm.h"
#include "data/text_stream.h"
#include "data/vw.h"
#include "fuzz/fuzz_target.h"

namespace steelyard::fuzz {
namespace {

// Parse every line of `text`; whatever it is, the block stays one that learners can rely on.
void ParseLines(data::RowParser& parser, Bytes text, const data::RecordShape& shape) {
  data::TextStream stream(
      data::FromMemory({reinterpret_cast<const char*>(text.data()), text.size()}), shape,
      {.path = "input"});
  data::RowBlock block;
  data::Record record;
  for (std::uint64_t row = 0;; ++row) {
    const auto more = stream.Next(record);
    if (!more.ok() || !more.value()) break;
    const std::size_t before = block.size();
    const bool parsed = parser.Parse(record, row, block);
    SY_CHECK(block.size() == before + (parsed ? 1 : 0));
    SY_CHECK(parsed || !parser.error().empty());
    SY_CHECK(!parser.fatal());
  }
  SY_CHECK(block.labels.size() == block.size());
  SY_CHECK(block.weights.empty() || block.weights.size() == block.size());
  SY_CHECK(block.offsets.size() == block.size() + 1 && block.offsets.back() == block.keys.size());
  SY_CHECK(std::is_sorted(block.offsets.begin(), block.offsets.end()));
  SY_CHECK(block.values.empty() || block.values.size() == block.keys.size());
  SY_CHECK(std::ranges::all_of(block.values, [](float v) { return v - v == 0.0F; }));
  for (const auto& [key, name] : parser.TakeNames()) SY_CHECK(!name.empty() || key != 0);
}

struct Choice {
  bool labels_optional;
  bool keep_names;
  data::LabelMap labels;
};

// The first byte chooses how labels and names are treated.
Choice ChoiceOf(Bytes input) {
  const auto bits = static_cast<unsigned>(input[0]);
  const auto kind = (bits & 4u) != 0 ? data::LabelKind::kReal : data::LabelKind::kBinary;
  return {(bits & 1u) != 0, (bits & 2u) != 0, data::LabelMap(kind, std::nullopt)};
}

}  // namespace

void FuzzVw(Bytes input) {
  if (input.empty()) return;
  const Choice choice = ChoiceOf(input);
  data::VwParser parser(choice.labels, choice.labels_optional, choice.keep_names);
  ParseLines(parser, input.subspan(1), {});
  const std::string_view text(reinterpret_cast<const char*>(input.data()), input.size());
  (void)data::LooksLikeVw(text);
}

void FuzzCriteo(Bytes input) {
  if (input.empty()) return;
  const Choice choice = ChoiceOf(input);
  data::CriteoParser parser(choice.labels, choice.labels_optional, choice.keep_names);
  ParseLines(parser, input.subspan(1), {.delimiter = '\t'});
  const std::string_view text(reinterpret_cast<const char*>(input.data()), input.size());
  (void)data::LooksLikeCriteo(text);
}

void FuzzLibffm(Bytes input) {
  if (input.empty()) return;
  const Choice choice = ChoiceOf(input);
  data::LibsvmParser parser(choice.labels, choice.labels_optional, /*fields=*/true);
  ParseLines(parser, input.subspan(1), {.comments = true});
  const std::string_view text(reinterpret_cast<const char*>(input.data()), input.size());
  (void)data::LooksLikeLibffm(text);
}

}  // namespace steelyard::fuzz
