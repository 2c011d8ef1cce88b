// Tools and their calls as both service APIs write them.
#pragma once

#include "base/json.h"
#include "halfbyte/backend.h"

namespace halfbyte {

// {"type": "function", "function": {name, description, parameters}}. kInvalid: parameters that are not a JSON object.
Result<Json> wire_tool(const Tool& tool);
Result<Json> wire_tools(std::span<const Tool> tools);

// The APIs differ in how a call's arguments are written: as an object, or as text that holds one.
enum class WireArguments { kObject, kText };
// kInvalid: arguments of a tool call that are not a JSON object.
Result<Json> wire_messages(std::span<const Message> messages, WireArguments arguments);

}  // namespace halfbyte
