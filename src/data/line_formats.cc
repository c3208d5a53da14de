// Which parser reads the lines of which format.
#include "data/line_formats.h"

#include <fmt/format.h>

#include <utility>

#include "data/binding.h"
#include "data/criteo.h"
#include "data/libsvm.h"
#include "data/text_dataset.h"
#include "data/vw.h"

namespace steelyard::data {
namespace {

/// Where these formats have the weight of a row.
const char* PlaceOfWeight(Format format) {
  if (format == Format::kCriteo) return "its rows have none";
  return format == Format::kVw ? "a weight is written after the label, as in 1 0.5 |"
                               : "a weight is written after the label, as in 1:0.5";
}

std::unique_ptr<RowParser> MakeParser(Format format, const LabelMap& labels,
                                      const DatasetOptions& options) {
  switch (format) {
    case Format::kVw:
      return std::make_unique<VwParser>(labels, options.labels_optional, options.keep_names);
    case Format::kCriteo:
      return std::make_unique<CriteoParser>(labels, options.labels_optional, options.keep_names);
    case Format::kLibffm:
      return std::make_unique<LibsvmParser>(labels, options.labels_optional, /*fields=*/true);
    default:
      return std::make_unique<LibsvmParser>(labels, options.labels_optional);
  }
}

}  // namespace

Result<std::unique_ptr<Dataset>> OpenLines(Format format, std::vector<ProbedFile> probed,
                                           const DatasetOptions& options) {
  if (!options.weight_column.empty()) {
    return Status(StatusCode::kInvalidArgument,
                  fmt::format("there is no column '{}': {} rows have no named columns; {}",
                              options.weight_column, FormatName(format), PlaceOfWeight(format)));
  }
  if (!options.schema_text.empty() && !options.schema_optional) {
    return Status(StatusCode::kInvalidArgument,
                  fmt::format("a schema ({}) is for CSV and Parquet, but this input is {}: {}",
                              options.schema_name, FormatName(format),
                              KeysAreIds(format) ? "its features are numbers, not columns"
                                                 : "its features are named already"),
                  probed.front().file.path);
  }
  const Result<LabelMap> labels = LabelMapOf(options, "");
  if (!labels.ok()) return labels.status();
  TextInput input = TakeFiles(std::move(probed), options);
  input.format = format;
  for (InputFile& file : input.files) {
    file.shape = {.quoted = false, .comments = KeysAreIds(format), .delimiter = '\t'};
    // In text with blanks between its columns, tabs are blanks.
    if (format != Format::kCriteo) file.shape.delimiter = ',';
  }
  input.make_parser = [format, labels = labels.value(), options](std::uint32_t) {
    return MakeParser(format, labels, options);
  };
  return MakeTextDataset(std::move(input));
}

}  // namespace steelyard::data
