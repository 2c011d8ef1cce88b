#include "base/json.h"

#include <boost/json/basic_parser_impl.hpp>
#include <charconv>
#include <limits>
#include <optional>
#include <unordered_set>

#include "base/errors.h"

namespace halfbyte {
namespace {

using boost::json::error_code;
using View = boost::json::string_view;

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
  bool on_int64(int64_t number, View, error_code&) { return add({number}); }
  bool on_uint64(uint64_t number, View, error_code&) { return add({number}); }
  // Boost's own result may be off in the last digit; what a JsonWriter writes must read back exactly.
  bool on_double(double number, View digits, error_code&) {
    double exact = 0;
    const char* end = digits.data() + digits.size();
    const auto read = std::from_chars(digits.data(), end, exact);
    return add({read.ec == std::errc() && read.ptr == end ? exact : number});
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

Result<Json> parse_json(std::string_view text, std::string_view where, JsonStrings strings) {
  boost::json::parse_options options;
  options.max_depth = 64;
  options.allow_invalid_utf8 = strings == JsonStrings::kAnyBytes;
  boost::json::basic_parser<Builder> parser(options);
  error_code error;
  const size_t read = parser.write_some(false, text.data(), text.size(), error);
  if (const auto& duplicate = parser.handler().duplicate_key)
    return corrupt("{}: not valid JSON: duplicate key '{}' before byte {}", where, escaped(*duplicate), read);
  if (error) return corrupt("{}: not valid JSON at byte {}: {}", where, read, error.message());
  if (read < text.size()) return corrupt("{}: not valid JSON: more text after the value, at byte {}", where, read);
  return std::move(parser.handler().root);
}

}  // namespace halfbyte
