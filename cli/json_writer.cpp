#include "cli/json_writer.h"

#include <charconv>
#include <cmath>

#include "base/json.h"
#include "text/unicode.h"

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

JsonWriter& JsonWriter::raw(std::string_view text) {
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

JsonWriter& JsonWriter::value(float number) { return raw(shortest(number)); }
JsonWriter& JsonWriter::value(double number) { return raw(shortest(number)); }

JsonWriter& JsonWriter::value(std::string_view text) {
  std::string well_formed;
  for (size_t at = 0; at < text.size();) {
    const Utf8Character c = read_utf8(text, at);
    append_utf8(well_formed, c.code_point);  // U+FFFD for what is none
    at += c.bytes;
  }
  return raw(json_string(well_formed));
}

}  // namespace halfbyte
