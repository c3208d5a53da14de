// Opening a dataset: from what the user named to the reader of its format.
#include "data/dataset.h"

#include <fmt/format.h>

#include <utility>

#include "data/csv.h"
#include "data/input_files.h"
#include "data/parquet_dataset.h"
#include "data/text_dataset.h"

namespace steelyard::data {

Result<std::unique_ptr<Dataset>> OpenDataset(const DatasetOptions& options) {
  const Result<std::vector<std::string>> paths = ExpandPaths(options.paths);
  if (!paths.ok()) return paths.status();
  std::vector<ProbedFile> probed;
  Format format = options.format;
  for (const std::string& path : paths.value()) {
    Result<ProbedFile> file = ProbeFile(path);
    if (!file.ok()) return file.status();
    if (file.value().file.stream && paths.value().size() > 1) {
      return StreamAmongFiles(path);
    }
    const Result<Format> detected = DetectFormat(file.value(), options.format);
    if (!detected.ok()) return detected.status();
    if (!probed.empty() && detected.value() != format) {
      return Status(
          StatusCode::kBadData,
          fmt::format("this file is {}, but {} is {}; the files of one input have one format",
                      FormatName(detected.value()), probed.front().file.path, FormatName(format)),
          path);
    }
    format = detected.value();
    // Only formats with a header need the first bytes again.
    if (format != Format::kCsv) file.value().head = std::string();
    probed.push_back(std::move(file.value()));
  }
  if (format == Format::kLibsvm) return OpenLibsvm(std::move(probed), options);
  if (format == Format::kCsv) return OpenCsv(std::move(probed), options);
  return OpenParquet(probed, options);
}

}  // namespace steelyard::data
