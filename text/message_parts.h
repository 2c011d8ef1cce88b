// What a message may have beside its plain fields: content in parts, and members that only its template knows.
#pragma once

#include <span>
#include <vector>

#include "halfbyte/message.h"
#include "halfbyte/result.h"

namespace halfbyte {

// The messages, `content` filled in where `parts` has it: their texts, each on a line of its own. kInvalid, with the message's number:
// both are there, parts that are no JSON list of texts, `extra` that is no JSON object or has a member that is a field of its own.
Result<std::vector<Message>> with_content(std::span<const Message> messages);

}  // namespace halfbyte
