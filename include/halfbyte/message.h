// The turns of a conversation, as every backend and every chat template takes them.
#pragma once

#include <string>
#include <vector>

namespace halfbyte {

// A function the model wants called.
struct ToolCall {
  std::string name;
  std::string arguments;  // a JSON object
  std::string call_id;
  bool operator==(const ToolCall&) const = default;
};

// A function a model may ask for.
struct Tool {
  std::string name, description;
  std::string parameters;  // a JSON schema of the arguments: an object
  // The whole definition, a JSON object as its caller has it: templates and services see it unchanged. Empty: made from the above.
  std::string definition;
};

struct Message {
  std::string role;                  // "system", "user", "assistant", "tool"
  std::string content;               // text; or empty, and `parts` has it
  std::string thinking;              // of an assistant turn; may be empty
  std::vector<ToolCall> tool_calls;  // of an assistant turn
  std::string tool_name, call_id;    // of a tool turn: whose result this is
  // Content in parts: a JSON list of {"type": "text", "text": "..."}. A template that tells parts apart gets them as they are, others
  // the texts, each on a line of its own. Parts that are no text (images) are refused.
  std::string parts;
  // More members, a JSON object: templates and services get them as they are. None of those above.
  std::string extra;
};

}  // namespace halfbyte
