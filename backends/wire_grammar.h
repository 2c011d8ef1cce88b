// Grammars as services take them: JSON, or a JSON Schema. kUnsupported: another kind; kInvalid: a schema that is no JSON.
#pragma once

#include <optional>

#include "base/json.h"
#include "halfbyte/grammar.h"

namespace halfbyte {

Result<void> add_ollama_format(Json::Object& fields, const std::optional<GrammarSource>& grammar);
Result<void> add_response_format(Json::Object& fields, const std::optional<GrammarSource>& grammar);  // of OpenAI-style services

}  // namespace halfbyte
