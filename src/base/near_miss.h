// The known name closest to what a person typed: what "did you mean" messages suggest.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace steelyard {

/// Count the single-character edits (insert, remove, replace, swap of neighbours) from `a` to `b`, ignoring case.
/// Cost: O(|a| x |b|); inputs longer than 256 characters count as their length apart.
std::size_t EditDistance(std::string_view a, std::string_view b);

/// Return the known name that `typed` most likely meant, or empty when none is near: at most a third of its
/// characters (and at least one) differ, or it is the beginning of exactly one known name.
std::string_view NearMiss(std::string_view typed, std::span<const std::string_view> known);

/// Return "; did you mean X?" for the near miss of `typed`, or an empty string.
/// @param prefix  put before the name, e.g. "--".
std::string DidYouMean(std::string_view typed, std::span<const std::string_view> known,
                       std::string_view prefix = {});

}  // namespace steelyard
