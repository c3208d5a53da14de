// Cells: where the cells of a row stand in its text.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace steelyard::data {

struct Cells {
  const char* text = nullptr;
  /// [count + 1] offsets of what stands around the cells: cell i is behind stops[i] and before stops[i + 1]. The first is -1.
  const std::uint32_t* stops = nullptr;
  std::size_t count = 0;

  /// kReadAheadBytes behind a cell are readable.
  std::string_view operator[](std::size_t i) const {
    const std::uint32_t first = stops[i] + 1;
    return {text + first, stops[i + 1] - first};
  }
};

/// stops[0].
inline constexpr std::uint32_t kBeforeText = ~std::uint32_t{0};

/// Split `text`, behind which kReadAheadBytes are readable, at each `delimiter`, which is a comma, semicolon or tab.
/// @param stops  becomes the stops of the cells; never shrinks.
Cells SplitAt(char delimiter, std::string_view text, std::vector<std::uint32_t>& stops);

}  // namespace steelyard::data
