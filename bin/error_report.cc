// Failures, as a line and as an object.
#include "error_report.h"

#include <algorithm>
#include <cstdio>
#include <string>

#include "exit_code.h"
#include "output.h"

namespace steelyard::cli {

int ReportFailure(const Status& failure, std::string_view command, bool json) {
  const int code = ExitCodeOf(failure);
  const std::string where = failure.where().empty() ? std::string(command) : failure.where();
  std::string line = "steelyard: " + (where.empty() ? where : where + ": ") + failure.message();
  // One line whatever the message holds: line feeds and indentation become single spaces.
  std::ranges::replace(line, '\n', ' ');
  const auto doubled =
      std::ranges::unique(line, [](char a, char b) { return a == ' ' && b == ' '; });
  line.erase(doubled.begin(), doubled.end());
  std::fprintf(stderr, "%s\n", line.c_str());
  if (json) {
    std::printf("%s\n", ErrorJson(code, failure.message(), where).c_str());
    std::fflush(stdout);
  }
  return code;
}

}  // namespace steelyard::cli
