#include "backends/ollama_backend.h"

#include "backends/checks.h"
#include "backends/json_text.h"
#include "backends/service_address.h"
#include "backends/stopwatch.h"
#include "backends/wire_message.h"
#include "base/errors.h"

namespace halfbyte {
namespace {

constexpr std::string_view kGenerate = "/api/generate", kChat = "/api/chat";

// Sampling, and the server's own durations: nanoseconds there, milliseconds here.
Facts facts_of(const Json& answer, const CompletionOptions& options) {
  Facts facts{{"sampling", sampling_json(options)}};
  for (const char* duration : {"total", "load", "prompt_eval", "eval"})
    if (const auto ns = number_member(answer, fmt::format("{}_duration", duration)))
      facts[fmt::format("server_{}_duration_ms", duration)] = fmt::format("{}", *ns / 1e6);
  if (const std::string reason = text_member(answer, "done_reason"); !reason.empty()) facts["finish_reason"] = reason;
  if (const std::string thinking = text_member(answer, "thinking"); !thinking.empty()) facts["thinking"] = thinking;
  return facts;
}

bool is_done(const Json& answer) { return is_true(answer.find("done")); }

Result<std::string> response_of(const Service& service, const Json& answer) {
  const Json* text = answer.find("response");
  if (text == nullptr || text->text() == nullptr) return service.fault(kGenerate, "the answer has no `response` text");
  return *text->text();
}

// What one answer, or one line of a stream, says.
struct Turn {
  std::string content, thinking;
  std::vector<ToolCall> calls;
};

Result<Turn> turn_of(const Service& service, const Json& answer) {
  const Json* message = answer.find("message");
  if (message == nullptr || message->object() == nullptr) return service.fault(kChat, "the answer has no `message`");
  Turn turn{.content = text_member(*message, "content"), .thinking = text_member(*message, "thinking")};
  const Json* calls = message->find("tool_calls");
  if (calls == nullptr || calls->array() == nullptr) return turn;
  for (const Json& call : *calls->array()) {
    auto read = read_tool_call(call, turn.calls.size());
    if (!read) return service.fault(kChat, read.error().message);
    turn.calls.push_back(std::move(*read));
  }
  return turn;
}

Error cut(const Service& service, std::string_view path) {
  return io_error("Ollama at {}{}: the stream ended before the reply was done", service.base_url(), path);
}

}  // namespace

Result<std::unique_ptr<OllamaBackend>> OllamaBackend::open(const OllamaOptions& options) {
  if (options.model_id.empty()) return invalid("model_id: expected text, found an empty string");
  if (options.name.empty()) return invalid("name: expected text, found an empty string");
  std::optional<Json> think;
  if (!options.think.empty()) {
    auto value = parse_json(options.think, "think");
    if (!value) return invalid("{}", value.error().message);
    think = std::move(*value);
  }
  HB_TRY_ASSIGN(address, ollama_address(options.base_url));
  HB_TRY(check_given_key(address, options.api_key));
  auto headers = key_header(address, options.api_key, "OLLAMA_API_KEY", {});
  HB_TRY_ASSIGN(
      service,
      Service::open({.name = "Ollama",
                     .address = std::move(address),
                     .timeout_seconds = options.timeout_seconds,
                     .start_hint = fmt::format("Start it with `ollama serve` and fetch the model with `ollama pull {}`.", options.model_id),
                     .missing_hint = fmt::format("Fetch the model with `ollama pull {}`.", options.model_id),
                     .headers = std::move(headers)}));
  BackendInfo info{.name = options.name, .model_id = options.model_id, .extra = options.extra};
  info.extra["base_url"] = service.base_url();
  return std::unique_ptr<OllamaBackend>(new OllamaBackend(std::move(info), std::move(service), std::move(think)));
}

Json OllamaBackend::body(const CompletionOptions& options, bool is_stream, Json::Object fields) const {
  Json::Object sampling;
  add(sampling, "num_predict", {int64_t{options.max_new_tokens}});
  add(sampling, "temperature", {shortest_double(options.temperature)});
  if (options.top_k) add(sampling, "top_k", {int64_t{*options.top_k}});
  if (options.top_p) add(sampling, "top_p", {shortest_double(*options.top_p)});
  if (options.seed) add(sampling, "seed", {*options.seed});
  if (!options.stop.empty()) {
    Json::Array stop;
    for (const std::string& text : options.stop) stop.push_back({text});
    add(sampling, "stop", {std::move(stop)});
  }
  add(fields, "model", {info_.model_id});
  add(fields, "stream", {is_stream});
  add(fields, "options", {std::move(sampling)});
  if (think_) add(fields, "think", *think_);
  return {std::move(fields)};
}

Result<InferenceResult> OllamaBackend::complete(const std::string& prompt, const CompletionOptions& options) {
  HB_TRY(check_request(prompt, options));
  const Stopwatch clock;
  HB_TRY_ASSIGN(answer, service_.post(kGenerate, body(options, false, {{"prompt", {prompt}}}), options.cancel));
  const double latency_ms = clock.ms();
  HB_TRY_ASSIGN(text, response_of(service_, answer.json));
  return InferenceResult{.prompt = prompt,
                         .completion = std::move(text),
                         .prompt_tokens = count_member(answer.json, "prompt_eval_count"),
                         .completion_tokens = count_member(answer.json, "eval_count"),
                         .latency_ms = latency_ms,
                         .backend = info_,
                         .metadata = facts_of(answer.json, options)};
}

Result<InferenceResult> OllamaBackend::stream(const std::string& prompt, const CompletionOptions& options, const TextSink& sink) {
  HB_TRY(check_request(prompt, options));
  InferenceResult result{.prompt = prompt, .backend = info_};
  Json last{Json::Object{}};
  bool is_complete = false, is_stopped = false;
  const auto take_line = [&](std::string_view line) -> Result<bool> {
    if (line.empty()) return true;
    HB_TRY_ASSIGN(answer, service_.parse(kGenerate, line));
    HB_TRY_ASSIGN(piece, response_of(service_, answer));
    result.completion += piece;
    is_complete = is_done(answer);
    last = std::move(answer);
    is_stopped = !piece.empty() && !sink(piece);
    return !is_complete && !is_stopped;
  };
  const Stopwatch clock;
  HB_TRY_ASSIGN(ended, service_.post_lines(kGenerate, body(options, true, {{"prompt", {prompt}}}), options.cancel, take_line));
  is_stopped |= ended.is_cancelled;
  if (!is_complete && !is_stopped) return cut(service_, kGenerate);
  result.latency_ms = clock.ms();
  result.prompt_tokens = count_member(last, "prompt_eval_count");
  result.completion_tokens = count_member(last, "eval_count");
  result.metadata = facts_of(last, options);
  if (!is_complete) result.metadata["finish_reason"] = "cancelled";
  return result;
}

Result<ChatResult> OllamaBackend::chat(std::span<const Message> messages, std::span<const Tool> tools, const CompletionOptions& options) {
  HB_TRY(check_messages(messages, options));
  HB_TRY_ASSIGN(wire, wire_messages(messages, WireArguments::kObject));
  Json::Object fields{{"messages", std::move(wire)}};
  if (!tools.empty()) {
    HB_TRY_ASSIGN(functions, wire_tools(tools));
    add(fields, "tools", std::move(functions));
  }
  const Stopwatch clock;
  HB_TRY_ASSIGN(answer, service_.post(kChat, body(options, false, std::move(fields)), options.cancel));
  const double latency_ms = clock.ms();
  HB_TRY_ASSIGN(turn, turn_of(service_, answer.json));
  ChatResult result{.messages = {messages.begin(), messages.end()},
                    .content = std::move(turn.content),
                    .tool_calls = std::move(turn.calls),
                    .prompt_tokens = count_member(answer.json, "prompt_eval_count"),
                    .completion_tokens = count_member(answer.json, "eval_count"),
                    .latency_ms = latency_ms,
                    .backend = info_,
                    .metadata = facts_of(answer.json, options)};
  if (!turn.thinking.empty()) result.thinking = std::move(turn.thinking);
  return result;
}

Result<ChatResult> OllamaBackend::stream_chat(std::span<const Message> messages, const CompletionOptions& options, const TextSink& sink) {
  HB_TRY(check_messages(messages, options));
  HB_TRY_ASSIGN(wire, wire_messages(messages, WireArguments::kObject));
  ChatResult result{.messages = {messages.begin(), messages.end()}, .backend = info_};
  Json last{Json::Object{}};
  std::string thinking;
  bool is_complete = false, is_stopped = false;
  const auto take_line = [&](std::string_view line) -> Result<bool> {
    if (line.empty()) return true;
    HB_TRY_ASSIGN(answer, service_.parse(kChat, line));
    HB_TRY_ASSIGN(turn, turn_of(service_, answer));
    result.content += turn.content;
    thinking += turn.thinking;
    is_complete = is_done(answer);
    last = std::move(answer);
    is_stopped = !turn.content.empty() && !sink(turn.content);
    return !is_complete && !is_stopped;
  };
  const Stopwatch clock;
  HB_TRY_ASSIGN(ended, service_.post_lines(kChat, body(options, true, {{"messages", std::move(wire)}}), options.cancel, take_line));
  is_stopped |= ended.is_cancelled;
  if (!is_complete && !is_stopped) return cut(service_, kChat);
  result.latency_ms = clock.ms();
  if (!thinking.empty()) result.thinking = std::move(thinking);
  result.prompt_tokens = count_member(last, "prompt_eval_count");
  result.completion_tokens = count_member(last, "eval_count");
  result.metadata = facts_of(last, options);
  if (!is_complete) result.metadata["finish_reason"] = "cancelled";
  return result;
}

Result<std::vector<std::string>> OllamaBackend::model_ids() const {
  HB_TRY_ASSIGN(answer, service_.get("/api/tags"));
  const Json* models = answer.json.find("models");
  if (models == nullptr || models->array() == nullptr) return service_.fault("/api/tags", "expected a list `models`, found none");
  std::vector<std::string> ids;
  for (const Json& model : *models->array())
    if (std::string name = text_member(model, "name"); !name.empty()) ids.push_back(std::move(name));
  return ids;
}

Result<std::unique_ptr<Backend>> open_ollama(const OllamaOptions& options) {
  HB_TRY_ASSIGN(backend, OllamaBackend::open(options));
  return std::unique_ptr<Backend>(std::move(backend));
}

Result<std::vector<std::string>> ollama_models(const std::string& base_url, double timeout_seconds) {
  HB_TRY_ASSIGN(backend, OllamaBackend::open({.base_url = base_url, .timeout_seconds = timeout_seconds}));
  return backend->model_ids();
}

}  // namespace halfbyte
