// JSON as we read it (strictly: no duplicate keys, no comments, valid UTF-8, bounded depth). base/json_writer.h writes it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "halfbyte/result.h"

namespace halfbyte {

struct JsonMember;

// One JSON value. Objects keep the order of the text.
struct Json {
  using Array = std::vector<Json>;
  using Object = std::vector<JsonMember>;
  std::variant<std::nullptr_t, bool, int64_t, uint64_t, double, std::string, Array, Object> value;

  // Null when this is not an object or has no such member.
  const Json* find(std::string_view key) const;
  // Null when this is of another type.
  const std::string* text() const { return std::get_if<std::string>(&value); }
  const Array* array() const { return std::get_if<Array>(&value); }
  const Object* object() const { return std::get_if<Object>(&value); }
};

struct JsonMember {
  std::string key;
  Json value;
};

// kPython: with the numbers NaN, Infinity and -Infinity, which Python's json writes unasked, and a byte order mark, which editors leave
// before a text. Of two equal keys Python takes the last; that is refused here too, for one of them is not what somebody meant.
// kAnyBytes: strings need not be UTF-8.
enum class JsonForm { kStrict, kPython, kAnyBytes };

// `where` names the text in messages (a path). kCorrupt says at which byte. Containers nest at most 64 deep.
Result<Json> parse_json(std::string_view text, std::string_view where, JsonForm form = JsonForm::kStrict);

}  // namespace halfbyte
