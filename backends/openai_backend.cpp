#include "backends/openai_backend.h"

#include <algorithm>

#include "backends/checks.h"
#include "backends/json_text.h"
#include "backends/service_address.h"
#include "backends/stopwatch.h"
#include "backends/wire_message.h"
#include "base/errors.h"
#include "http/lines.h"

namespace halfbyte {
namespace {

constexpr const char* kKeyName = "OPENAI_API_KEY";
constexpr std::string_view kChat = "/chat/completions", kCompletions = "/completions";

bool is_original(std::string_view base_url) { return base_url == kOpenAIUrl; }

// Authorization, and whose account it is: OpenAI's own headers, which other services pass over.
Result<std::vector<HttpHeader>> headers_of(const OpenAIOptions& options, const Url& address) {
  HB_TRY_ASSIGN(headers, key_header(address, options.api_key, kKeyName, options.env_file));
  if (headers.empty() && address.basic().empty() && is_original(address.at("").shown()))
    return not_found("no API key: pass api_key, or set {} in {} or in the environment", kKeyName,
                     options.env_file.empty() ? ".env" : options.env_file.string());
  const auto add_account = [&headers](const char* name, const std::string& given, const char* set) {
    const std::string account = given.empty() ? variable(set).value_or("") : given;
    if (!account.empty()) headers.push_back({name, account});
  };
  add_account("OpenAI-Organization", options.organization, "OPENAI_ORG_ID");
  add_account("OpenAI-Project", options.project, "OPENAI_PROJECT_ID");
  return headers;
}

Json or_null(const Json* member) { return member != nullptr ? *member : Json{nullptr}; }

Result<const Json*> choice_of(const Service& service, const Json& answer) {
  const Json* choices = answer.find("choices");
  if (choices == nullptr || choices->array() == nullptr || choices->array()->empty() || choices->array()->front().object() == nullptr)
    return service.fault("", "the answer has no `choices`");
  return &choices->array()->front();
}

Result<const Json*> message_of(const Service& service, const Json& choice) {
  const Json* message = choice.find("message");
  if (message == nullptr || message->object() == nullptr) return service.fault("", "the answer has no `message`");
  return message;
}

// Servers name it one way or the other.
std::string thinking_of(const Json& message) {
  std::string thinking = text_member(message, "reasoning_content");
  return thinking.empty() ? text_member(message, "reasoning") : thinking;
}

}  // namespace

Result<std::unique_ptr<OpenAIBackend>> OpenAIBackend::open(const OpenAIOptions& options, decltype(ServiceOptions::sleep) sleep) {
  if (options.model_id.empty()) return invalid("model_id: expected text, found an empty string");
  if (options.name.empty()) return invalid("name: expected text, found an empty string");
  if (options.max_retries < 0) return invalid("max_retries: expected 0 or more, found {}", options.max_retries);
  HB_TRY_ASSIGN(address, openai_address(options.base_url));
  HB_TRY(check_given_key(address, options.api_key));
  auto headers = headers_of(options, address);
  HB_TRY_ASSIGN(service, Service::open({.name = "OpenAI",
                                        .address = std::move(address),
                                        .timeout_seconds = options.timeout_seconds,
                                        .start_hint = "Check the address and that the service runs.",
                                        .max_retries = options.max_retries,
                                        .headers = std::move(headers),
                                        .sleep = std::move(sleep)}));
  BackendInfo info{.name = options.name, .model_id = options.model_id, .extra = options.extra};
  info.extra["base_url"] = service.base_url();
  return std::unique_ptr<OpenAIBackend>(new OpenAIBackend(std::move(info), std::move(service), options.api));
}

std::string_view OpenAIBackend::path() const { return api_ == OpenAIOptions::Api::kChat ? kChat : kCompletions; }

Json::Object OpenAIBackend::prompt_fields(const std::string& prompt) const {
  if (api_ == OpenAIOptions::Api::kCompletions) return {{"prompt", {prompt}}};
  Json::Object turn{{"role", {"user"}}, {"content", {prompt}}};
  return {{"messages", {Json::Array{{std::move(turn)}}}}};
}

Json OpenAIBackend::body(const CompletionOptions& options, bool is_stream, Json::Object fields) const {
  // The original has renamed max_tokens for chat and refuses the old name with newer models; others know only that.
  const bool is_chat = std::ranges::any_of(fields, [](const JsonMember& member) { return member.key == "messages"; });
  const bool is_renamed = is_chat && is_original(service_.base_url());
  add(fields, "model", {info_.model_id});
  add(fields, is_renamed ? "max_completion_tokens" : "max_tokens", {int64_t{options.max_new_tokens}});
  add(fields, "temperature", {shortest_double(options.temperature)});
  if (options.top_k) add(fields, "top_k", {int64_t{*options.top_k}});
  if (options.top_p) add(fields, "top_p", {shortest_double(*options.top_p)});
  if (options.seed) add(fields, "seed", {*options.seed});
  if (!options.stop.empty()) {
    Json::Array stop;
    for (const std::string& text : options.stop) stop.push_back({text});
    add(fields, "stop", {std::move(stop)});
  }
  if (is_stream) {
    add(fields, "stream", {true});
    add(fields, "stream_options", {Json::Object{{"include_usage", {true}}}});
  }
  return {std::move(fields)};
}

Facts OpenAIBackend::facts(const CompletionOptions& options, int tries, const std::string& finish_reason, const Json& answer) const {
  Facts facts{{"sampling", sampling_json(options)},
              {"api", api_ == OpenAIOptions::Api::kChat ? "chat" : "completions"},
              {"tries", std::to_string(tries)}};
  if (!finish_reason.empty()) facts["finish_reason"] = finish_reason;
  if (const std::string model = text_member(answer, "model"); !model.empty()) facts["served_model"] = model;
  return facts;
}

Result<InferenceResult> OpenAIBackend::complete(const std::string& prompt, const CompletionOptions& options) {
  HB_TRY(check_request(prompt, options));
  const Stopwatch clock;
  HB_TRY_ASSIGN(answer, service_.post(path(), body(options, false, prompt_fields(prompt)), options.cancel));
  const double latency_ms = clock.ms();
  HB_TRY_ASSIGN(choice, choice_of(service_, answer.json));
  const Json* text = choice->find("text");
  if (api_ == OpenAIOptions::Api::kChat) {
    HB_TRY_ASSIGN(message, message_of(service_, *choice));
    text = message->find("content");
  }
  // A chat reply of thinking or tool calls alone has null there.
  const bool is_empty = text != nullptr && std::holds_alternative<std::nullptr_t>(text->value) && api_ == OpenAIOptions::Api::kChat;
  if (!is_empty && (text == nullptr || text->text() == nullptr)) return service_.fault(path(), "the answer has no text");
  const Json usage = or_null(answer.json.find("usage"));
  return InferenceResult{.prompt = prompt,
                         .completion = is_empty ? "" : *text->text(),
                         .prompt_tokens = count_member(usage, "prompt_tokens"),
                         .completion_tokens = count_member(usage, "completion_tokens"),
                         .latency_ms = latency_ms,
                         .backend = info_,
                         .metadata = facts(options, answer.tries, text_member(*choice, "finish_reason"), answer.json)};
}

Result<OpenAIBackend::Streamed> OpenAIBackend::stream_events(std::string_view path, Json::Object fields, const CompletionOptions& options,
                                                             const TextSink& sink) const {
  Streamed streamed;
  ServerSentEvents events;
  std::string finish_reason;
  Json last{nullptr}, usage{nullptr};
  bool is_done = false, is_stopped = false;
  const auto take_choice = [&](const Json& choice) {
    if (std::string reason = text_member(choice, "finish_reason"); !reason.empty()) finish_reason = std::move(reason);
    const Json delta = or_null(choice.find("delta"));
    streamed.thinking += thinking_of(delta);
    std::string piece = text_member(delta, "content");
    if (piece.empty()) piece = text_member(choice, "text");
    streamed.text += piece;
    is_stopped = !piece.empty() && !sink(piece);
  };
  const auto take_line = [&](std::string_view line) -> Result<bool> {
    const auto data = events.take(line);
    if (!data) return true;
    is_done = *data == "[DONE]";
    if (is_done) return false;
    HB_TRY_ASSIGN(event, service_.parse(path, *data));
    if (const Json* told = event.find("usage"); told != nullptr && told->object() != nullptr) usage = *told;
    const Json* choices = event.find("choices");
    if (choices != nullptr && choices->array() != nullptr)
      for (const Json& choice : *choices->array())
        if (!is_stopped) take_choice(choice);
    last = std::move(event);
    return !is_stopped;
  };
  HB_TRY_ASSIGN(ended, service_.post_lines(path, body(options, true, std::move(fields)), options.cancel, take_line));
  is_stopped |= ended.is_cancelled;
  if (!is_done && !is_stopped && finish_reason.empty())
    return io_error("OpenAI at {}{}: the stream ended before the reply was done", service_.base_url(), path);
  streamed.prompt_tokens = count_member(usage, "prompt_tokens");
  streamed.completion_tokens = count_member(usage, "completion_tokens");
  streamed.metadata = facts(options, ended.tries, is_stopped ? "cancelled" : finish_reason, last);
  return streamed;
}

Result<InferenceResult> OpenAIBackend::stream(const std::string& prompt, const CompletionOptions& options, const TextSink& sink) {
  HB_TRY(check_request(prompt, options));
  const Stopwatch clock;
  HB_TRY_ASSIGN(streamed, stream_events(path(), prompt_fields(prompt), options, sink));
  return InferenceResult{.prompt = prompt,
                         .completion = std::move(streamed.text),
                         .prompt_tokens = streamed.prompt_tokens,
                         .completion_tokens = streamed.completion_tokens,
                         .latency_ms = clock.ms(),
                         .backend = info_,
                         .metadata = std::move(streamed.metadata)};
}

Result<ChatResult> OpenAIBackend::chat(std::span<const Message> messages, std::span<const Tool> tools, const CompletionOptions& options) {
  HB_TRY(check_messages(messages, options));
  HB_TRY_ASSIGN(wire, wire_messages(messages, WireArguments::kText));
  Json::Object fields{{"messages", std::move(wire)}};
  if (!tools.empty()) {
    HB_TRY_ASSIGN(functions, wire_tools(tools));
    add(fields, "tools", std::move(functions));
  }
  const Stopwatch clock;
  HB_TRY_ASSIGN(answer, service_.post(kChat, body(options, false, std::move(fields)), options.cancel));
  const double latency_ms = clock.ms();
  HB_TRY_ASSIGN(choice, choice_of(service_, answer.json));
  HB_TRY_ASSIGN(message, message_of(service_, *choice));
  const Json usage = or_null(answer.json.find("usage"));
  ChatResult result{.messages = {messages.begin(), messages.end()},
                    .content = text_member(*message, "content"),
                    .prompt_tokens = count_member(usage, "prompt_tokens"),
                    .completion_tokens = count_member(usage, "completion_tokens"),
                    .latency_ms = latency_ms,
                    .backend = info_,
                    .metadata = facts(options, answer.tries, text_member(*choice, "finish_reason"), answer.json)};
  if (std::string thinking = thinking_of(*message); !thinking.empty()) result.thinking = std::move(thinking);
  const Json* calls = message->find("tool_calls");
  if (calls == nullptr || calls->array() == nullptr) return result;
  for (const Json& call : *calls->array()) {
    auto read = read_tool_call(call, result.tool_calls.size());
    if (!read) return service_.fault(kChat, read.error().message);
    result.tool_calls.push_back(std::move(*read));
  }
  return result;
}

Result<ChatResult> OpenAIBackend::stream_chat(std::span<const Message> messages, const CompletionOptions& options, const TextSink& sink) {
  HB_TRY(check_messages(messages, options));
  HB_TRY_ASSIGN(wire, wire_messages(messages, WireArguments::kText));
  const Stopwatch clock;
  HB_TRY_ASSIGN(streamed, stream_events(kChat, {{"messages", std::move(wire)}}, options, sink));
  ChatResult result{.messages = {messages.begin(), messages.end()},
                    .content = std::move(streamed.text),
                    .prompt_tokens = streamed.prompt_tokens,
                    .completion_tokens = streamed.completion_tokens,
                    .latency_ms = clock.ms(),
                    .backend = info_,
                    .metadata = std::move(streamed.metadata)};
  if (!streamed.thinking.empty()) result.thinking = std::move(streamed.thinking);
  return result;
}

Result<std::unique_ptr<Backend>> open_openai(const OpenAIOptions& options) {
  HB_TRY_ASSIGN(backend, OpenAIBackend::open(options));
  return std::unique_ptr<Backend>(std::move(backend));
}

}  // namespace halfbyte
