// Which known names somebody may have meant.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace halfbyte {

// At most three of `known`, nearest first: those that contain `name` (or are contained in it), in any case, and those that become it by few
// insertions, deletions, replacements and swaps of neighbours (one for every four letters, at least one).
std::vector<std::string> near_names(std::string_view name, std::span<const std::string> known);

}  // namespace halfbyte
