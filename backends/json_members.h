// Members of JSON objects: those that are sent to services, those of their answers, and how a request was sampled.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/json.h"
#include "base/json_writer.h"
#include "halfbyte/backend.h"

namespace halfbyte {

// A float as its shortest text says it: 0.7f is 0.7 on the wire, not 0.699999988079071.
double shortest_double(float number);

void add(Json::Object& object, std::string key, Json value);
void add_stop(Json::Object& object, const std::vector<std::string>& texts);  // "stop", as both services call it, where there are some

// {"max_new_tokens": ..., "temperature": ..., "top_k": ..., "top_p": ...} and what else is given, as results keep it in their metadata.
// Null: left to the backend. The seed is a fact of those that promise something about it.
std::string sampling_json(const CompletionOptions& options);
void write_sampling(JsonWriter& json, const CompletionOptions& options);  // its members, without the braces

// Members of an answer. Absent, of another type, or negative: none.
std::optional<double> number_member(const Json& object, std::string_view key);

}  // namespace halfbyte
