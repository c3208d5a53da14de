// A number, a unit, and nothing else.
#include "base/byte_size.h"

#include <array>
#include <charconv>
#include <cmath>
#include <utility>

namespace steelyard {
namespace {

constexpr std::array<std::pair<std::string_view, double>, 9> kUnits = {{{"b", 1.0},
                                                                        {"kb", 1e3},
                                                                        {"mb", 1e6},
                                                                        {"gb", 1e9},
                                                                        {"tb", 1e12},
                                                                        {"kib", 0x1p10},
                                                                        {"mib", 0x1p20},
                                                                        {"gib", 0x1p30},
                                                                        {"tib", 0x1p40}}};

double UnitOf(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  for (const auto& [name, bytes] : kUnits) {
    if (lower == name) return bytes;
  }
  return 0.0;
}

}  // namespace

Result<ByteSize> ParseByteSize(std::string_view text) {
  double number = 0.0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number, std::chars_format::fixed);
  const double unit = error == std::errc{} ? UnitOf(text.substr(stop - text.data())) : 0.0;
  const double bytes = std::floor(number * unit);
  if (!(bytes >= 1.0) || bytes > 0x1p63) {
    return Status(StatusCode::kInvalidArgument,
                  "got " + (text.empty() ? std::string("nothing") : std::string(text)));
  }
  return ByteSize{static_cast<std::uint64_t>(bytes)};
}

std::string ByteSizeText(ByteSize size) {
  return std::to_string(size.bytes) + "B";
}

}  // namespace steelyard
