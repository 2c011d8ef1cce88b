// A tiny model that says what it is told to, for tests of what is made of a reply.
#pragma once

#include <string>
#include <vector>

#include "models/tiny_model.h"

namespace halfbyte {

// Whatever the prompt, it answers with `pieces`, a token each, and then ends (greedily; at most 60). Pieces in [brackets] are
// control tokens. The prompt must be ASCII.
TinyModel scripted_model(const std::vector<std::string>& pieces, const std::string& chat_template);

}  // namespace halfbyte
