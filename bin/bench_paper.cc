// Values to options, runs as children of this process, pictures into a folder.
#include "bench_paper.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include "data/input_files.h"
#include "job/parameters.h"
#include "output.h"
#include "output_file.h"
#include "own_commands.h"
#include "paper_bench.h"
#include "paper_report.h"
#include "run_directory.h"

namespace steelyard::cli {
namespace {

constexpr std::uint64_t kRowsMax = 1'000'000'000;
constexpr std::uint64_t kRoundsMax = 100;
constexpr const char* kGroup = "For bench paper";

/// Errors: kInvalidArgument  train would refuse it.
Status CheckForTrain(std::string_view name, const std::string& text) {
  auto parameters = job::TrainParameters::DefaultsOf(job::Solver::kDbpg);
  parameters.data = {"rows"};
  SY_RETURN_IF_ERROR(job::SetParameter(*job::FindTrainParameter(name), text, parameters));
  return job::ValidateTrainParameters(parameters);
}

Result<std::vector<std::string>> ReadDelays(const std::string& list) {
  std::vector<std::string> delays;
  for (std::size_t first = 0; first <= list.size();) {
    const std::size_t end = std::min(list.find(',', first), list.size());
    delays.push_back(list.substr(first, end - first));
    SY_RETURN_IF_ERROR(CheckForTrain("tau", delays.back()));
    first = end + 1;
  }
  return delays;
}

Status ReadData(const Values& values, bench::PaperOptions& options) {
  if (!values.Has("data")) return {};
  options.data = values.Get("data");
  if (values.Has("rows") || values.Has("features")) {
    return Status(StatusCode::kInvalidArgument,
                  "--data names rows, --rows and --features generate some; use one of them");
  }
  if (options.data.empty())
    return Status(StatusCode::kInvalidArgument, "--data must name a file, got nothing");
  const auto files = data::ExpandPaths({options.data});
  if (!files.ok()) return files.status();
  if (!data::NamesStream(options.data)) return {};
  return Status(StatusCode::kInvalidArgument, "--data is read by every run, this is a stream",
                options.data);
}

Result<bench::PaperOptions> ReadOptions(const Values& values) {
  bench::PaperOptions options;
  SY_RETURN_IF_ERROR(ReadData(values, options));
  const auto read = [&](std::string_view name, std::uint64_t& number, std::uint64_t max) -> Status {
    const Result<std::uint64_t> count = values.GetCount(name, number, max);
    if (!count.ok()) return count.status();
    number = count.value();
    if (number > 0) return {};
    return Status(StatusCode::kInvalidArgument, fmt::format("--{} must be at least 1", name));
  };
  SY_RETURN_IF_ERROR(read("rows", options.rows, kRowsMax));
  SY_RETURN_IF_ERROR(read("features", options.features, kRowsMax));
  SY_RETURN_IF_ERROR(read("rounds", options.rounds, kRoundsMax));
  options.l1 = values.Get("l1", options.l1);
  SY_RETURN_IF_ERROR(CheckForTrain("l1", options.l1));
  if (!values.Has("tau")) return options;
  auto delays = ReadDelays(values.Get("tau"));
  if (!delays.ok()) return delays.status();
  options.delays = std::move(delays.value());
  return options;
}

/// Before the runs, so that nobody waits minutes for this.
Status MakeFolder(const std::string& folder) {
  std::error_code error;
  if (std::filesystem::exists(folder, error) && !std::filesystem::is_directory(folder, error)) {
    return Status(StatusCode::kInvalidArgument, "--out must name a folder, this is a file", folder);
  }
  std::filesystem::create_directories(folder, error);
  if (!error) return {};
  return Status(StatusCode::kIoError, "the folder cannot be made: " + error.message(), folder);
}

Status WriteFile(const std::string& path, std::string_view text) {
  Result<OutputFile> file = OutputFile::Open(path);
  if (!file.ok()) return file.status();
  SY_RETURN_IF_ERROR(file.value().Write(text));
  return file.value().Commit();
}

Status WriteFolder(const std::string& folder, const bench::PaperFigures& figures) {
  SY_RETURN_IF_ERROR(WriteFile(folder + "/paper.json", bench::PaperJson(figures) + "\n"));
  for (const auto& [name, picture] : bench::PaperPictures(figures))
    SY_RETURN_IF_ERROR(WriteFile(fmt::format("{}/{}", folder, name), picture));
  return {};
}

}  // namespace

std::vector<Option> PaperOptions() {
  const bench::PaperOptions defaults;
  std::string delays;
  for (const std::string& tau : defaults.delays) delays += (delays.empty() ? "" : ",") + tau;
  return {{.name = "data",
           .value = "FILE",
           .group = kGroup,
           .help = "train on these rows",
           .default_text = "generated rows"},
          {.name = "rows",
           .value = "N",
           .group = kGroup,
           .help = "generate so many, as datagen does",
           .default_text = std::to_string(defaults.rows)},
          {.name = "features",
           .value = "N",
           .group = kGroup,
           .help = "features of generated rows",
           .default_text = std::to_string(defaults.features)},
          {.name = "l1",
           .value = "X",
           .group = kGroup,
           .help = "strength of the l1 penalty",
           .default_text = defaults.l1},
          {.name = "tau",
           .value = "LIST",
           .group = kGroup,
           .help = "delays to compare beside 0",
           .default_text = delays},
          {.name = "out",
           .value = "DIR",
           .group = kGroup,
           .help = "also write paper.json and pictures: objective, idle, traffic and settled.svg"},
          {.name = "quiet", .group = kGroup, .help = "no progress on standard error"}};
}

Status RunBenchPaper(const Values& values) {
  Result<bench::PaperOptions> options = ReadOptions(values);
  if (!options.ok()) return options.status();
  const std::string folder = values.Get("out");
  if (values.Has("out")) SY_RETURN_IF_ERROR(MakeFolder(folder));
  const Result<RunDirectory> scratch = RunDirectory::Make();
  if (!scratch.ok()) return scratch.status();
  options.value().scratch = scratch.value().path();
  Result<bench::PaperFigures> figures = [&] {
    OwnCommands commands(scratch.value());
    return bench::RunPaper(
        options.value(),
        {.run = [&](const std::vector<std::string>& arguments,
                    std::uint64_t* stops) { return commands.Run(arguments, stops); },
         .say =
             [&](const std::string& what) {
               if (!values.Switch("quiet")) std::fprintf(stderr, "steelyard: %s\n", what.c_str());
             }});
  }();
  if (!figures.ok()) return figures.status();
  if (values.Has("out")) SY_RETURN_IF_ERROR(WriteFolder(folder, figures.value()));
  return PrintResult(values.Switch("json") ? bench::PaperJson(figures.value()) + "\n"
                                           : bench::FormatPaper(figures.value()));
}

}  // namespace steelyard::cli
