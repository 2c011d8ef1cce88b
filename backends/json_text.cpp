#include "backends/json_text.h"

#include <charconv>
#include <cmath>
#include <utility>

#include "text/unicode.h"

namespace halfbyte {
namespace {

std::string number_text(double number) {
  if (!std::isfinite(number)) return "null";
  char digits[64];  // the longest shortest form has 24 characters
  return {digits, std::to_chars(digits, digits + sizeof digits, number).ptr};
}

std::string well_formed(std::string_view text) {
  std::string out;
  for (size_t at = 0; at < text.size();) {
    const Utf8Character c = read_utf8(text, at);
    append_utf8(out, c.code_point);
    at += c.bytes;
  }
  return out;
}

struct Writer {
  std::string out;

  void operator()(std::nullptr_t) { out += "null"; }
  void operator()(bool fact) { out += fact ? "true" : "false"; }
  void operator()(int64_t number) { out += std::to_string(number); }
  void operator()(uint64_t number) { out += std::to_string(number); }
  void operator()(double number) { out += number_text(number); }
  void operator()(const std::string& text) { out += json_string(well_formed(text)); }
  void operator()(const Json::Array& array) {
    out += '[';
    for (bool is_first = true; const Json& item : array) {
      if (!std::exchange(is_first, false)) out += ',';
      std::visit(*this, item.value);
    }
    out += ']';
  }
  void operator()(const Json::Object& object) {
    out += '{';
    for (bool is_first = true; const JsonMember& member : object) {
      if (!std::exchange(is_first, false)) out += ',';
      (*this)(member.key);
      out += ':';
      std::visit(*this, member.value.value);
    }
    out += '}';
  }
};

}  // namespace

std::string json_text(const Json& value) {
  Writer writer;
  std::visit(writer, value.value);
  return std::move(writer.out);
}

void add(Json::Object& object, std::string key, Json value) { object.push_back({std::move(key), std::move(value)}); }

double shortest_double(float number) {
  char digits[64];
  const char* end = std::to_chars(digits, digits + sizeof digits, number).ptr;
  double same = 0;
  std::from_chars(digits, end, same);
  return same;
}

std::string sampling_json(const CompletionOptions& options) {
  Json::Object sampling;
  add(sampling, "max_new_tokens", {int64_t{options.max_new_tokens}});
  add(sampling, "temperature", {shortest_double(options.temperature)});
  add(sampling, "top_k", options.top_k ? Json{int64_t{*options.top_k}} : Json{nullptr});
  add(sampling, "top_p", options.top_p ? Json{shortest_double(*options.top_p)} : Json{nullptr});
  return json_text({std::move(sampling)});
}

std::optional<double> number_member(const Json& object, std::string_view key) {
  const Json* member = object.find(key);
  if (member == nullptr) return std::nullopt;
  if (const auto* whole = std::get_if<int64_t>(&member->value)) return static_cast<double>(*whole);
  if (const auto* real = std::get_if<double>(&member->value)) return *real;
  return std::nullopt;
}

std::string text_member(const Json& object, std::string_view key) {
  const Json* member = object.find(key);
  const std::string* text = member != nullptr ? member->text() : nullptr;
  return text != nullptr ? *text : "";
}

}  // namespace halfbyte
