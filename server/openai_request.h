// OpenAI's API, the way in: what a request's body asks for. Pure. Members that are not known are passed over, as the original does; what
// is known and not done is kUnsupported by its name. Names and ranges of numbers are those of kSamplingFields and kReplyFields.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "halfbyte/backend.h"

namespace halfbyte::openai {

struct Asked {
  std::string model;  // empty: whatever is served
  CompletionOptions options;
  bool streams = false;
  bool tells_usage = false;  // in a last chunk of the stream
};

// POST /v1/chat/completions.
struct ChatRequest : Asked {
  std::vector<Message> messages;
  std::vector<Tool> tools;      // none with the tool choice "none"
  bool takes_one_call = false;  // parallel_tool_calls: false
};
Result<ChatRequest> read_chat(std::string_view body);

// POST /v1/completions.
struct CompletionRequest : Asked {
  std::vector<std::string> prompts;  // at least one, at most 16
};
Result<CompletionRequest> read_completion(std::string_view body);

}  // namespace halfbyte::openai
