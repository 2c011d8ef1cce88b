// Tokens with their log-probabilities, as services tell them. Read as answer.h says.
#pragma once

#include <string>
#include <vector>

#include "base/json.h"
#include "halfbyte/backend.h"

namespace halfbyte {

// A list of {token, logprob, bytes, top_logprobs}, as chats and Ollama have it: where there are `bytes` they are the text.
Result<std::vector<ScoredToken>> read_scored_tokens(const Json::Array& tokens, const std::string& path);
// {tokens, token_logprobs, top_logprobs}, as the older route has it: three lists of equal length, or the last one absent.
Result<std::vector<ScoredToken>> read_token_lists(const Json& lists, const std::string& path);

}  // namespace halfbyte
