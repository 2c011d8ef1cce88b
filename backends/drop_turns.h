// Which turns of a conversation go where it does not fit.
#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <vector>

#include "halfbyte/message.h"
#include "halfbyte/result.h"

namespace halfbyte {

// Drops the oldest exchanges, a question with all that answered it, until `tokens` of what is left are at most `most`, or only the last
// question is left. System messages before the first exchange stay. Returns how many messages went; the errors are those of `tokens`.
Result<size_t> drop_turns(std::vector<Message>& messages, size_t most,
                          const std::function<Result<size_t>(std::span<const Message>)>& tokens);

}  // namespace halfbyte
