// An updater's options as JSON, in manifests and in what commands print.
#pragma once

#include <fmt/format.h>

#include <cstdlib>
#include <nlohmann/json.hpp>

#include "steelyard/table_options.h"

namespace steelyard::checkpoint {

inline nlohmann::ordered_json UpdaterJson(const UpdaterOptions& updater) {
  // The shortest decimal that reads back as the same float: 0.1, not 0.10000000149011612.
  const auto shortest = [](float number) {
    return std::strtod(fmt::format("{}", number).c_str(), nullptr);
  };
  nlohmann::ordered_json json = {{"name", updater.name},
                                 {"alpha", shortest(updater.alpha)},
                                 {"beta", shortest(updater.beta)},
                                 {"l1", shortest(updater.l1)},
                                 {"l2", shortest(updater.l2)}};
  if (updater.intercept) json["intercept"] = true;
  return json;
}

}  // namespace steelyard::checkpoint
