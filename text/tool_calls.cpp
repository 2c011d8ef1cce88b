#include "text/tool_calls.h"

#include <algorithm>

#include "base/json_writer.h"
#include "base/white_space.h"

namespace halfbyte {
namespace {

constexpr auto npos = std::string_view::npos;

// What comes before `mark`, which is taken away with it; nothing and no change when there is no mark.
std::optional<std::string_view> take_until(std::string_view& text, std::string_view mark) {
  const size_t at = text.find(mark);
  if (at == npos) return std::nullopt;
  const std::string_view before = text.substr(0, at);
  text.remove_prefix(at + mark.size());
  return before;
}

// A JSON object, or a JSON string that holds one, as one line.
std::optional<std::string> object_line(const Json& json) {
  if (json.object() != nullptr) return json_text(json);
  if (json.text() == nullptr) return std::nullopt;
  const auto inner = parse_json(*json.text(), "arguments");
  if (!inner || inner->object() == nullptr) return std::nullopt;
  return json_text(*inner);
}

std::optional<ToolCall> call_of(std::string_view name, std::string_view arguments) {
  const auto json = parse_json(trimmed(arguments), "arguments");
  if (name.empty() || !json || json->object() == nullptr) return std::nullopt;
  return ToolCall{.name = std::string(name), .arguments = json_text(*json)};
}

// {"name": ..., "arguments" or "parameters": {...}}, perhaps as the member "function" of another object.
std::optional<ToolCall> call_of(const Json& json) {
  if (const Json* function = json.find("function"); function != nullptr && function->object() != nullptr) {
    auto call = call_of(*function);
    if (const Json* id = json.find("id"); call && id != nullptr && id->text() != nullptr) call->call_id = *id->text();
    return call;
  }
  const Json* name = json.find("name");
  if (name == nullptr || name->text() == nullptr || name->text()->empty()) return std::nullopt;
  ToolCall call{.name = *name->text(), .arguments = "{}"};
  for (const std::string_view key : {"arguments", "parameters"})
    if (const Json* arguments = json.find(key)) {
      const auto line = object_line(*arguments);
      if (!line) return std::nullopt;
      call.arguments = *line;
      break;
    }
  if (const Json* id = json.find("id"); id != nullptr && id->text() != nullptr) call.call_id = *id->text();
  return call;
}

// One or more objects or arrays of objects, with nothing but commas, semicolons and white space between them.
ToolCalls read_json_calls(std::string_view body, std::span<const Tool>) {
  std::vector<ToolCall> calls;
  while (!(body = trimmed(body)).empty()) {
    const size_t end = end_of_json(body);
    if (end == npos) return std::nullopt;
    const auto json = parse_json(body.substr(0, end), "tool call");
    if (!json) return std::nullopt;
    const std::span<const Json> objects = json->array() != nullptr ? std::span(*json->array()) : std::span(&*json, 1);
    for (const Json& object : objects) {
      const auto call = call_of(object);
      if (!call) return std::nullopt;
      calls.push_back(*call);
    }
    body = trimmed(body.substr(end));
    if (!body.empty() && (body[0] == ',' || body[0] == ';')) body.remove_prefix(1);
  }
  if (calls.empty()) return std::nullopt;
  return calls;
}

bool is_string(const Json& type) {
  if (type.text() != nullptr) return *type.text() == "string";
  return type.array() != nullptr && std::ranges::any_of(*type.array(), is_string);
}

// Whether the tool's schema says that this argument is text; it is when the schema says nothing.
bool takes_text(std::span<const Tool> tools, std::string_view tool, std::string_view argument) {
  const auto found = std::ranges::find(tools, tool, &Tool::name);
  if (found == tools.end()) return true;
  const auto schema = parse_json(found->parameters, "parameters");
  const Json* properties = schema ? schema->find("properties") : nullptr;
  const Json* property = properties != nullptr ? properties->find(argument) : nullptr;
  const Json* type = property != nullptr ? property->find("type") : nullptr;
  return type == nullptr || is_string(*type);
}

Json value_of(std::string_view text, bool is_text) {
  if (!is_text) {
    if (text == "True" || text == "False") return {text == "True"};  // as Python's Jinja writes them into the prompt
    if (text == "None") return {nullptr};
    if (const auto json = parse_json(text, "argument")) return *json;
  }
  return {std::string(text)};
}

// name> <parameter=key> value </parameter> ..., behind "<function=".
ToolCalls read_function_tag(std::string_view body, std::span<const Tool> tools) {
  const auto name = take_until(body, ">");
  if (!name || trimmed(*name).empty()) return std::nullopt;
  ToolCall call{.name = std::string(trimmed(*name))};
  Json::Object arguments;
  while (take_until(body, "<parameter=")) {
    const auto key = take_until(body, ">");
    if (!key) return std::nullopt;
    auto value = take_until(body, "</parameter>");
    if (!value) return std::nullopt;
    if (value->starts_with('\n')) value->remove_prefix(1);
    if (value->ends_with('\n')) value->remove_suffix(1);
    std::erase_if(arguments, [&](const JsonMember& member) { return member.key == trimmed(*key); });
    arguments.push_back({std::string(trimmed(*key)), value_of(*value, takes_text(tools, call.name, trimmed(*key)))});
  }
  call.arguments = json_text({std::move(arguments)});
  return std::vector{std::move(call)};
}

// Between <tool_call> and </tool_call>: JSON (Hermes, Qwen), or function tags (Qwen3-Coder).
ToolCalls read_tool_call_tag(std::string_view body, std::span<const Tool> tools) {
  std::string_view inside = trimmed(body);
  constexpr std::string_view kFunction = "<function=", kEnd = "</function>";
  if (!inside.starts_with(kFunction)) return read_json_calls(inside, tools);
  if (!inside.ends_with(kEnd)) return std::nullopt;
  inside.remove_suffix(kEnd.size());
  return read_function_tag(inside.substr(kFunction.size()), tools);
}

// A JSON array of calls, or name[ARGS]{...} with further calls behind [TOOL_CALLS] (since Mistral's tokenizer 11).
ToolCalls read_mistral(std::string_view body, std::span<const Tool> tools) {
  if (const auto calls = read_json_calls(body, tools)) return calls;
  std::vector<ToolCall> calls;
  while (!body.empty()) {
    std::string_view one = take_until(body, "[TOOL_CALLS]").value_or(body);
    if (one.data() + one.size() == body.data() + body.size()) body = {};
    auto name = take_until(one, "[ARGS]");
    if (!name) return std::nullopt;
    std::string_view id = *name;
    const auto named = take_until(id, "[CALL_ID]");
    auto call = call_of(trimmed(named.value_or(*name)), one);
    if (!call) return std::nullopt;
    if (named) call->call_id = trimmed(id);
    calls.push_back(*call);
  }
  if (calls.empty()) return std::nullopt;
  return calls;
}

std::string_view unfenced(std::string_view text) {
  text = trimmed(text);
  if (!text.starts_with("```") || !text.ends_with("```") || text.size() < 6) return text;
  text.remove_suffix(3);
  return take_until(text, "\n") ? trimmed(text) : std::string_view();
}

// type<sep>name, then the arguments in a fence (V3, R1); or name<sep>arguments (V3.1).
ToolCalls read_deepseek(std::string_view body, std::span<const Tool>) {
  std::vector<ToolCall> calls;
  while (take_until(body, "<｜tool▁call▁begin｜>")) {
    auto one = take_until(body, "<｜tool▁call▁end｜>");
    if (!one) return std::nullopt;
    const auto before = take_until(*one, "<｜tool▁sep｜>");
    if (!before) return std::nullopt;
    std::string_view name = *before;
    if (!trimmed(*one).starts_with('{')) {
      const auto line = take_until(*one, "\n");
      if (!line) return std::nullopt;
      name = *line;
    }
    const auto call = call_of(trimmed(name), unfenced(*one));
    if (!call) return std::nullopt;
    calls.push_back(*call);
  }
  if (calls.empty()) return std::nullopt;
  return calls;
}

// FunctionGemma's notation, {key:<escape>text<escape>,other:[1,true]}, rewritten as JSON; false: it is something else.
bool rewrite_gemma(std::string_view& text, JsonWriter& json, int depth) {
  constexpr std::string_view kEscape = "<escape>";
  constexpr int kDeepest = 32;
  if (depth > kDeepest || text.empty()) return false;
  if (text.starts_with(kEscape)) {
    text.remove_prefix(kEscape.size());
    const auto inside = take_until(text, kEscape);
    if (inside) json.value(*inside);
    return inside.has_value();
  }
  if (text[0] != '{' && text[0] != '[') {  // a number, true, false or null; read as JSON in the end
    const std::string_view word = text.substr(0, text.find_first_of(",]}"));
    json.json(word);
    text.remove_prefix(word.size());
    return !word.empty();
  }
  const bool is_object = text[0] == '{';
  const char close = is_object ? '}' : ']';
  text.remove_prefix(1);
  is_object ? json.begin_object() : json.begin_array();
  while (!text.empty() && text[0] != close) {
    if (is_object) {
      const auto key = take_until(text, ":");
      if (!key) return false;
      json.key(trimmed(*key));
    }
    if (!rewrite_gemma(text, json, depth + 1) || text.empty() || (text[0] != ',' && text[0] != close)) return false;
    if (text[0] == ',') {
      text.remove_prefix(1);
      if (text.starts_with(close)) return false;
    }
  }
  if (text.empty()) return false;
  text.remove_prefix(1);
  is_object ? json.end_object() : json.end_array();
  return true;
}

// call:name{...}
ToolCalls read_gemma(std::string_view body, std::span<const Tool>) {
  body = trimmed(body);
  if (!body.starts_with("call:")) return std::nullopt;
  body.remove_prefix(5);
  const size_t brace = body.find('{');
  if (brace == npos) return std::nullopt;
  const std::string_view name = trimmed(body.substr(0, brace));
  body.remove_prefix(brace);
  JsonWriter json;
  if (!rewrite_gemma(body, json, 0) || !trimmed(body).empty()) return std::nullopt;
  const auto call = call_of(name, json.take());
  if (!call) return std::nullopt;
  return std::vector{*call};
}

constexpr ToolCallSyntax kSyntaxes[] = {
    {"<tool_call>", "</tool_call>", read_tool_call_tag},
    {"<function=", "</function>", read_function_tag},
    {"[TOOL_CALLS]", "", read_mistral},
    {"<｜tool▁calls▁begin｜>", "<｜tool▁calls▁end｜>", read_deepseek},
    {"<|python_tag|>", "", read_json_calls},               // Llama 3
    {"<|tool_call|>", "<|/tool_call|>", read_json_calls},  // Phi-4
    {"<start_function_call>", "<end_function_call>", read_gemma},
};

}  // namespace

size_t end_of_json(std::string_view text) {
  int open = 0;
  bool is_in_string = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (is_in_string) {
      if (c == '\\') ++i;
      is_in_string = c != '"';
    } else if (c == '"') {
      is_in_string = true;
    } else if (c == '{' || c == '[') {
      ++open;
    } else if ((c == '}' || c == ']') && --open == 0) {
      return i + 1;
    }
    if (open <= 0) return npos;
  }
  return npos;
}

std::vector<const ToolCallSyntax*> tool_call_syntaxes(std::string_view chat_template) {
  std::vector<const ToolCallSyntax*> found;
  for (const ToolCallSyntax& syntax : kSyntaxes)
    if (chat_template.find(syntax.open) != npos) found.push_back(&syntax);
  return found;
}

ToolCalls read_bare_calls(std::string_view text, std::span<const Tool> tools) {
  auto calls = read_json_calls(unfenced(text), tools);
  if (!calls) return std::nullopt;
  for (const ToolCall& call : *calls)
    if (std::ranges::find(tools, call.name, &Tool::name) == tools.end()) return std::nullopt;
  return calls;
}

}  // namespace halfbyte
