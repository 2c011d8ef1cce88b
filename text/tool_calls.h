// How models write down that they want functions called: markers around a body, and what the body holds.
#pragma once

#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "halfbyte/message.h"

namespace halfbyte {

// Nothing: the body is not what the syntax asks for. Calls without an id have an empty one.
using ToolCalls = std::optional<std::vector<ToolCall>>;

struct ToolCallSyntax {
  std::string_view open;   // a template that holds this text belongs to a model that writes calls so
  std::string_view close;  // empty: the body goes on to the end of the reply
  ToolCalls (*read)(std::string_view body, std::span<const Tool> tools);
};

// The syntaxes that a model with this chat template writes.
std::vector<const ToolCallSyntax*> tool_call_syntaxes(std::string_view chat_template);

// JSON without markers, as Llama 3 and many small models write it: objects, or an array of them, perhaps in a Markdown fence.
// Only calls of the given tools: any other JSON is an answer.
ToolCalls read_bare_calls(std::string_view text, std::span<const Tool> tools);

// Behind the end of the JSON object or array at the beginning of `text`; npos: it does not end, or there is none.
size_t end_of_json(std::string_view text);

}  // namespace halfbyte
