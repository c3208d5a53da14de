// Splitting a row at its delimiters.
#include "data/cells.h"

#include <algorithm>

#include "data/stops.h"

namespace steelyard::data {
namespace {

std::size_t FindDelimiters(char delimiter, const char* text, std::size_t bytes,
                           std::uint32_t* stops) {
  if (delimiter == ',') return FindStops<','>(text, bytes, stops);
  if (delimiter == ';') return FindStops<';'>(text, bytes, stops);
  return FindStops<'\t'>(text, bytes, stops);
}

}  // namespace

Cells SplitAt(char delimiter, std::string_view text, std::vector<std::uint32_t>& stops) {
  // Piece by piece: room for as many stops as a long row has bytes would be four times its size.
  constexpr std::size_t kPieceBytes = 16 << 10;
  std::size_t count = 1;
  for (std::size_t at = 0; at < text.size() || at == 0; at += kPieceBytes) {
    const std::size_t bytes = std::min(kPieceBytes, text.size() - at);
    const std::size_t room = count + bytes + kScanBytes + 1;
    if (stops.size() < room) stops.resize(2 * room);
    std::uint32_t* const found = stops.data() + count;
    const std::size_t more = FindDelimiters(delimiter, text.data() + at, bytes, found);
    for (std::size_t i = 0; at > 0 && i < more; ++i) found[i] += static_cast<std::uint32_t>(at);
    count += more;
  }
  stops[0] = kBeforeText;
  stops[count] = static_cast<std::uint32_t>(text.size());
  return {.text = text.data(), .stops = stops.data(), .count = count};
}

}  // namespace steelyard::data
