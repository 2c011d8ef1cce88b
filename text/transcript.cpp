#include "text/transcript.h"

namespace halfbyte {

std::string transcript(std::span<const Message> messages) {
  std::string text;
  for (const Message& message : messages) {
    std::string speaker = message.role;
    if (!speaker.empty() && speaker[0] >= 'a' && speaker[0] <= 'z') speaker[0] = static_cast<char>(speaker[0] - 'a' + 'A');
    text += speaker + ": " + message.content + "\n";
  }
  return text + "Assistant:";
}

}  // namespace halfbyte
