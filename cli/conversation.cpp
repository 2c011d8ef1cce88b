#include "cli/conversation.h"

namespace halfbyte {

bool Conversation::forget_oldest() {
  if (turns_.size() < 3) return false;
  turns_.erase(turns_.begin(), turns_.begin() + 2);
  return true;
}

std::vector<Message> Conversation::messages() const {
  std::vector<Message> all;
  if (!system_.empty()) all.push_back({"system", system_});
  all.insert(all.end(), turns_.begin(), turns_.end());
  return all;
}

}  // namespace halfbyte
