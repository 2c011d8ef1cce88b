#include "server/openai_request.h"

#include <algorithm>
#include <charconv>
#include <limits>

#include "base/errors.h"
#include "base/json_writer.h"
#include "server/fields.h"

namespace halfbyte::openai {
namespace {

constexpr size_t kMostMessages = 4096, kMostTools = 512, kMostPrompts = 16, kMostTokens = 4096;
constexpr int kMostNewTokens = static_cast<int>(kMostReplyTokens);
constexpr int kMostLikeliest = 20;
constexpr int kCompletionTokens = 16;  // the older route's default

Result<Json> body_of(std::string_view body) {
  auto json = parse_json(body, "body");
  if (!json) return Error{Code::kInvalid, json.error().message};
  if (json->object() == nullptr) return invalid("body: expected a JSON object, found {}", shown_value(*json));
  return json;
}

Result<std::string> required_text(const Fields& fields, std::string_view key) {
  HB_TRY_ASSIGN(text, fields.text(key));
  if (!text) return invalid("{}: expected text, found nothing", fields.path(key));
  return *std::move(text);
}

Result<Token> token_of(std::string_view text, const std::string& path) {
  Token token = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), token);
  if (error != std::errc() || end != text.data() + text.size() || token < 0)
    return invalid("{}: expected token ids as names, found '{}'", path, escaped(text));
  return token;
}

Result<void> read_tokens(const Fields& fields, SamplingOptions& options) {
  HB_TRY_ASSIGN(biases, fields.object("logit_bias"));
  if (biases) {
    const Json::Object& members = *fields.find("logit_bias")->object();
    if (members.size() > kMostTokens) return invalid("logit_bias: expected at most {} tokens, found {}", kMostTokens, members.size());
    for (const JsonMember& member : members) {
      HB_TRY_ASSIGN(token, token_of(member.key, "logit_bias"));
      HB_TRY_ASSIGN(bias, biases->number(member.key, -100, 100));
      if (bias) options.logit_bias.push_back({token, static_cast<float>(*bias)});
    }
  }
  HB_TRY_ASSIGN(allowed, fields.list("allowed_token_ids"));  // vLLM's
  if (allowed == nullptr) return {};
  if (allowed->size() > kMostTokens)
    return invalid("allowed_token_ids: expected at most {} tokens, found {}", kMostTokens, allowed->size());
  for (const Json& each : *allowed) {
    const auto* token = std::get_if<int64_t>(&each.value);
    if (token == nullptr || *token < 0 || *token > std::numeric_limits<Token>::max())
      return invalid("allowed_token_ids[{}]: expected a token id, found {}", options.allowed_tokens.size(), shown_value(each));
    options.allowed_tokens.push_back(static_cast<Token>(*token));
  }
  return {};
}

// What both routes have.
Result<void> read_common(const Fields& fields, Asked& asked) {
  HB_TRY_ASSIGN(model, fields.text("model"));
  asked.model = model.value_or("");
  CompletionOptions& options = asked.options;
  HB_TRY_ASSIGN(most, fields.whole("max_tokens", 1, kMostNewTokens));
  if (most) options.max_new_tokens = *most;
  HB_TRY(read_sampling(fields, &SamplingField::openai, options.sampling));
  HB_TRY(read_reply_fields(fields, &ReplyField<CompletionOptions>::openai, options));
  if (options.best_of && *options.best_of < options.choices)
    return invalid("best_of: expected at least n ({}), found {}", options.choices, *options.best_of);
  HB_TRY(read_tokens(fields, options.sampling));
  HB_TRY_INTO(options.stop, read_stop(fields));
  HB_TRY_ASSIGN(salt, fields.text("cache_salt"));  // vLLM's
  options.principal = salt.value_or("");
  HB_TRY_ASSIGN(streams, fields.flag("stream"));
  asked.streams = streams.value_or(false);
  HB_TRY_ASSIGN(stream_options, fields.object("stream_options"));
  if (!stream_options) return {};
  HB_TRY_ASSIGN(usage, stream_options->flag("include_usage"));
  asked.tells_usage = usage.value_or(false);
  return {};
}

// Content in parts: text alone, for no model that runs here sees or hears.
Result<void> check_parts(const Json::Array& parts, const std::string& path) {
  for (size_t i = 0; i < parts.size(); ++i) {
    const std::string at = fmt::format("{}[{}]", path, i);
    HB_TRY_ASSIGN(part, Fields::of(parts[i], at));
    HB_TRY_ASSIGN(type, required_text(part, "type"));
    if (type != "text") return unsupported("{}.type: '{}' is not taken, the model reads text", at, escaped(type));
    HB_TRY_ASSIGN(text, required_text(part, "text"));
  }
  return {};
}

