#include "backends/ollama_backend.h"

#include "backends/checks.h"
#include "backends/embeddings.h"
#include "backends/json_members.h"
#include "backends/ollama_reply.h"
#include "backends/service_address.h"
#include "backends/stopwatch.h"
#include "backends/wire_grammar.h"
#include "backends/wire_message.h"
#include "backends/wire_reply.h"
#include "backends/wire_sampling.h"
#include "base/errors.h"

namespace halfbyte {
namespace {

constexpr std::string_view kService = "Ollama";
constexpr std::string_view kGenerate = "/api/generate", kChat = "/api/chat";

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

Result<Json> OllamaBackend::body(const CompletionOptions& options, bool is_stream, Json::Object fields) const {
  Json::Object sampling;
  add(sampling, "num_predict", {int64_t{options.max_new_tokens}});
  HB_TRY(add_sampling(sampling, options.sampling, &SamplingField::ollama, kService));
  HB_TRY(add_reply_fields(sampling, options, &ReplyField<CompletionOptions>::ollama, kService));
  HB_TRY(refuse_our_own(options, kService));
  if (!options.stop_tokens.empty()) return unsupported("stop_tokens: {} has no such option", kService);
  if (!options.principal.empty()) return unsupported("principal: {} has no such option", kService);
  add_stop(sampling, options.stop);
  add(fields, "model", {info_.model_id});
  add(fields, "stream", {is_stream});
  add(fields, "options", {std::move(sampling)});
  add_logprobs(fields, options.logprobs);
  if (options.thinking)
    add(fields, "think", {*options.thinking});
  else if (think_)
    add(fields, "think", *think_);
  HB_TRY(add_ollama_format(fields, options.grammar));
  return Json{std::move(fields)};
}

Facts OllamaBackend::facts(const OllamaReply& reply, const CompletionOptions& options, bool is_cancelled) const {
  Facts facts = reply.facts();
  facts["sampling"] = sampling_json(options);
  if (is_cancelled) facts["finish_reason"] = "cancelled";
  return facts;
}

Result<InferenceResult> OllamaBackend::complete(const std::string& prompt, const CompletionOptions& options) {
  HB_TRY(check_request(prompt, options));
  OllamaReply reply(OllamaReply::Route::kGenerate, AskedBeside::of(options));
  const Stopwatch clock;
  HB_TRY_ASSIGN(asked, body(options, false, {{"prompt", {prompt}}}));
  HB_TRY(service_.post(kGenerate, asked, options.cancel, reply));
  return inference_result(reply, prompt, info_, clock.ms(), facts(reply, options, false));
}

Result<InferenceResult> OllamaBackend::stream(const std::string& prompt, const CompletionOptions& options, const TextSink& sink) {
  HB_TRY(check_request(prompt, options));
  OllamaReply reply(OllamaReply::Route::kGenerate, AskedBeside::of(options));
  const Stopwatch clock;
  HB_TRY_ASSIGN(asked, body(options, true, {{"prompt", {prompt}}}));
  HB_TRY_ASSIGN(ended, service_.stream(kGenerate, asked, options.cancel, reply, sink));
  return inference_result(reply, prompt, info_, clock.ms(), facts(reply, options, ended.is_cancelled));
}

Result<ChatResult> OllamaBackend::chat(std::span<const Message> messages, std::span<const Tool> tools, const CompletionOptions& options) {
  HB_TRY(check_messages(messages, options));
  HB_TRY_ASSIGN(wire, wire_messages(messages, WireArguments::kObject));
  Json::Object fields{{"messages", std::move(wire)}};
  if (!tools.empty()) {
    HB_TRY_ASSIGN(functions, wire_tools(tools));
    add(fields, "tools", std::move(functions));
  }
  OllamaReply reply(OllamaReply::Route::kChat, AskedBeside::of(options));
  const Stopwatch clock;
  HB_TRY_ASSIGN(asked, body(options, false, std::move(fields)));
  HB_TRY(service_.post(kChat, asked, options.cancel, reply));
  return chat_result(reply, messages, info_, clock.ms(), facts(reply, options, false));
}

Result<ChatResult> OllamaBackend::stream_chat(std::span<const Message> messages, const CompletionOptions& options, const TextSink& sink) {
  HB_TRY(check_messages(messages, options));
  HB_TRY_ASSIGN(wire, wire_messages(messages, WireArguments::kObject));
  OllamaReply reply(OllamaReply::Route::kChat, AskedBeside::of(options));
  const Stopwatch clock;
  HB_TRY_ASSIGN(asked, body(options, true, {{"messages", std::move(wire)}}));
  HB_TRY_ASSIGN(ended, service_.stream(kChat, asked, options.cancel, reply, sink));
  return chat_result(reply, messages, info_, clock.ms(), facts(reply, options, ended.is_cancelled));
}

Result<Embeddings> OllamaBackend::embed(std::span<const std::string> texts, std::optional<Pooling> pooling,
                                        const std::vector<AdapterUse>& adapters) {
  constexpr std::string_view kEmbed = "/api/embed";
  HB_TRY_ASSIGN(asked, wire_texts(texts, info_.model_id, pooling, adapters, kService));
  HB_TRY_ASSIGN(answer, service_.post(kEmbed, {std::move(asked)}));
  auto vectors = read_ollama_embeddings(answer, texts.size());
  if (!vectors) return service_.fault(kEmbed, vectors.error().message);
  return vectors;
}

Result<std::vector<std::string>> OllamaBackend::model_ids() const {
  constexpr std::string_view kTags = "/api/tags";
  HB_TRY_ASSIGN(answer, service_.get(kTags));
  const Json* models = answer.find("models");
  if (models == nullptr || models->array() == nullptr)
    return service_.fault(kTags, fmt::format("models: expected a list, found {}", models != nullptr ? found(*models) : "null"));
  std::vector<std::string> ids;
  for (const Json& model : *models->array())
    for (const char* key : {"name", "model"})
      if (const Json* name = model.find(key); name != nullptr && name->text() != nullptr && !name->text()->empty()) {
        ids.push_back(whole(std::string_view(*name->text())));
        break;
      }
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
