#include "text/tokenizer_json/charsmap.h"

#include <utf8proc.h>

#include "base/errors.h"
#include "base/utf8.h"

namespace halfbyte::tokenizer_json {
namespace {

constexpr size_t kShortGrapheme = 6;  // bytes; longer clusters are mapped character by character

std::optional<std::string> from_base64(std::string_view text) {
  if (text.size() % 4 != 0) return std::nullopt;
  const size_t padding = text.ends_with("==") ? 2 : text.ends_with("=") ? 1 : 0;
  text.remove_suffix(padding);
  std::string bytes;
  bytes.reserve(text.size() / 4 * 3 + 2);
  uint32_t bits = 0;
  int count = 0;
  for (const char c : text) {
    uint32_t value;
    if (c >= 'A' && c <= 'Z')
      value = static_cast<uint32_t>(c - 'A');
    else if (c >= 'a' && c <= 'z')
      value = static_cast<uint32_t>(c - 'a') + 26;
    else if (c >= '0' && c <= '9')
      value = static_cast<uint32_t>(c - '0') + 52;
    else if (c == '+' || c == '/')
      value = c == '+' ? 62 : 63;
    else
      return std::nullopt;
    bits = bits << 6 | value;
    if (++count % 4 == 1) continue;
    bytes += static_cast<char>(bits >> (count % 4 == 2 ? 4 : count % 4 == 3 ? 2 : 0) & 0xff);
  }
  return bytes;
}

// A unit of the double array (Darts).
bool has_leaf(uint32_t unit) { return (unit >> 8 & 1) != 0; }
uint32_t value(uint32_t unit) { return unit & 0x7fffffffu; }
uint32_t label(uint32_t unit) { return unit & 0x800000ffu; }
uint32_t offset(uint32_t unit) { return unit >> 10 << ((unit & 1u << 9) >> 6); }

size_t grapheme_end(std::string_view text, size_t at) {
  utf8proc_int32_t state = 0;
  Utf8Character c = read_utf8(text, at);
  for (at += c.bytes; at < text.size() && c.form == Utf8Character::Form::kWhole;) {
    const Utf8Character next = read_utf8(text, at);
    if (next.form != Utf8Character::Form::kWhole) break;
    if (utf8proc_grapheme_break_stateful(static_cast<utf8proc_int32_t>(c.code_point), static_cast<utf8proc_int32_t>(next.code_point),
                                         &state))
      break;
    at += next.bytes;
    c = next;
  }
  return at;
}

}  // namespace

Result<Charsmap> Charsmap::decode(std::string_view encoded, std::string_view where) {
  const auto bytes = from_base64(encoded);
  if (!bytes) return corrupt("{}: expected base64, found other characters", where);
  const auto unit = [&](size_t at) {
    uint32_t word = 0;
    for (size_t i = 0; i < 4; ++i) word |= static_cast<uint32_t>(static_cast<uint8_t>((*bytes)[at + i])) << 8 * i;
    return word;
  };
  const size_t size = bytes->size() < 4 ? 0 : unit(0);
  if (size == 0 || size % 4 != 0 || size > bytes->size() - 4)
    return corrupt("{}: expected an array of units and their replacements, found {} bytes that say {}", where, bytes->size(), size);
  Charsmap map;
  for (size_t at = 4; at < 4 + size; at += 4) map.units_.push_back(unit(at));
  map.replacements_ = bytes->substr(4 + size);
  if (map.replacements_.empty() || map.replacements_.back() != '\0') return corrupt("{}: expected replacements that end in 0", where);
  return map;
}

std::optional<std::string_view> Charsmap::replacement(std::string_view part) const {
  uint64_t at = offset(units_[0]);
  for (const char c : part) {
    if (c == '\0') return std::nullopt;
    at ^= static_cast<uint8_t>(c);
    if (at >= units_.size() || label(units_[at]) != static_cast<uint8_t>(c)) return std::nullopt;
    const uint32_t unit = units_[at];
    at ^= offset(unit);
    if (!has_leaf(unit)) continue;
    const size_t begin = at < units_.size() ? value(units_[at]) : replacements_.size();
    if (begin >= replacements_.size()) return std::nullopt;
    return std::string_view(replacements_.c_str() + begin);
  }
  return std::nullopt;
}

std::string Charsmap::apply(std::string_view text) const {
  std::string out;
  out.reserve(text.size());
  for (size_t at = 0; at < text.size();) {
    const size_t end = grapheme_end(text, at);
    const std::string_view grapheme = text.substr(at, end - at);
    at = end;
    if (grapheme.size() < kShortGrapheme) {
      if (const auto whole = replacement(grapheme)) {
        out += *whole;
        continue;
      }
    }
    for (size_t i = 0; i < grapheme.size();) {
      const std::string_view character = grapheme.substr(i, read_utf8(grapheme, i).bytes);
      out += replacement(character).value_or(character);
      i += character.size();
    }
  }
  return out;
}

}  // namespace halfbyte::tokenizer_json
