// A request's numbers and switches as services take them.
#pragma once

#include <string_view>

#include "base/json.h"
#include "halfbyte/backend.h"
#include "halfbyte/reply_fields.h"

namespace halfbyte {

// Adds those of kReplyFields that are given to `fields`, under the service's names; logprobs is written apart. kUnsupported: it has no name
// for one.
Result<void> add_reply_fields(Json::Object& fields, const CompletionOptions& options,
                              std::string_view ReplyField<CompletionOptions>::* name, std::string_view service);

// kUnsupported: what is in no list and only our engine has.
Result<void> refuse_our_own(const CompletionOptions& options, std::string_view service);

// vLLM's stop_token_ids, where there are some.
void add_stop_tokens(Json::Object& fields, const std::vector<Token>& tokens);

// As chats have them: a switch and a number.
void add_logprobs(Json::Object& fields, std::optional<int> logprobs);

}  // namespace halfbyte
