#include "cli/reply_json.h"

#include <chrono>

#include "backends/engine_request.h"
#include "base/json_writer.h"

namespace halfbyte {
namespace {

constexpr std::chrono::milliseconds kInterruptPoll{20};

void write_tokens(JsonWriter& json, std::string_view name, const std::vector<ScoredToken>& tokens) {
  json.key(name).begin_array();
  for (const ScoredToken& token : tokens) {
    json.begin_object().member("text", token.text).member("id", token.id).member("logprob", token.log_probability);
    if (!token.likeliest.empty()) write_tokens(json, "top_logprobs", token.likeliest);
    json.end_object();
  }
  json.end_array();
}

void write_usage(JsonWriter& json, const Usage& usage) {
  json.key("usage").begin_object().member("prompt_tokens", usage.prompt_tokens).member("completion_tokens", usage.completion_tokens);
  json.member("dropped_tokens", usage.dropped_tokens).member("cached_tokens", usage.cached_tokens);
  json.member("drafted_tokens", usage.drafted_tokens).member("accepted_tokens", usage.accepted_tokens);
  json.member("queued_ms", usage.queued_ms).member("prompt_ms", usage.prompt_ms).member("generation_ms", usage.generation_ms);
  json.end_object();
}

struct ReadReply {
  std::string answer, thought;
};
ReadReply read_reply(std::string text, std::optional<ReplyParser> reader) {
  if (!reader) return {.answer = std::move(text), .thought = {}};
  const ReplyParser::Delta said = reader->push(text), rest = reader->finish();
  return {.answer = said.content + rest.content, .thought = said.thinking + rest.thinking};
}

}  // namespace

Result<ToldReply> tell_reply(const std::shared_ptr<Engine>& engine, const Request& request, const std::optional<ReplyParser>& reader,
                             const InterruptWatch& interrupt) {
  HB_TRY_ASSIGN(stream, ReplyStream::start(engine, request));
  using Kind = ReplyStream::Step::Kind;
  std::string first;  // the first choice's text
  for (ReplyStream::Step step = stream->next(kInterruptPoll); step.kind != Kind::kFinished; step = stream->next(kInterruptPoll)) {
    first += step.text;
    if (interrupt.seen()) stream->cancel();
  }
  for (const ReplyStream::Choice& choice : stream->choices())
    if (choice.last->error) return *choice.last->error;
  ToldReply told;
  JsonWriter json;
  json.begin_object().key("choices").begin_array();
  for (const ReplyStream::Choice& choice : stream->choices()) {
    told.is_cancelled = told.is_cancelled || choice.last->finished == FinishReason::kCancelled;
    const bool is_first = &choice == &stream->choices().front();
    ReadReply read = read_reply(is_first ? first : choice.text, reader);
    json.begin_object().member("text", read.answer);
    if (!read.thought.empty()) json.member("thinking", read.thought);
    if (is_first) told.text = std::move(read.answer);
    json.member("finish_reason", name_of(*choice.last->finished));
    if (choice.last->cumulative_logprob) json.member("cumulative_logprob", *choice.last->cumulative_logprob);
    if (request.logprobs) write_tokens(json, "tokens", scored_tokens(*engine, choice.tokens));
    json.end_object();
  }
  json.end_array();
  const ReplyStream::Choice& front = stream->choices().front();
  if (request.prompt_logprobs) write_tokens(json, "prompt_tokens", scored_tokens(*engine, front.prompt_tokens));
  write_usage(json, usage_of_all(stream->choices()));
  json.member("seed", request.sampling.seed);
  if (!front.last->warning.empty()) json.member("warning", front.last->warning);
  told.json = json.end_object().take();
  return told;
}

}  // namespace halfbyte
