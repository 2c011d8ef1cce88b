// "post_processor" of a tokenizer.json: which tokens frame a text.
#pragma once

#include <string>
#include <vector>

#include "base/json.h"
#include "halfbyte/result.h"
#include "halfbyte/token.h"

namespace halfbyte::tokenizer_json {

struct Frame {
  std::vector<Token> before, after;
};

// Of a single text; what is said of pairs is not used. kCorrupt: a token that is none.
Result<Frame> read_post_processor(const Json& value, const std::string& where, int vocabulary_size);

}  // namespace halfbyte::tokenizer_json