Result<ToolCall> read_call(const Json& value, const std::string& path) {
  HB_TRY_ASSIGN(call, Fields::of(value, path));
  HB_TRY_ASSIGN(id, call.text("id"));
  HB_TRY_ASSIGN(function, call.object("function"));
  if (!function) return invalid("{}.function: expected an object, found nothing", path);
  HB_TRY_ASSIGN(name, required_text(*function, "name"));
  HB_TRY_ASSIGN(arguments, function->text("arguments"));
  if (!arguments || arguments->empty()) arguments = "{}";
  const auto object = parse_json(*arguments, function->path("arguments"));
  if (!object || object->object() == nullptr) return invalid("{}: expected a JSON object as text", function->path("arguments"));
  return ToolCall{.name = std::move(name), .arguments = *std::move(arguments), .call_id = id.value_or("")};
}

Result<Message> read_message(const Json& value, const std::string& path) {
  HB_TRY_ASSIGN(fields, Fields::of(value, path));
  Message message;
  HB_TRY_INTO(message.role, required_text(fields, "role"));
  if (message.role == "developer") message.role = "system";  // as OpenAI calls it since its reasoning models
  constexpr std::string_view kRoles[] = {"system", "user", "assistant", "tool"};
  if (std::ranges::find(kRoles, message.role) == std::end(kRoles))
    return invalid("{}.role: expected system, developer, user, assistant or tool, found '{}'", path, escaped(message.role));
  HB_TRY_ASSIGN(calls, fields.list("tool_calls"));
  if (calls != nullptr)
    for (size_t i = 0; i < calls->size(); ++i) {
      HB_TRY_ASSIGN(call, read_call((*calls)[i], fmt::format("{}.tool_calls[{}]", path, i)));
      message.tool_calls.push_back(std::move(call));
    }
  const Json* content = fields.find("content");
  if (content == nullptr) {
    if (message.role != "assistant") return invalid("{}.content: expected text or a list of parts, found nothing", path);
  } else if (content->array() != nullptr) {
    HB_TRY(check_parts(*content->array(), path + ".content"));
    if (!content->array()->empty()) message.parts = json_text(*content);
  } else if (content->text() != nullptr) {
    message.content = *content->text();
  } else {
    return fields.expected("content", "text or a list of parts");
  }
  for (const char* key : {"reasoning", "reasoning_content"}) {
    HB_TRY_ASSIGN(thinking, fields.text(key));
    if (thinking) message.thinking = *std::move(thinking);
  }
  HB_TRY_ASSIGN(call_id, fields.text("tool_call_id"));
  message.call_id = call_id.value_or("");
  HB_TRY_ASSIGN(name, fields.text("name"));
  if (message.role == "tool") message.tool_name = name.value_or("");
  return message;
}

Result<Tool> read_tool(const Json& value, const std::string& path) {
  HB_TRY_ASSIGN(fields, Fields::of(value, path));
  HB_TRY_ASSIGN(type, fields.text("type"));
  if (type && *type != "function") return unsupported("{}.type: '{}' is not done, only function is", path, escaped(*type));
  HB_TRY_ASSIGN(function, fields.object("function"));
  if (!function) return invalid("{}.function: expected an object, found nothing", path);
  Tool tool;
  HB_TRY_INTO(tool.name, required_text(*function, "name"));
  HB_TRY_ASSIGN(description, function->text("description"));
  tool.description = description.value_or("");
  HB_TRY_ASSIGN(parameters, function->object("parameters"));
  tool.parameters = parameters ? json_text(*function->find("parameters")) : R"({"type": "object", "properties": {}})";
  tool.definition = json_text(value);
  return tool;
}

Result<void> read_tools(const Fields& fields, ChatRequest& request) {
  if (fields.find("functions") != nullptr) return unsupported("functions: not done, give tools");
  HB_TRY_ASSIGN(tools, fields.list("tools"));
  if (tools != nullptr) {
    if (tools->size() > kMostTools) return invalid("tools: expected at most {}, found {}", kMostTools, tools->size());
    for (size_t i = 0; i < tools->size(); ++i) {
      HB_TRY_ASSIGN(tool, read_tool((*tools)[i], fmt::format("tools[{}]", i)));
      request.tools.push_back(std::move(tool));
    }
  }
  HB_TRY_ASSIGN(parallel, fields.flag("parallel_tool_calls"));
  request.takes_one_call = !parallel.value_or(true);
  const Json* choice = fields.find("tool_choice");
  if (choice == nullptr) return {};
  if (choice->object() != nullptr) return unsupported("tool_choice: a named tool cannot be forced yet, only none and auto are done");
  HB_TRY_ASSIGN(word, fields.text("tool_choice"));
  if (*word == "none")
    request.tools.clear();
  else if (*word == "required")
    return unsupported("tool_choice: 'required' cannot be forced yet, only none and auto are done");
  else if (*word != "auto")
    return invalid("tool_choice: expected none, auto, required or an object, found '{}'", escaped(*word));
  return {};
}

