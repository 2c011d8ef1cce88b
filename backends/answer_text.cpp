#include "backends/answer_text.h"

#include <charconv>
#include <optional>
#include <utility>

#include "base/utf8.h"

namespace halfbyte {
namespace {

constexpr size_t kHalfBytes = 3;

bool is_high(char32_t c) { return c >= 0xd800 && c < 0xdc00; }
bool is_low(char32_t c) { return c >= 0xdc00 && c < 0xe000; }

// The code unit of a \uXXXX that begins at `at`.
std::optional<char32_t> escape_at(std::string_view text, size_t at) {
  if (!text.substr(at).starts_with("\\u") || text.size() - at < 6) return std::nullopt;
  uint32_t unit = 0;
  const auto [end, error] = std::from_chars(text.data() + at + 2, text.data() + at + 6, unit, 16);
  if (error != std::errc() || end != text.data() + at + 6) return std::nullopt;
  return unit;
}

// The half of a surrogate pair that is written in three bytes at `at`.
std::optional<char32_t> half_at(std::string_view text, size_t at) {
  if (text.size() - at < kHalfBytes || text[at] != '\xED') return std::nullopt;
  const auto second = static_cast<unsigned char>(text[at + 1]), third = static_cast<unsigned char>(text[at + 2]);
  if (second < 0xa0 || second > 0xbf || third < 0x80 || third > 0xbf) return std::nullopt;
  return 0xd000 | (second & 0x3fu) << 6 | (third & 0x3fu);
}

// Copies what is at `at` inside a string, and says how many bytes that was.
size_t copy_in_string(std::string_view text, size_t at, std::string& out) {
  if (text[at] != '\\') {
    const Utf8Character c = read_utf8(text, at);
    append_utf8(out, c.code_point);
    return c.bytes;
  }
  const auto unit = escape_at(text, at);
  if (unit && is_high(*unit)) {
    if (const auto next = escape_at(text, at + 6); next && is_low(*next)) return out.append(text.substr(at, 12)), 12;
  }
  if (unit && (is_high(*unit) || is_low(*unit))) return append_utf8(out, *unit), 6;
  const size_t bytes = at + 1 < text.size() && static_cast<unsigned char>(text[at + 1]) < 0x80 ? 2 : 1;
  out.append(text.substr(at, bytes));
  return bytes;
}

// The same value in JSON as the standard has it, save for halves of characters.
std::string strict(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  bool is_string = false;
  for (size_t at = 0; at < text.size();) {
    if (text[at] == '"') is_string = !is_string;
    if (is_string && text[at] != '"') {
      at += copy_in_string(text, at, out);
      continue;
    }
    const std::string_view rest = text.substr(at);
    size_t bytes = 1;
    for (const std::string_view word : {"NaN", "Infinity", "-Infinity"})
      if (!is_string && rest.starts_with(word)) bytes = word.size();
    out += bytes > 1 ? "null" : rest.substr(0, 1);
    at += bytes;
  }
  return out;
}

}  // namespace

Result<Json> parse_loose_json(std::string_view text) {
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  return parse_json(strict(text), "answer", JsonForm::kAnyBytes);
}

bool is_json(std::string_view text) { return static_cast<bool>(parse_loose_json(text)); }

std::string whole(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (size_t at = 0; at < text.size();) {
    const auto half = half_at(text, at);
    if (!half) {
      const Utf8Character c = read_utf8(text, at);
      append_utf8(out, c.code_point);
      at += c.bytes;
      continue;
    }
    at += kHalfBytes;
    const auto next = is_high(*half) && at < text.size() ? half_at(text, at) : std::nullopt;
    const bool is_pair = next && is_low(*next);
    append_utf8(out, is_pair ? 0x10000 + ((*half - 0xd800) << 10) + (*next - 0xdc00) : U'\uFFFD');
    if (is_pair) at += kHalfBytes;
  }
  return out;
}

Json whole(Json value) {
  if (auto* text = std::get_if<std::string>(&value.value)) *text = whole(std::string_view(*text));
  if (auto* array = std::get_if<Json::Array>(&value.value))
    for (Json& item : *array) item = whole(std::move(item));
  if (auto* object = std::get_if<Json::Object>(&value.value))
    for (JsonMember& member : *object) member = {whole(std::string_view(member.key)), whole(std::move(member.value))};
  return value;
}

std::string WholeText::push(std::string_view piece) {
  std::string text = std::exchange(half_, {}) + std::string(piece);
  const auto last = text.size() < kHalfBytes ? std::nullopt : half_at(text, text.size() - kHalfBytes);
  if (last && is_high(*last)) {
    half_ = text.substr(text.size() - kHalfBytes);
    text.resize(text.size() - kHalfBytes);
  }
  text = whole(std::string_view(text));
  text_ += text;
  return text;
}

std::string WholeText::finish() {
  std::string text = whole(std::string_view(std::exchange(half_, {})));
  text_ += text;
  return text;
}

}  // namespace halfbyte
