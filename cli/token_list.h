// Token ids as people and programs write them: "1,2,3", "1 2 3", "[1, 2]" or {"tokens":[1,2]}, what `tokenize` prints.
#pragma once

#include <string_view>
#include <vector>

#include "halfbyte/result.h"
#include "text/tokenizer.h"

namespace halfbyte {

// kInvalid names the place of what is not an id, or of an id that the vocabulary does not have.
Result<std::vector<Token>> parse_token_list(std::string_view text, int vocabulary_size);

}  // namespace halfbyte
