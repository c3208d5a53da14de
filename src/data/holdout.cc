// Parsing hold-out rules.
#include "data/holdout.h"

#include <fmt/format.h>

#include <cmath>
#include <optional>

#include "base/hash.h"
#include "data/near_miss.h"
#include "data/number.h"

namespace steelyard::data {

Result<Holdout> Holdout::Parse(std::string_view text, std::uint64_t seed) {
  Holdout rule;
  rule.seed_key_ = KeyOfId(seed);
  if (text == "none") return rule;
  if (text == "every") {
    rule.kind_ = Kind::kEvery;
    return rule;
  }
  const bool last = text.starts_with("last:");
  if (last || text.starts_with("random:")) {
    rule.kind_ = last ? Kind::kLast : Kind::kRandom;
    std::string_view share = text.substr(text.find(':') + 1);
    const bool percent = share.ends_with('%');
    if (percent) share.remove_suffix(1);
    const std::optional<double> value = percent ? ParseReal(share) : std::nullopt;
    if (value && *value > 0 && *value < 100) {
      rule.percent_ = *value;
      return rule;
    }
    return Status(StatusCode::kInvalidArgument,
                  fmt::format("{} needs a share between 0% and 100% after the colon, for example "
                              "{}:10%",
                              Quoted(text), last ? "last" : "random"));
  }
  return Status(
      StatusCode::kInvalidArgument,
      fmt::format("{} is no hold-out rule; use every, last:10%, random:10% or none", Quoted(text)));
}

void Holdout::SetTotalRows(std::uint64_t rows) {
  const double held_out = std::floor(static_cast<double>(rows) * percent_ / 100.0 + 0.5);
  first_held_out_ = rows - static_cast<std::uint64_t>(held_out);
}

bool Holdout::Drawn(std::uint64_t row) const {
  const double draw = static_cast<double>(KeyOfId(row ^ seed_key_) >> 11) * 0x1.0p-53;
  return draw * 100.0 < percent_;
}

}  // namespace steelyard::data
