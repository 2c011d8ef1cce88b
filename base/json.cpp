#include "base/json.h"

#include <algorithm>
#include <boost/json/basic_parser_impl.hpp>
#include <charconv>
#include <limits>
#include <optional>
#include <span>
#include <unordered_set>

#include "base/errors.h"

namespace halfbyte {
namespace {

using boost::json::error_code;
using View = boost::json::string_view;

// A number that JSON has no way to write, and which of the text's numbers it is.
struct NotFinite {
  size_t index;
  double value;
};

// Python's names of numbers that are not finite, in place of which the text gets zeros of the same length, so that bytes keep their place.
std::vector<NotFinite> take_not_finite(std::string& text) {
  struct Name {
    std::string_view name, zero;
    double value;
  };
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  static constexpr Name kNames[] = {
      {"NaN", "0.0", std::numeric_limits<double>::quiet_NaN()},
      {"Infinity", "0.000000", kInfinity},
      {"-Infinity", "-0.000000", -kInfinity},
  };
  std::vector<NotFinite> found;
  const auto joins_on = [&](size_t at) {  // to a number or a name before it
    const char c = at < text.size() ? text[at] : ' ';
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '+' || c == '.';
  };
  bool in_string = false;
  size_t numbers = 0;
  for (size_t at = 0; at < text.size();) {
    const char c = text[at];
    if (in_string) {
      in_string = c != '"';
      at += c == '\\' ? 2 : 1;
      continue;
    }
    const auto name = std::ranges::find_if(kNames, [&](const Name& n) { return std::string_view(text).substr(at).starts_with(n.name); });
    if (name != std::end(kNames) && !joins_on(at + name->name.size())) {
      text.replace(at, name->zero.size(), name->zero);
      found.push_back({numbers++, name->value});
      at += name->zero.size();
    } else if (c == '-' || (c >= '0' && c <= '9')) {
      ++numbers;
      while (joins_on(at)) ++at;
    } else {
      in_string = c == '"';
      ++at;
    }
  }
  return found;
}

// Builds a Json from Boost's parser events. `open` holds the containers around the current position, innermost last.
struct Builder {
  static constexpr size_t max_object_size = std::numeric_limits<size_t>::max();
  static constexpr size_t max_array_size = std::numeric_limits<size_t>::max();
  static constexpr size_t max_key_size = std::numeric_limits<size_t>::max();
  static constexpr size_t max_string_size = std::numeric_limits<size_t>::max();

  struct Container {
    Json value;
    std::string key;  // of the member whose value comes next
    std::unordered_set<std::string> keys;
  };
  Json root;
  std::vector<Container> open;
  std::string text;  // parts of a key or string so far
  std::optional<std::string> duplicate_key;
  std::span<const NotFinite> not_finite;  // those still to come
  size_t numbers = 0;                     // so far

  bool add(Json value) {
    if (open.empty()) {
      root = std::move(value);
    } else if (auto* array = std::get_if<Json::Array>(&open.back().value.value)) {
      array->push_back(std::move(value));
    } else {
      std::get<Json::Object>(open.back().value.value).push_back({std::move(open.back().key), std::move(value)});
    }
    return true;
  }
  bool add_number(Json number) {
    if (!not_finite.empty() && not_finite.front().index == numbers++) {
      number = {not_finite.front().value};
      not_finite = not_finite.subspan(1);
    }
    return add(std::move(number));
  }
  bool close() {
    Json done = std::move(open.back().value);
    open.pop_back();
    return add(std::move(done));
  }
  std::string take(View last) {
    text.append(last.data(), last.size());
    return std::exchange(text, {});
  }

  bool on_document_begin(error_code&) { return true; }
  bool on_document_end(error_code&) { return true; }
  bool on_object_begin(error_code&) { return open.push_back({Json{Json::Object{}}, {}, {}}), true; }
  bool on_object_end(size_t, error_code&) { return close(); }
  bool on_array_begin(error_code&) { return open.push_back({Json{Json::Array{}}, {}, {}}), true; }
  bool on_array_end(size_t, error_code&) { return close(); }
  bool on_key_part(View part, size_t, error_code&) { return text.append(part.data(), part.size()), true; }
  bool on_key(View last, size_t, error_code& error) {
    open.back().key = take(last);
    if (open.back().keys.insert(open.back().key).second) return true;
    duplicate_key = open.back().key;
    error = boost::json::error::syntax;
    return false;
  }
  bool on_string_part(View part, size_t, error_code&) { return text.append(part.data(), part.size()), true; }
  bool on_string(View last, size_t, error_code&) { return add({take(last)}); }
  bool on_number_part(View, error_code&) { return true; }
  bool on_int64(int64_t number, View, error_code&) { return add_number({number}); }
  bool on_uint64(uint64_t number, View, error_code&) { return add_number({number}); }
  // Boost's own result may be off in the last digit; what a JsonWriter writes must read back exactly.
  bool on_double(double number, View digits, error_code&) {
    double exact = 0;
    const char* end = digits.data() + digits.size();
    const auto read = std::from_chars(digits.data(), end, exact);
    return add_number({read.ec == std::errc() && read.ptr == end ? exact : number});
  }
  bool on_bool(bool truth, error_code&) { return add({truth}); }
  bool on_null(error_code&) { return add({nullptr}); }
  bool on_comment_part(View, error_code&) { return true; }
  bool on_comment(View, error_code&) { return true; }
};

}  // namespace

const Json* Json::find(std::string_view key) const {
  const Object* members = object();
  if (members == nullptr) return nullptr;
  for (const JsonMember& member : *members)
    if (member.key == key) return &member.value;
  return nullptr;
}

Result<Json> parse_json(std::string_view text, std::string_view where, JsonForm form) {
  constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
  std::string finite;
  std::vector<NotFinite> not_finite;
  if (form == JsonForm::kPython) {
    if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
    if (text.find("NaN") != std::string_view::npos || text.find("Infinity") != std::string_view::npos) {
      finite = text;
      not_finite = take_not_finite(finite);
      text = finite;
    }
  }
  boost::json::parse_options options;
  options.max_depth = 64;
  options.allow_invalid_utf8 = form == JsonForm::kAnyBytes;
  boost::json::basic_parser<Builder> parser(options);
  parser.handler().not_finite = not_finite;
  error_code error;
  const size_t read = parser.write_some(false, text.data(), text.size(), error);
  if (const auto& duplicate = parser.handler().duplicate_key)
    return corrupt("{}: not valid JSON: duplicate key '{}' before byte {}", where, escaped(*duplicate), read);
  if (error) return corrupt("{}: not valid JSON at byte {}: {}", where, read, error.message());
  if (read < text.size()) return corrupt("{}: not valid JSON: more text after the value, at byte {}", where, read);
  return std::move(parser.handler().root);
}

}  // namespace halfbyte
