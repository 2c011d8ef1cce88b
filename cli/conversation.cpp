#include "cli/conversation.h"

namespace halfbyte {

void Conversation::forget_oldest(size_t turns) { turns_.erase(turns_.begin(), turns_.begin() + static_cast<std::ptrdiff_t>(turns)); }

std::vector<Message> Conversation::messages() const {
  std::vector<Message> all;
  if (!system_.empty()) all.push_back({"system", system_});
  all.insert(all.end(), turns_.begin(), turns_.end());
  return all;
}

}  // namespace halfbyte
