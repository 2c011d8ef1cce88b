// Of several replies to a prompt the likeliest are told.
#pragma once

#include "halfbyte/engine.h"

namespace halfbyte {

// A sink for Request::best_of choices, whose best reach `sink` as Request::choices when all have ended. The request becomes one for all of
// them, with the log-probabilities that their scores need. Requires: best_of is more than choices.
TokenSink best_of(Request& request, TokenSink sink);

}  // namespace halfbyte
