// What a request must be before it is queued.
#pragma once

#include "halfbyte/engine.h"
#include "text/tokenizer.h"

namespace halfbyte {

// kInvalid names the field; kTooLong: the prompt does not fit the context. Sets max_tokens to what there is room for.
Result<void> check_request(Request& request, const Tokenizer& tokenizer, int vocabulary, int context_tokens);

}  // namespace halfbyte
