#include "text/chat_template.h"

#include <algorithm>
#include <ctime>

#include "base/errors.h"
#include "base/json_writer.h"
#include "rust/halfbyte_rust.h"

namespace halfbyte {
namespace {

constexpr size_t kMaxSourceBytes = size_t{1} << 20;

std::string take(hb_text text) {
  std::string copy(text.bytes, text.size);
  hb_text_free(text);
  return copy;
}

// What the engine says may quote the template; it becomes one line of plain characters.
Error template_error(Code code, std::string_view kind, hb_template_reply reply) {
  const std::string why = escaped(take(reply.text), 240);
  if (reply.line == 0) return {code, fmt::format("chat template {}: {}", kind, why)};
  return {code, fmt::format("chat template {} at line {}: {}", kind, reply.line, why)};
}

// `text` itself when it is a JSON object, `empty` when it is nothing.
Result<std::string> object_text(std::string_view text, std::string_view empty, std::string_view whose) {
  if (text.empty()) return std::string(empty);
  const auto json = parse_json(text, whose);
  if (!json) return invalid("{}", json.error().message);
  if (json->object() == nullptr) return invalid("{}: expected a JSON object, found {}", whose, escaped(text));
  return std::string(text);
}

Result<void> write(JsonWriter& json, const Tool& tool) {
  if (!tool.definition.empty()) {
    HB_TRY_ASSIGN(definition, object_text(tool.definition, "{}", fmt::format("tool {}: definition", escaped(tool.name))));
    json.json(definition);
    return {};
  }
  HB_TRY_ASSIGN(parameters, object_text(tool.parameters, R"({"type": "object", "properties": {}})",
                                        fmt::format("tool {}: parameters", escaped(tool.name))));
  json.begin_object().member("type", "function").key("function").begin_object();
  json.member("name", tool.name).member("description", tool.description).key("parameters").json(parameters);
  json.end_object().end_object();
  return {};
}

// Most templates take arguments as an object, some as its text.
enum class Arguments { kObject, kText };

Result<void> write(JsonWriter& json, const ToolCall& call, Arguments form) {
  HB_TRY_ASSIGN(arguments, object_text(call.arguments, "{}", fmt::format("call of {}: arguments", escaped(call.name))));
  json.begin_object();
  if (!call.call_id.empty()) json.member("id", call.call_id);
  json.member("type", "function").key("function").begin_object().member("name", call.name).key("arguments");
  form == Arguments::kText ? json.value(arguments) : json.json(arguments);
  json.end_object().end_object();
  return {};
}

// What templates get as content: text, or parts as their caller has them.
enum class Content { kText, kParts };

// Members that are not there are left out: templates ask whether a message has them.
Result<void> write(JsonWriter& json, const Message& message, Content content, Arguments form) {
  json.begin_object().member("role", message.role).key("content");
  content == Content::kParts && !message.parts.empty() ? json.json(message.parts) : json.value(message.content);
  const auto add = [&](std::string_view name, const std::string& text) {
    if (!text.empty()) json.member(name, text);
  };
  add("reasoning_content", message.thinking);  // as most templates call it
  add("thinking", message.thinking);           // as some do
  add("name", message.tool_name);
  add("tool_call_id", message.call_id);
  if (!message.tool_calls.empty()) {
    json.key("tool_calls").begin_array();
    for (const ToolCall& call : message.tool_calls) HB_TRY(write(json, call, form));
    json.end_array();
  }
  HB_TRY_ASSIGN(extra, object_text(message.extra, "{}", "a message's further members"));
  HB_TRY_ASSIGN(members, parse_json(extra, "a message's further members"));
  for (const auto& [name, value] : *members.object()) json.member(name, value);
  json.end_object();
  return {};
}

// The template's variables, named as transformers names them; it passes tools and documents also when there are none.
Result<std::string> variables(std::span<const Message> messages, const TemplateOptions& options, Content content, Arguments form) {
  JsonWriter json;
  json.begin_object().key("messages").begin_array();
  for (const Message& message : messages) HB_TRY(write(json, message, content, form));
  json.end_array().key("tools");
  if (options.tools.empty()) {
    json.value(nullptr);
  } else {
    json.begin_array();
    for (const Tool& tool : options.tools) HB_TRY(write(json, tool));
    json.end_array();
  }
  json.member("documents", nullptr).member("add_generation_prompt", options.add_generation_prompt);
  json.member("bos_token", options.bos_token).member("eos_token", options.eos_token);
  if (options.enable_thinking) json.member("enable_thinking", *options.enable_thinking);
  json.end_object();
  if (json.has_repaired()) return invalid("chat template failed: the messages are not valid UTF-8");
  return json.take();
}

size_t bytes_of(std::span<const Message> messages, std::span<const Tool> tools) {
  size_t bytes = 0;
  for (const Message& message : messages) {
    for (const std::string* text :
         {&message.role, &message.content, &message.thinking, &message.tool_name, &message.call_id, &message.parts, &message.extra})
      bytes += text->size();
    for (const ToolCall& call : message.tool_calls) bytes += call.name.size() + call.arguments.size() + call.call_id.size();
  }
  for (const Tool& tool : tools) bytes += tool.name.size() + tool.description.size() + tool.parameters.size() + tool.definition.size();
  return bytes;
}

}  // namespace

void ChatTemplate::Free::operator()(hb_template* compiled) const { hb_template_free(compiled); }

Result<ChatTemplate> ChatTemplate::compile(std::string_view source) {
  if (source.size() > kMaxSourceBytes)
    return corrupt("chat template invalid: {} bytes, at most {} are read", source.size(), kMaxSourceBytes);
  hb_template* compiled = nullptr;
  const hb_template_reply reply = hb_template_compile(source.data(), source.size(), &compiled);
  if (!reply.ok) return template_error(Code::kCorrupt, "invalid", reply);
  hb_text_free(reply.text);
  return ChatTemplate(compiled);
}

Result<std::string> ChatTemplate::render(std::span<const Message> messages, const TemplateOptions& options) const {
  if (const size_t bytes = bytes_of(messages, options.tools); bytes > kMaxMessageBytes)
    return Error{Code::kTooLong, fmt::format("messages and tools: {} bytes of text, at most {} are rendered", bytes, kMaxMessageBytes)};
  const auto attempt = [&](std::span<const Message> turns, Content content, Arguments form) -> Result<std::string> {
    HB_TRY_ASSIGN(json, variables(turns, options, content, form));
    const hb_template_reply reply = hb_template_render(compiled_.get(), json.data(), json.size(), options.local_time_s);
    if (!reply.ok) return template_error(Code::kInvalid, "failed", reply);
    return take(reply.text);
  };
  // Most templates join content to text; of a list they would show its brackets. Asked, they tell.
  const auto tells_parts_apart = [&] {
    const Message probe{.role = "user", .parts = R"([{"type": "text", "text": "one part"}])"};
    const auto text = attempt({&probe, 1}, Content::kParts, Arguments::kObject);
    return text && text->find("one part") != std::string::npos && text->find("'one part'") == std::string::npos &&
           text->find("\"one part\"") == std::string::npos;
  };
  const bool has_parts = std::ranges::any_of(messages, [](const Message& message) { return !message.parts.empty(); });
  const Content content = has_parts && tells_parts_apart() ? Content::kParts : Content::kText;
  auto rendered = attempt(messages, content, Arguments::kObject);
  if (rendered || std::ranges::all_of(messages, [](const Message& message) { return message.tool_calls.empty(); })) return rendered;
  // A template that joins arguments to text (DeepSeek V3) fails on an object.
  auto second = attempt(messages, content, Arguments::kText);
  return second ? std::move(second) : std::move(rendered);
}

int64_t local_clock_s() {
  const std::time_t now = std::time(nullptr);
  std::tm local{};
  localtime_r(&now, &local);
  return static_cast<int64_t>(now) + local.tm_gmtoff;
}

}  // namespace halfbyte
