// steelyard version: what this binary is.
#include <fmt/format.h>

#include "command.h"
#include "output.h"

namespace steelyard::cli {
namespace {

Status Run(const Values&) {
  const std::string text =
      fmt::format("steelyard {} ({}, {})\n", SY_VERSION, SY_BUILD_TYPE, SY_COMPILER);
  if (PrintOut(text)) return {};
  return Status(StatusCode::kIoError, "cannot write", "standard output");
}

}  // namespace

Command VersionCommand() {
  return {
      .name = "version", .summary = "Show the version and how this binary was built", .run = Run};
}

}  // namespace steelyard::cli
