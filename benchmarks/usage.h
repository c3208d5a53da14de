// What the small benchmark programs do with --help, and with a word that they do not know.
#pragma once

#include <cstdio>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace steelyard {

/// Look at the command line before anything is measured.
/// @param usage  What the program does, and what it takes.
/// @param takes  Whether it knows a word.
/// @return the exit code where there is nothing to measure: 0 after --help, 2 after a word that it does not know.
inline std::optional<int> EndsEarly(const std::vector<std::string>& words, const char* usage,
                                    const std::function<bool(const std::string&)>& takes) {
  for (const std::string& word : words) {
    if (word == "--help" || word == "-h") {
      std::fputs(usage, stdout);
      return 0;
    }
  }
  for (const std::string& word : words) {
    if (takes(word)) continue;
    std::fprintf(stderr, "unknown argument '%s'\n%s", word.c_str(), usage);
    return 2;
  }
  return std::nullopt;
}

}  // namespace steelyard
