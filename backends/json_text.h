// JSON values to text, for what is sent to services and for results that are kept.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/json.h"
#include "halfbyte/backend.h"

namespace halfbyte {

// One line. Floats are the shortest text that reads back; what is not finite becomes null, bytes that are not UTF-8 U+FFFD.
std::string json_text(const Json& value);

// A float as its shortest text says it: 0.7f is 0.7 on the wire, not 0.699999988079071.
double shortest_double(float number);

void add(Json::Object& object, std::string key, Json value);

// {"max_new_tokens": ..., "temperature": ..., "top_k": ..., "top_p": ...} as results keep it in their metadata.
std::string sampling_json(const CompletionOptions& options);

// Members of an answer. Absent, of another type, or negative: none.
std::optional<double> number_member(const Json& object, std::string_view key);
std::string text_member(const Json& object, std::string_view key);  // "" for none

}  // namespace halfbyte