Result<std::optional<GrammarSource>> read_response_format(const Fields& fields) {
  HB_TRY_ASSIGN(format, fields.object("response_format"));
  if (!format) return std::optional<GrammarSource>();
  HB_TRY_ASSIGN(type, required_text(*format, "type"));
  if (type == "text") return std::optional<GrammarSource>();
  if (type == "json_object") return std::optional(GrammarSource{GrammarKind::kJsonObject, ""});
  if (type != "json_schema") return invalid("response_format.type: expected text, json_object or json_schema, found '{}'", escaped(type));
  HB_TRY_ASSIGN(named, format->object("json_schema"));
  if (!named) return invalid("response_format.json_schema: expected an object, found nothing");
  HB_TRY_ASSIGN(schema, named->object("schema"));
  if (!schema) return invalid("response_format.json_schema.schema: expected an object, found nothing");
  return std::optional(GrammarSource{GrammarKind::kJsonSchema, json_text(*named->find("schema"))});
}

Result<void> read_thinking(const Fields& fields, CompletionOptions& options) {
  HB_TRY_ASSIGN(effort, fields.text("reasoning_effort"));
  if (effort) {
    constexpr std::string_view kEfforts[] = {"none", "minimal", "low", "medium", "high", "xhigh", "max"};
    if (std::ranges::find(kEfforts, *effort) == std::end(kEfforts))
      return invalid("reasoning_effort: expected {}, found '{}'", fmt::join(kEfforts, ", "), escaped(*effort));
    options.thinking = *effort != "none";
  }
  HB_TRY_ASSIGN(variables, fields.object("chat_template_kwargs"));  // vLLM's and llama.cpp's
  if (!variables) return {};
  HB_TRY_ASSIGN(thinks, variables->flag("enable_thinking"));
  if (thinks) options.thinking = thinks;
  return {};
}

}  // namespace

Result<ChatRequest> read_chat(std::string_view body) {
  HB_TRY_ASSIGN(json, body_of(body));
  const Fields fields(*json.object());
  ChatRequest request;
  request.options.max_new_tokens = kMostNewTokens;  // until the context is full
  HB_TRY(read_common(fields, request));
  HB_TRY_ASSIGN(most, fields.whole("max_completion_tokens", 1, kMostNewTokens));
  if (most) request.options.max_new_tokens = *most;
  HB_TRY_ASSIGN(messages, fields.list("messages"));
  if (messages == nullptr || messages->empty()) return invalid("messages: expected at least one, found none");
  if (messages->size() > kMostMessages) return invalid("messages: expected at most {}, found {}", kMostMessages, messages->size());
  for (size_t i = 0; i < messages->size(); ++i) {
    HB_TRY_ASSIGN(message, read_message((*messages)[i], fmt::format("messages[{}]", i)));
    request.messages.push_back(std::move(message));
  }
  HB_TRY(read_tools(fields, request));
  HB_TRY_INTO(request.options.grammar, read_response_format(fields));
  if (request.options.grammar && !request.tools.empty())
    return unsupported("response_format: a format beside tools is not done yet: leave one out, or set tool_choice to none");
  HB_TRY(read_thinking(fields, request.options));
  HB_TRY_ASSIGN(logprobs, fields.flag("logprobs"));
  HB_TRY_ASSIGN(likeliest, fields.whole("top_logprobs", 0, kMostLikeliest));
  if (logprobs.value_or(false))
    request.options.logprobs = likeliest.value_or(0);
  else if (likeliest.value_or(0) > 0)
    return invalid("top_logprobs: expected logprobs to be true beside it");
  return request;
}

Result<CompletionRequest> read_completion(std::string_view body) {
  HB_TRY_ASSIGN(json, body_of(body));
  const Fields fields(*json.object());
  CompletionRequest request;
  request.options.max_new_tokens = kCompletionTokens;
  HB_TRY(read_common(fields, request));
  HB_TRY_INTO(request.options.logprobs, fields.whole("logprobs", 0, kMostLikeliest));
  HB_TRY_INTO(request.options.grammar, read_response_format(fields));  // not the original's: other servers take it here too
  HB_TRY_ASSIGN(echoes, fields.flag("echo"));
  if (echoes.value_or(false)) return unsupported("echo: not done yet");
  HB_TRY_ASSIGN(suffix, fields.text("suffix"));
  if (suffix && !suffix->empty()) return unsupported("suffix: not done yet");
  const Json* prompt = fields.find("prompt");
  if (prompt == nullptr) return invalid("prompt: expected text or a list of texts, found nothing");
  if (prompt->text() != nullptr) {
    request.prompts.push_back(*prompt->text());
  } else if (const Json::Array* list = prompt->array()) {
    if (list->empty() || list->size() > kMostPrompts)
      return invalid("prompt: expected 1 to {} texts, found {}", kMostPrompts, list->size());
    for (const Json& each : *list) {
      if (std::holds_alternative<int64_t>(each.value) || each.array() != nullptr) return unsupported("prompt: token ids are not done yet");
      if (each.text() == nullptr) return invalid("prompt[{}]: expected text, found {}", request.prompts.size(), shown_value(each));
      request.prompts.push_back(*each.text());
    }
  } else {
    return fields.expected("prompt", "text or a list of texts");
  }
  for (const std::string& each : request.prompts)
    if (each.empty()) return invalid("prompt: expected text, found an empty one");
  return request;
}

}  // namespace halfbyte::openai
