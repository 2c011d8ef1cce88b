// Characters in bytes that need not be UTF-8.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace halfbyte {

// One character, or the longest ill-formed part that could have begun one (Unicode 3.9, "maximal subpart").
struct Utf8Character {
  enum class Form : uint8_t { kWhole, kIllFormed, kCutShort };  // kCutShort: the text ends inside a character that was fine so far
  char32_t code_point;                                          // U+FFFD unless whole
  uint32_t bytes;                                               // at least 1
  Form form;
};
// Requires: `at` is inside `text`. Overlong forms, surrogates and what lies past U+10FFFF are ill-formed.
Utf8Character read_utf8(std::string_view text, size_t at);
void append_utf8(std::string& text, char32_t code_point);  // Requires: at most U+10FFFF

}  // namespace halfbyte
