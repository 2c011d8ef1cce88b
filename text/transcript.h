// A conversation as plain text, for models without a chat format: it ends where the assistant speaks next.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "halfbyte/message.h"

namespace halfbyte {

std::string transcript(std::span<const Message> messages);

constexpr std::string_view kNextTurn = "\nUser:";  // the reply ends before it

}  // namespace halfbyte
