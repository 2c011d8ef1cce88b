#include "backends/drop_turns.h"

#include <algorithm>

#include "base/errors.h"

namespace halfbyte {

Result<size_t> drop_turns(std::vector<Message>& messages, size_t most,
                          const std::function<Result<size_t>(std::span<const Message>)>& tokens) {
  const auto is_question = [](const Message& message) { return message.role == "user"; };
  size_t dropped = 0;
  for (;;) {
    HB_TRY_ASSIGN(left, tokens(messages));
    if (left <= most) return dropped;
    const auto oldest = std::ranges::find_if_not(messages, [](const Message& message) { return message.role == "system"; });
    if (oldest == messages.end()) return dropped;
    const auto next = std::find_if(oldest + 1, messages.end(), is_question);
    if (next == messages.end()) return dropped;
    dropped += static_cast<size_t>(next - oldest);
    messages.erase(oldest, next);
  }
}

}  // namespace halfbyte
