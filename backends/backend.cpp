// What every Backend has from its two own members.
#include "halfbyte/backend.h"

#include "base/errors.h"
#include "base/white_space.h"
#include "text/transcript.h"

namespace halfbyte {
namespace {

std::optional<double> rate(std::optional<int> tokens, double latency_ms) {
  if (tokens.value_or(0) == 0 || latency_ms == 0) return std::nullopt;
  return *tokens / (latency_ms / 1000);
}

// Of a transcript that went on: what comes before the next turn.
std::string first_turn(std::string_view text) { return std::string(trimmed(text.substr(0, text.find(kNextTurn)))); }

}  // namespace

std::optional<double> InferenceResult::tokens_per_second() const { return rate(completion_tokens, latency_ms); }
std::optional<double> ChatResult::tokens_per_second() const { return rate(completion_tokens, latency_ms); }

Result<InferenceResult> Backend::stream(const std::string& prompt, const CompletionOptions& options, const TextSink& sink) {
  auto result = complete(prompt, options);
  if (result && !result->completion.empty()) sink(result->completion);
  return result;
}

Result<ChatResult> Backend::chat(std::span<const Message> messages, std::span<const Tool> tools, const CompletionOptions& options) {
  if (messages.empty()) return invalid("messages: expected at least one, found none");
  if (!tools.empty()) return unsupported("{} ({}) takes no tools", info().name, info().model_id);
  HB_TRY_ASSIGN(reply, complete(transcript(messages), options));
  for (ReplyChoice& choice : reply.choices) choice.text = first_turn(choice.text);
  ChatResult result{.messages = {messages.begin(), messages.end()},
                    .content = first_turn(reply.completion),
                    .prompt_tokens = reply.prompt_tokens,
                    .completion_tokens = reply.completion_tokens,
                    .latency_ms = reply.latency_ms,
                    .backend = reply.backend,
                    .metadata = reply.metadata,
                    .tokens = std::move(reply.tokens),
                    .prompt_logprobs = std::move(reply.prompt_logprobs),
                    .choices = std::move(reply.choices)};
  result.metadata["chat_format"] = "transcript";
  return result;
}

Result<ChatResult> Backend::stream_chat(std::span<const Message> messages, const CompletionOptions& options, const TextSink& sink) {
  auto result = chat(messages, {}, options);
  if (result && !result->content.empty()) sink(result->content);
  return result;
}

Result<std::vector<std::vector<float>>> Backend::embed(std::span<const std::string> /*texts*/, std::optional<Pooling> /*pooling*/,
                                                       const std::vector<AdapterUse>& /*adapters*/) {
  return unsupported("{} ({}) embeds nothing", info().name, info().model_id);
}

}  // namespace halfbyte
