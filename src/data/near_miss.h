// Near misses: which known names the user probably meant.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace steelyard::data {

/// Return the candidates that differ from `wanted` by few edits (a third of its letters, at most 3), best first, at most
/// three. Case does not count as a difference.
/// Cost: O(candidates x length^2).
std::vector<std::string> NearMisses(std::string_view wanted,
                                    std::span<const std::string> candidates);

/// Return "; did you mean 'a' or 'b'?", or "" when nothing is near.
std::string DidYouMean(std::string_view wanted, std::span<const std::string> candidates);

/// Return `text` between quotes, cut to 40 characters, with unprintable bytes as "\x07".
std::string Quoted(std::string_view text);

}  // namespace steelyard::data
