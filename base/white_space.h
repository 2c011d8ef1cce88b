// White space of ASCII, as it stands around words in text that people and models write.
#pragma once

#include <string_view>

namespace halfbyte {

inline constexpr std::string_view kWhiteSpace = " \t\r\n";

constexpr std::string_view trimmed_left(std::string_view text) {
  const size_t first = text.find_first_not_of(kWhiteSpace);
  return first == text.npos ? std::string_view() : text.substr(first);
}
constexpr std::string_view trimmed_right(std::string_view text) { return text.substr(0, text.find_last_not_of(kWhiteSpace) + 1); }
constexpr std::string_view trimmed(std::string_view text) { return trimmed_left(trimmed_right(text)); }
constexpr bool is_blank(std::string_view text) { return trimmed_left(text).empty(); }

}  // namespace halfbyte
