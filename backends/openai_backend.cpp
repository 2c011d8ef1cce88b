#include "backends/openai_backend.h"

#include <algorithm>

#include "backends/checks.h"
#include "backends/embeddings.h"
#include "backends/json_members.h"
#include "backends/service_address.h"
#include "backends/stopwatch.h"
#include "backends/wire_grammar.h"
#include "backends/wire_message.h"
#include "backends/wire_reply.h"
#include "backends/wire_sampling.h"
#include "base/errors.h"

namespace halfbyte {
namespace {

constexpr const char* kKeyName = "OPENAI_API_KEY";
constexpr std::string_view kService = "an OpenAI-style service";
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

Result<Json> OpenAIBackend::body(const CompletionOptions& options, bool is_stream, Json::Object fields) const {
  // The original has renamed max_tokens for chat and refuses the old name with newer models; others know only that.
  const bool is_chat = std::ranges::any_of(fields, [](const JsonMember& member) { return member.key == "messages"; });
  const bool is_renamed = is_chat && is_original(service_.base_url());
  add(fields, "model", {info_.model_id});
  add(fields, is_renamed ? "max_completion_tokens" : "max_tokens", {int64_t{options.max_new_tokens}});
  HB_TRY(add_sampling(fields, options.sampling, &SamplingField::openai, kService));
  HB_TRY(add_reply_fields(fields, options, &ReplyField<CompletionOptions>::openai, kService));
  HB_TRY(refuse_our_own(options, kService));
  add_stop_tokens(fields, options.stop_tokens);
  if (!options.principal.empty()) add(fields, "cache_salt", {options.principal});  // vLLM's
  if (is_chat)
    add_logprobs(fields, options.logprobs);
  else if (options.logprobs)
    add(fields, "logprobs", {int64_t{*options.logprobs}});
  if (options.thinking) {
    if (!is_chat) return unsupported("thinking: the route {} has no such option", kCompletions);
    Json::Object of_template;
    add(of_template, "enable_thinking", {*options.thinking});
    add(fields, "chat_template_kwargs", {std::move(of_template)});  // vLLM's
  }
  add_stop(fields, options.stop);
  HB_TRY(add_response_format(fields, options.grammar));
  if (is_stream) {
    add(fields, "stream", {true});
    add(fields, "stream_options", {Json::Object{{"include_usage", {true}}}});
  }
  return Json{std::move(fields)};
}

OpenAIReply::Route OpenAIBackend::route() const {
  return api_ == OpenAIOptions::Api::kChat ? OpenAIReply::Route::kChat : OpenAIReply::Route::kCompletions;
}

Facts OpenAIBackend::facts(const OpenAIReply& reply, const CompletionOptions& options, const Service::Ended& ended) const {
  Facts facts = reply.facts();
  facts["sampling"] = sampling_json(options);
  facts["api"] = api_ == OpenAIOptions::Api::kChat ? "chat" : "completions";
  facts["tries"] = std::to_string(ended.tries);
  if (ended.is_cancelled) facts["finish_reason"] = "cancelled";
  return facts;
}

Result<InferenceResult> OpenAIBackend::complete(const std::string& prompt, const CompletionOptions& options) {
  HB_TRY(check_request(prompt, options));
  OpenAIReply reply(route(), AskedBeside::of(options));
  const Stopwatch clock;
  HB_TRY_ASSIGN(asked, body(options, false, prompt_fields(prompt)));
  HB_TRY_ASSIGN(tries, service_.post(path(), asked, options.cancel, reply));
  return inference_result(reply, prompt, info_, clock.ms(), facts(reply, options, {.tries = tries}));
}

Result<InferenceResult> OpenAIBackend::stream(const std::string& prompt, const CompletionOptions& options, const TextSink& sink) {
  HB_TRY(check_request(prompt, options));
  OpenAIReply reply(route(), AskedBeside::of(options));
  const Stopwatch clock;
  HB_TRY_ASSIGN(asked, body(options, true, prompt_fields(prompt)));
  HB_TRY_ASSIGN(ended, service_.stream(path(), asked, options.cancel, reply, sink));
  return inference_result(reply, prompt, info_, clock.ms(), facts(reply, options, ended));
}

Result<ChatResult> OpenAIBackend::chat(std::span<const Message> messages, std::span<const Tool> tools, const CompletionOptions& options) {
  HB_TRY(check_messages(messages, options));
  HB_TRY_ASSIGN(wire, wire_messages(messages, WireArguments::kText));
  Json::Object fields{{"messages", std::move(wire)}};
  if (!tools.empty()) {
    HB_TRY_ASSIGN(functions, wire_tools(tools));
    add(fields, "tools", std::move(functions));
  }
  OpenAIReply reply(OpenAIReply::Route::kChat, AskedBeside::of(options));
  const Stopwatch clock;
  HB_TRY_ASSIGN(asked, body(options, false, std::move(fields)));
  HB_TRY_ASSIGN(tries, service_.post(kChat, asked, options.cancel, reply));
  return chat_result(reply, messages, info_, clock.ms(), facts(reply, options, {.tries = tries}));
}

Result<ChatResult> OpenAIBackend::stream_chat(std::span<const Message> messages, const CompletionOptions& options, const TextSink& sink) {
  HB_TRY(check_messages(messages, options));
  HB_TRY_ASSIGN(wire, wire_messages(messages, WireArguments::kText));
  OpenAIReply reply(OpenAIReply::Route::kChat, AskedBeside::of(options));
  const Stopwatch clock;
  HB_TRY_ASSIGN(asked, body(options, true, {{"messages", std::move(wire)}}));
  HB_TRY_ASSIGN(ended, service_.stream(kChat, asked, options.cancel, reply, sink));
  return chat_result(reply, messages, info_, clock.ms(), facts(reply, options, ended));
}

Result<Embeddings> OpenAIBackend::embed(std::span<const std::string> texts, std::optional<Pooling> pooling,
                                        const std::vector<AdapterUse>& adapters) {
  constexpr std::string_view kEmbeddings = "/embeddings";
  HB_TRY_ASSIGN(asked, wire_texts(texts, info_.model_id, pooling, adapters, kService));
  add(asked, "encoding_format", {"float"});  // read in base64 too, which some send unasked
  HB_TRY_ASSIGN(answer, service_.post(kEmbeddings, {std::move(asked)}));
  auto vectors = read_openai_embeddings(answer, texts.size());
  if (!vectors) return service_.fault(kEmbeddings, vectors.error().message);
  return vectors;
}

Result<std::unique_ptr<Backend>> open_openai(const OpenAIOptions& options) {
  HB_TRY_ASSIGN(backend, OpenAIBackend::open(options));
  return std::unique_ptr<Backend>(std::move(backend));
}

}  // namespace halfbyte
