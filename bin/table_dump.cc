// steelyard table dump: every weight of a model as text.
#include <algorithm>
#include <array>
#include <charconv>
#include <vector>

#include "base/hash.h"
#include "checkpoint/model_reader.h"
#include "command.h"
#include "job/parameters.h"
#include "output_file.h"
#include "saved_model.h"

namespace steelyard::cli {
namespace {

struct Line {
  std::uint64_t label;  // The file's id, or the key of a hashed name.
  float weight;
};

Status Write(const Line& line, OutputFile& out) {
  std::array<char, 96> text{};
  char* const end = text.data() + text.size();
  char* at = std::to_chars(text.data(), end, line.label).ptr;
  *at++ = '\t';
  at = std::to_chars(at, end - 1, line.weight).ptr;
  *at++ = '\n';
  return out.Write({text.data(), static_cast<std::size_t>(at - text.data())});
}

Status Run(const Values& values) {
  Result<std::unique_ptr<checkpoint::ModelReader>> reader =
      checkpoint::ModelReader::Open(values.Get("model", job::TrainParameters{}.model));
  if (!reader.ok()) return reader.status();
  const bool ids = reader.value()->manifest().key_kind == checkpoint::KeyKind::kIds;
  const bool all = values.Switch("all");
  // All lines are held: none is printed of a file that turns out to be damaged, and ids have another order than keys.
  std::vector<Line> lines;
  SY_RETURN_IF_ERROR(VisitWeights(*reader.value(), [&](Key key, float weight) -> Status {
    if (all || weight != 0.0F) lines.push_back({ids ? IdOfKey(key) : key, weight});
    return {};
  }));
  if (ids) std::ranges::sort(lines, {}, &Line::label);
  Result<OutputFile> out = OutputFile::Open("-");
  if (!out.ok()) return out.status();
  for (const Line& line : lines) {
    if (out.value().closed()) return {};
    SY_RETURN_IF_ERROR(Write(line, out.value()));
  }
  return out.value().Commit();
}

}  // namespace

Command TableDumpCommand() {
  return {.name = "table dump",
          .summary = "Write every weight of a model as text: key, tab, value",
          .options = {{.name = "model",
                       .value = "DIR",
                       .help = "the model that train saved",
                       .default_text = job::TrainParameters{}.model},
                      {.name = "all", .help = "also the keys whose weight is 0"}},
          .examples = {"steelyard table dump --model clicks > weights.tsv"},
          .notes =
              "Keys are in increasing order: the data's own ids, or, for features by name, 64-bit\n"
              "hashes of the names.",
          .run = Run};
}

}  // namespace steelyard::cli
