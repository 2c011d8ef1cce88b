// GPT-2's way to write any bytes as printable characters: each byte is one character of U+0021 .. U+0143, so that a vocabulary
// file holds no spaces or control characters. "Ġ" is the space.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace halfbyte {

// Printable Latin-1 stands for itself; the 68 other bytes take U+0100 on, in ascending order.
constexpr std::array<char16_t, 256> byte_level_characters() {
  std::array<char16_t, 256> characters{};
  char16_t spare = 0x100;
  for (char16_t byte = 0; byte < 256; ++byte) {
    const bool printable = (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte != 0xad);
    characters[byte] = printable ? byte : spare++;
  }
  return characters;
}

void append_byte_level(std::string_view bytes, std::string& text);
// The bytes `text` stands for. A character that stands for none is kept as it is.
void append_from_byte_level(std::string_view text, std::string& bytes);

// Whether each character stands for a byte.
bool is_byte_level(std::string_view text);

}  // namespace halfbyte
