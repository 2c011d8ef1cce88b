// How much of streamed text has to wait because a marker may begin there.
#pragma once

#include <algorithm>
#include <string_view>

namespace halfbyte {

// Length of the longest tail of `text` that could be the beginning of `marker`, which it does not hold as a whole.
constexpr size_t possible_beginning(std::string_view text, std::string_view marker) {
  if (marker.empty()) return 0;
  for (size_t n = std::min(text.size(), marker.size() - 1); n > 0; --n)
    if (marker.starts_with(text.substr(text.size() - n))) return n;
  return 0;
}

}  // namespace halfbyte
