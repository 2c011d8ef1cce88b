#include "text/byte_level.h"

#include "base/utf8.h"

namespace halfbyte {
namespace {

struct Utf8Pair {
  char bytes[2];
  uint8_t length;
};

constexpr auto kWritten = [] {
  std::array<Utf8Pair, 256> written{};
  const auto characters = byte_level_characters();
  for (size_t byte = 0; byte < 256; ++byte) {
    const char16_t c = characters[byte];
    if (c < 0x80)
      written[byte] = {{static_cast<char>(c), 0}, 1};
    else
      written[byte] = {{static_cast<char>(0xc0 | c >> 6), static_cast<char>(0x80 | (c & 0x3f))}, 2};
  }
  return written;
}();

constexpr int kNoByte = -1;
constexpr auto kRead = [] {
  std::array<int16_t, 0x144> read{};
  read.fill(kNoByte);
  const auto characters = byte_level_characters();
  for (size_t byte = 0; byte < 256; ++byte) read[characters[byte]] = static_cast<int16_t>(byte);
  return read;
}();

int byte_of(const Utf8Character& c) {
  return c.code_point < kRead.size() && c.form == Utf8Character::Form::kWhole ? kRead[c.code_point] : kNoByte;
}

}  // namespace

void append_byte_level(std::string_view bytes, std::string& text) {
  for (const char c : bytes) {
    const Utf8Pair& written = kWritten[static_cast<uint8_t>(c)];
    text.append(written.bytes, written.length);
  }
}

void append_from_byte_level(std::string_view text, std::string& bytes) {
  for (size_t at = 0; at < text.size();) {
    const Utf8Character c = read_utf8(text, at);
    const int byte = byte_of(c);
    if (byte == kNoByte)
      bytes += text.substr(at, c.bytes);
    else
      bytes += static_cast<char>(byte);
    at += c.bytes;
  }
}

bool is_byte_level(std::string_view text) {
  for (size_t at = 0; at < text.size();) {
    const Utf8Character c = read_utf8(text, at);
    if (byte_of(c) == kNoByte) return false;
    at += c.bytes;
  }
  return true;
}

}  // namespace halfbyte
