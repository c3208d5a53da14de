// The shortest text of a float that reads back as the same float.
#include "table_lines.h"

#include <array>
#include <charconv>
#include <string_view>

namespace steelyard::cli {

Status WriteTableLine(std::uint64_t label, std::span<const float> values, OutputFile& out) {
  std::array<char, 64> text{};
  char* const end = text.data() + text.size();
  char* at = std::to_chars(text.data(), end, label).ptr;
  for (const float value : values) {
    *at++ = '\t';
    at = std::to_chars(at, end, value).ptr;
    SY_RETURN_IF_ERROR(out.Write({text.data(), static_cast<std::size_t>(at - text.data())}));
    at = text.data();
  }
  return out.Write("\n");
}

}  // namespace steelyard::cli
