// Generated text in every format that rows are read from, for parse_bench.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "data/dataset.h"

namespace steelyard {

struct ParseInput {
  std::string name;
  data::Format format = data::Format::kAuto;
  std::string text = {};
  std::string schema = {};  ///< Of CSV.
};

/// Rows of the planted model of `steelyard datagen`, 39 features each: as they are, and with real values. libFM's text is
/// libsvm's.
std::vector<ParseInput> MakeParseInputs(std::uint64_t rows);

}  // namespace steelyard
