#include "base/json_writer.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>

#include "base/utf8.h"

namespace halfbyte {
namespace {

template <class Float>
std::string shortest(Float number) {
  if (!std::isfinite(number)) return "null";
  char digits[64];
  const auto [end, error] = std::to_chars(digits, digits + sizeof digits, number);
  (void)error;  // the longest shortest form has 24 characters
  return {digits, end};
}

void append_character(std::string& out, char32_t c) {
  switch (c) {
    case '"': out += "\\\""; break;
    case '\\': out += "\\\\"; break;
    case '\n': out += "\\n"; break;
    case '\r': out += "\\r"; break;
    case '\t': out += "\\t"; break;
    default:
      if (c < 0x20)
        out += fmt::format("\\u{:04x}", static_cast<uint32_t>(c));
      else
        append_utf8(out, c);
  }
}

}  // namespace

void JsonWriter::separate() {
  if (needs_comma_) text_ += ',';
  needs_comma_ = true;
}

JsonWriter& JsonWriter::open(char bracket) {
  separate();
  text_ += bracket;
  needs_comma_ = false;
  return *this;
}

JsonWriter& JsonWriter::close(char bracket) {
  text_ += bracket;
  needs_comma_ = true;
  return *this;
}

JsonWriter& JsonWriter::json(std::string_view text) {
  separate();
  text_ += text;
  return *this;
}

JsonWriter& JsonWriter::key(std::string_view name) {
  value(name);
  text_ += ':';
  needs_comma_ = false;
  return *this;
}

JsonWriter& JsonWriter::value(float number) { return json(shortest(number)); }
JsonWriter& JsonWriter::value(double number) { return json(shortest(number)); }

JsonWriter& JsonWriter::value(std::string_view text) {
  separate();
  text_ += '"';
  for (size_t at = 0; at < text.size();) {
    const Utf8Character c = read_utf8(text, at);
    has_repaired_ |= c.form != Utf8Character::Form::kWhole;
    append_character(text_, c.code_point);  // U+FFFD for what is none
    at += c.bytes;
  }
  text_ += '"';
  return *this;
}

JsonWriter& JsonWriter::value(const Json& json) {
  return std::visit([this](const auto& held) -> JsonWriter& { return value(held); }, json.value);
}

JsonWriter& JsonWriter::value(const Json::Object& object) {
  begin_object();
  for (const JsonMember& each : object) member(each.key, each.value);
  return end_object();
}

std::string json_text(const Json& value) { return JsonWriter().value(value).take(); }

}  // namespace halfbyte
