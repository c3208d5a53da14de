// Splitting a row at its delimiters.
#include "data/cells.h"

#include "data/stops.h"

namespace steelyard::data {
namespace {

std::size_t FindDelimiters(char delimiter, std::string_view text, std::size_t first,
                           std::vector<std::uint32_t>& stops) {
  if (delimiter == ',') return FindStops<','>(text, first, stops);
  if (delimiter == ';') return FindStops<';'>(text, first, stops);
  return FindStops<'\t'>(text, first, stops);
}

}  // namespace

Cells SplitAt(char delimiter, std::string_view text, std::vector<std::uint32_t>& stops) {
  const std::size_t count = FindDelimiters(delimiter, text, 1, stops);
  stops[0] = kBeforeText;
  stops[count + 1] = static_cast<std::uint32_t>(text.size());
  return {.text = text.data(), .stops = stops.data(), .count = count + 1};
}

}  // namespace steelyard::data
