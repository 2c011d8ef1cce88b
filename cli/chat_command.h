// The /commands of a chat.
#pragma once

#include <string>
#include <string_view>

#include "halfbyte/result.h"

namespace halfbyte {

struct ChatCommand {
  enum class Kind { kHelp, kClear, kSystem, kSet, kShow, kBye };
  Kind kind;
  std::string name;   // of /set NAME VALUE, of /show NAME; may be empty
  std::string value;  // of /set NAME VALUE, of /system TEXT; may be empty
};

bool is_chat_command(std::string_view line);  // begins with "/"
// kInvalid: no such command.
Result<ChatCommand> parse_chat_command(std::string_view line);
std::string_view chat_help();

}  // namespace halfbyte
