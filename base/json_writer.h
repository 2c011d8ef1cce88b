// JSON text, written front to back, on one line. Floats are the shortest text that reads back to the same bits, so equal text is equal
// bits; what is not finite becomes null, for JSON has no such numbers. What is written is UTF-8, whatever the bytes were.
#pragma once

#include <concepts>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json.h"

namespace halfbyte {

class JsonWriter {
 public:
  JsonWriter& begin_object() { return open('{'); }
  JsonWriter& end_object() { return close('}'); }
  JsonWriter& begin_array() { return open('['); }
  JsonWriter& end_array() { return close(']'); }
  JsonWriter& key(std::string_view name);

  JsonWriter& value(std::nullptr_t) { return json("null"); }
  JsonWriter& value(std::string_view text);  // bytes that are not UTF-8 become U+FFFD
  JsonWriter& value(const char* text) { return value(std::string_view(text)); }
  JsonWriter& value(const std::string& text) { return value(std::string_view(text)); }
  JsonWriter& value(std::same_as<bool> auto fact) { return json(fact ? "true" : "false"); }
  JsonWriter& value(std::integral auto number)
    requires(!std::same_as<decltype(number), bool>)
  {
    return json(std::to_string(number));
  }
  JsonWriter& value(float number);
  JsonWriter& value(double number);
  JsonWriter& value(const Json& json);
  JsonWriter& value(const Json::Object& object);
  template <class T>
  JsonWriter& value(const std::optional<T>& maybe) {
    return maybe ? value(*maybe) : value(nullptr);
  }
  template <class T>
  JsonWriter& value(std::span<const T> list) {
    begin_array();
    for (const T& item : list) value(item);
    return end_array();
  }
  template <class T>
  JsonWriter& value(const std::vector<T>& list) {
    return value(std::span<const T>(list));
  }

  JsonWriter& json(std::string_view text);  // Requires: one JSON value, as text

  template <class T>
  JsonWriter& member(std::string_view name, const T& v) {
    return key(name).value(v);
  }

  // Whether text was met that is not UTF-8: for those who refuse it rather than pass on what it was repaired to.
  bool has_repaired() const { return has_repaired_; }

  // What has been written since the last call; long output is taken piece by piece.
  std::string take() { return std::exchange(text_, {}); }

 private:
  JsonWriter& open(char bracket);
  JsonWriter& close(char bracket);
  void separate();

  std::string text_;
  bool needs_comma_ = false, has_repaired_ = false;
};

std::string json_text(const Json& value);

}  // namespace halfbyte
