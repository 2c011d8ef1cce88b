#include "backends/ollama_reply.h"

#include <algorithm>
#include <iterator>

#include "backends/answer_tokens.h"
#include "base/errors.h"

namespace halfbyte {

Facts OllamaReply::facts() const {
  Facts told = Reply::facts();
  for (const auto& [name, ms] : durations_ms_) told[fmt::format("server_{}_duration_ms", name)] = fmt::format("{}", ms);
  return told;
}

Result<bool> OllamaReply::take_line(std::string_view line, bool is_cut, const TextSink& sink) {
  if (line.find_first_not_of(" \t\r\n\v\f") == std::string_view::npos) return true;
  if (has_unframed() || (!has_begun_ && !is_json(line))) {
    HB_TRY(add_unframed(line));
    return true;
  }
  if (is_cut && !is_json(line)) return false;
  has_begun_ = true;
  HB_TRY_ASSIGN(answer, parse_answer(line));
  HB_TRY_ASSIGN(piece, take(answer, false));
  give(piece, sink);
  if (is_done_) finish_texts(sink);
  return wants_more();
}

Result<void> OllamaReply::finish(const TextSink& sink) {
  if (!has_begun_) HB_TRY(take_unframed(sink));
  if (!is_done_) return io_error("the stream ended before the reply was done");
  finish_texts(sink);
  return {};
}

Result<std::string> OllamaReply::take(const Json& answer, bool is_whole) {
  HB_TRY_ASSIGN(reason, word_at(answer, "done_reason", ""));
  HB_TRY_ASSIGN(is_over, flag_at(answer, "done", ""));
  if (!reason.empty()) finish_reason = whole(std::string_view(reason));
  for (const char* name : {"total", "load", "prompt_eval", "eval"}) {
    HB_TRY_ASSIGN(ns, number_at(answer, fmt::format("{}_duration", name), ""));
    if (ns) durations_ms_[name] = *ns / 1e6;
  }
  HB_TRY(read_counts(answer, "prompt_eval_count", "eval_count", ""));
  if (asks_tokens_) {
    HB_TRY_ASSIGN(scored, list_at(answer, "logprobs", ""));
    HB_TRY_ASSIGN(read, read_scored_tokens(*scored, "logprobs"));
    std::ranges::move(read, std::back_inserter(tokens));
  }
  // The last line of a stream may have nothing else to say.
  const bool may_be_silent = !is_whole && (answer.find("done") != nullptr || !reason.empty());
  HB_TRY_ASSIGN(turn, route_ == Route::kChat ? message(answer, may_be_silent) : response(answer, may_be_silent));
  is_done_ = is_over || !reason.empty();
  return say(turn);
}

Result<Turn> OllamaReply::response(const Json& answer, bool may_be_silent) const {
  Turn turn;
  HB_TRY(turn.read(answer.find("response"), "response"));
  HB_TRY_ASSIGN(thought, prose_at(answer, "thinking", ""));
  turn.thinking += thought;
  if (is_nothing(answer.find("response")) && turn.thinking.empty() && !may_be_silent) return corrupt("the answer has no `response` text");
  return turn;
}

Result<Turn> OllamaReply::message(const Json& answer, bool may_be_silent) {
  if (is_nothing(answer.find("message")) && !may_be_silent) return corrupt("the answer has no `message`");
  HB_TRY_ASSIGN(said, object_at(answer, "message", ""));
  Turn turn;
  HB_TRY(turn.read(said->find("content"), "message.content"));
  HB_TRY_ASSIGN(thought, prose_at(*said, "thinking", "message."));
  turn.thinking += thought;
  HB_TRY_ASSIGN(calls, list_at(*said, "tool_calls", "message."));
  for (size_t number = 0; const Json& call : *calls) {
    HB_TRY_ASSIGN(read, read_call(call, fmt::format("message.tool_calls[{}]", number++), tool_calls.size()));
    tool_calls.push_back(std::move(read));
  }
  return turn;
}

}  // namespace halfbyte
