#include "base/utf8.h"

namespace halfbyte {
namespace {

using Form = Utf8Character::Form;

// The least and greatest second byte that may follow a lead byte (Unicode table 3-7), and how many bytes there are in all.
struct Lead {
  uint8_t bytes, least, greatest;
};
Lead lead(uint8_t byte) {
  if (byte < 0xc2) return {0, 0, 0};
  if (byte < 0xe0) return {2, 0x80, 0xbf};
  if (byte == 0xe0) return {3, 0xa0, 0xbf};  // less would be overlong
  if (byte == 0xed) return {3, 0x80, 0x9f};  // more would be a surrogate
  if (byte < 0xf0) return {3, 0x80, 0xbf};
  if (byte == 0xf0) return {4, 0x90, 0xbf};
  if (byte < 0xf4) return {4, 0x80, 0xbf};
  if (byte == 0xf4) return {4, 0x80, 0x8f};  // more would pass U+10FFFF
  return {0, 0, 0};
}

}  // namespace

Utf8Character read_utf8(std::string_view text, size_t at) {
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
  const uint8_t first = byte(at);
  if (first < 0x80) return {first, 1, Form::kWhole};
  const Lead rule = lead(first);
  if (rule.bytes == 0) return {0xfffd, 1, Form::kIllFormed};
  char32_t c = first & (0x7fu >> rule.bytes);
  for (uint32_t i = 1; i < rule.bytes; ++i) {
    if (at + i == text.size()) return {0xfffd, i, Form::kCutShort};
    const uint8_t next = byte(at + i);
    if (next < (i == 1 ? rule.least : 0x80) || next > (i == 1 ? rule.greatest : 0xbf)) return {0xfffd, i, Form::kIllFormed};
    c = c << 6 | (next & 0x3fu);
  }
  return {c, rule.bytes, Form::kWhole};
}

void append_utf8(std::string& text, char32_t c) {
  const auto put = [&](char32_t byte) { text += static_cast<char>(byte); };
  if (c < 0x80) {
    put(c);
  } else if (c < 0x800) {
    put(0xc0 | c >> 6);
    put(0x80 | (c & 0x3f));
  } else if (c < 0x10000) {
    put(0xe0 | c >> 12);
    put(0x80 | (c >> 6 & 0x3f));
    put(0x80 | (c & 0x3f));
  } else {
    put(0xf0 | c >> 18);
    put(0x80 | (c >> 12 & 0x3f));
    put(0x80 | (c >> 6 & 0x3f));
    put(0x80 | (c & 0x3f));
  }
}

}  // namespace halfbyte
