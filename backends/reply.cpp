#include "backends/reply.h"

#include "base/errors.h"

namespace halfbyte {

Result<void> Reply::take_whole(std::string_view body) {
  HB_TRY_ASSIGN(answer, parse_answer(body));
  HB_TRY(take(answer, true));
  is_done_ = true;
  finish_texts([](std::string_view) { return true; });
  return {};
}

Result<bool> Reply::feed(std::string_view bytes, const TextSink& sink) {
  Result<bool> state = true;
  const auto more = lines_.feed(bytes, [&](std::string_view line) {
    state = take_line(line, false, sink);
    return state && *state;
  });
  if (!more) return more.error();
  return state;
}

Result<void> Reply::end(const TextSink& sink) {
  if (const std::string rest(lines_.rest()); !rest.empty()) HB_TRY(take_line(rest, true, sink));
  return finish(sink);
}

Facts Reply::facts() const {
  Facts told;
  if (!finish_reason.empty()) told["finish_reason"] = finish_reason;
  if (!refusal.text().empty()) told["refusal"] = refusal.text();
  return told;
}

std::string Reply::say(const Turn& turn) {
  thinking.push(turn.thinking);
  refusal.push(turn.refusal);
  return content.push(turn.content);
}

void Reply::give(std::string_view piece, const TextSink& sink) {
  if (!piece.empty() && !is_stopped_) is_stopped_ = !sink(piece);
}

void Reply::finish_texts(const TextSink& sink) {
  thinking.finish();
  refusal.finish();
  give(content.finish(), sink);
}

Result<void> Reply::read_counts(const Json& counts, std::string_view prompt_key, std::string_view completion_key, std::string_view path) {
  HB_TRY_ASSIGN(prompt, count_at(counts, prompt_key, path));
  HB_TRY_ASSIGN(completion, count_at(counts, completion_key, path));
  if (prompt) prompt_tokens = prompt;
  if (completion) completion_tokens = completion;
  return {};
}

Result<void> Reply::add_unframed(std::string_view line) {
  if (unframed_.size() + line.size() + 1 > kMostLineBytes)
    return too_long("an answer of more than {} bytes that is no stream", kMostLineBytes);
  if (has_unframed_) unframed_ += '\n';
  unframed_ += line;
  has_unframed_ = true;
  return {};
}

Result<void> Reply::take_unframed(const TextSink& sink) {
  HB_TRY_ASSIGN(answer, parse_answer(unframed_));
  HB_TRY_ASSIGN(piece, take(answer, true));
  is_done_ = true;
  give(piece, sink);
  return {};
}

ReplyChoice Reply::choice() const {
  ReplyChoice made{.text = content.text(), .tool_calls = tool_calls, .finish_reason = finish_reason, .tokens = tokens};
  if (!thinking.text().empty()) made.thinking = thinking.text();
  return made;
}

InferenceResult inference_result(const Reply& reply, const std::string& prompt, const BackendInfo& backend, double latency_ms,
                                 Facts facts) {
  if (!reply.thinking.text().empty()) facts["thinking"] = reply.thinking.text();
  return {.prompt = prompt,
          .completion = reply.content.text(),
          .prompt_tokens = reply.prompt_tokens,
          .completion_tokens = reply.completion_tokens,
          .latency_ms = latency_ms,
          .backend = backend,
          .metadata = std::move(facts),
          .tokens = reply.tokens,
          .choices = reply.choices()};
}

ChatResult chat_result(const Reply& reply, std::span<const Message> messages, const BackendInfo& backend, double latency_ms, Facts facts) {
  ChatResult result{.messages = {messages.begin(), messages.end()},
                    .content = reply.content.text(),
                    .tool_calls = reply.tool_calls,
                    .prompt_tokens = reply.prompt_tokens,
                    .completion_tokens = reply.completion_tokens,
                    .latency_ms = latency_ms,
                    .backend = backend,
                    .metadata = std::move(facts),
                    .tokens = reply.tokens,
                    .choices = reply.choices()};
  if (!reply.thinking.text().empty()) result.thinking = reply.thinking.text();
  return result;
}

}  // namespace halfbyte
