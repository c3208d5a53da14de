// Opening a dataset: from what the user named to the reader of its format.
#include "data/dataset.h"

#include <fmt/format.h>

#include <utility>

#include "data/csv.h"
#include "data/input_files.h"
#include "data/intercept.h"
#include "data/line_formats.h"
#include "data/parquet_dataset.h"
#include "data/row_cache.h"
#include "data/text_dataset.h"

namespace steelyard::data {

namespace {

/// The files of one input, which have one format.
class Files {
 public:
  explicit Files(const DatasetOptions& options) : options_(options), format_(options.format) {}

  Status Add(ProbedFile probed) {
    const Result<Format> detected = DetectFormat(probed, options_.format);
    if (!detected.ok()) return detected.status();
    if (!probed_.empty() && detected.value() != format_) {
      return Status(
          StatusCode::kBadData,
          fmt::format("this file is {}, but {} is {}; the files of one input have one "
                      "format",
                      FormatName(detected.value()), probed_.front().file.path, FormatName(format_)),
          probed.file.path);
    }
    format_ = detected.value();
    // Only formats with a header need the first bytes again, and whoever a stream is handed to.
    if (format_ != Format::kCsv && !probed.file.stream) probed.head = std::string();
    probed_.push_back(std::move(probed));
    return {};
  }

  Result<std::unique_ptr<Dataset>> Open() {
    if (format_ == Format::kCsv) return OpenCsv(std::move(probed_), options_);
    if (format_ == Format::kParquet) return OpenParquet(probed_, options_);
    return OpenLines(format_, std::move(probed_), options_);
  }

 private:
  const DatasetOptions& options_;
  Format format_;
  std::vector<ProbedFile> probed_;
};

/// With what the options add to the rows as they were written, or cached.
Result<std::unique_ptr<Dataset>> Finished(Result<std::unique_ptr<Dataset>> dataset,
                                          const DatasetOptions& options) {
  if (!dataset.ok() || !options.intercept) return dataset;
  return WithIntercept(std::move(dataset.value()));
}

}  // namespace

Result<StreamFeed> Dataset::TakeStream() {
  return Status(StatusCode::kInvalidArgument, "this input is no stream", files().front());
}

Result<std::unique_ptr<Dataset>> OpenDataset(const DatasetOptions& options) {
  const Result<std::vector<std::string>> paths = ExpandPaths(options.paths);
  if (!paths.ok()) return paths.status();
  Files files(options);
  for (const std::string& path : paths.value()) {
    Result<ProbedFile> probed = ProbeFile(path);
    if (!probed.ok()) return probed.status();
    if (probed.value().file.stream && paths.value().size() > 1) return StreamAmongFiles(path);
    SY_RETURN_IF_ERROR(files.Add(std::move(probed.value())));
  }
  auto dataset = files.Open();
  if (dataset.ok() && !options.cache_folder.empty())
    dataset = CacheRows(std::move(dataset.value()), options);
  return Finished(std::move(dataset), options);
}

Result<std::unique_ptr<Dataset>> OpenStreamFeed(StreamFeed feed, const DatasetOptions& options) {
  ProbedFile probed;
  probed.file.path = std::move(feed.name);
  probed.file.stream = true;
  probed.head = std::move(feed.head);
  probed.chunks = std::move(feed.chunks);
  Files files(options);
  SY_RETURN_IF_ERROR(files.Add(std::move(probed)));
  return Finished(files.Open(), options);
}

}  // namespace steelyard::data
