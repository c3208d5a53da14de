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
  std::ranges::replace(line, '\n', ' ');
  std::fprintf(stderr, "%s\n", line.c_str());
  if (json) {
    std::printf("%s\n", ErrorJson(code, failure.message(), where).c_str());
    std::fflush(stdout);
  }
  return code;
}

}  // namespace steelyard::cli
