#include "backends/wire_message.h"

#include "backends/json_members.h"
#include "base/errors.h"
#include "text/message_parts.h"

namespace halfbyte {
namespace {

Result<Json> object_of(const std::string& text, std::string_view what) {
  auto value = parse_json(text.empty() ? "{}" : text, what);
  if (!value) return invalid("{}", value.error().message);
  if (value->object() == nullptr) return invalid("{}: expected a JSON object, found '{}'", what, escaped(text));
  return value;
}

Result<Json> wire_call(const ToolCall& call, WireArguments arguments) {
  HB_TRY_ASSIGN(object, object_of(call.arguments, "arguments of the tool call " + call.name));
  Json::Object function, wire;
  add(function, "name", {call.name});
  add(function, "arguments", arguments == WireArguments::kObject ? std::move(object) : Json{json_text(object)});
  if (arguments == WireArguments::kText) {
    add(wire, "id", {call.call_id});
    add(wire, "type", {"function"});
  }
  add(wire, "function", {std::move(function)});
  return Json{std::move(wire)};
}

}  // namespace

Result<Json> wire_tool(const Tool& tool) {
  if (!tool.definition.empty()) return object_of(tool.definition, "definition of the tool " + tool.name);
  HB_TRY_ASSIGN(parameters, object_of(tool.parameters, "parameters of the tool " + tool.name));
  Json::Object function, wire;
  add(function, "name", {tool.name});
  add(function, "description", {tool.description});
  add(function, "parameters", std::move(parameters));
  add(wire, "type", {"function"});
  add(wire, "function", {std::move(function)});
  return Json{std::move(wire)};
}

Result<Json> wire_tools(std::span<const Tool> tools) {
  Json::Array wire;
  for (const Tool& tool : tools) {
    HB_TRY_ASSIGN(one, wire_tool(tool));
    wire.push_back(std::move(one));
  }
  return Json{std::move(wire)};
}

Result<Json> wire_messages(std::span<const Message> messages, WireArguments arguments) {
  HB_TRY_ASSIGN(filled, with_content(messages));
  Json::Array all;
  for (const Message& message : filled) {
    Json::Object wire;
    add(wire, "role", {message.role});
    if (!message.parts.empty() && arguments == WireArguments::kText) {  // Ollama's content is text alone
      HB_TRY_ASSIGN(parts, parse_json(message.parts, "parts"));
      add(wire, "content", std::move(parts));
    } else {
      add(wire, "content", {message.content});
    }
    if (!message.thinking.empty() && arguments == WireArguments::kObject) add(wire, "thinking", {message.thinking});
    if (!message.tool_name.empty() && arguments == WireArguments::kObject) add(wire, "tool_name", {message.tool_name});
    if (!message.call_id.empty()) add(wire, "tool_call_id", {message.call_id});
    Json::Array calls;
    for (const ToolCall& call : message.tool_calls) {
      HB_TRY_ASSIGN(one, wire_call(call, arguments));
      calls.push_back(std::move(one));
    }
    if (!calls.empty()) add(wire, "tool_calls", {std::move(calls)});
    HB_TRY_ASSIGN(extra, object_of(message.extra, "a message's further members"));
    for (const auto& [name, value] : *extra.object()) add(wire, name, value);
    all.push_back({std::move(wire)});
  }
  return Json{std::move(all)};
}

}  // namespace halfbyte
