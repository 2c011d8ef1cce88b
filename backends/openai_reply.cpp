#include "backends/openai_reply.h"

#include <algorithm>
#include <iterator>
#include <ranges>

#include "backends/answer_tokens.h"
#include "backends/json_members.h"
#include "base/errors.h"

namespace halfbyte {
namespace {

constexpr size_t kMostCalls = 1024;

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r\n\v\f";
  const size_t first = std::min(text.find_first_not_of(kBlank), text.size());
  return text.substr(first, text.find_last_not_of(kBlank) + 1 - first);
}

bool is_end(const ServerSentEvent& event) { return trimmed(event.data) == "[DONE]"; }

// What an event named `error` says, in whatever form.
Error failure(std::string_view data) {
  const auto value = parse_loose_json(data);
  if (!value) return io_error("{}", escaped(data, 200));
  const Json* error = error_in(*value);
  return io_error("{}", error_message(error != nullptr ? *error : *value));
}

// Servers name it one way or the other, or both ways with the same text.
Result<std::string> thinking_of(const Json& message, const std::string& path) {
  HB_TRY_ASSIGN(thought, prose_at(message, "reasoning_content", path));
  return thought.empty() ? prose_at(message, "reasoning", path) : thought;
}

}  // namespace

Result<void> ToolCallPieces::take(const Json& piece, const std::string& path) {
  if (piece.object() == nullptr) return corrupt("{}: expected an object, found {}", path, found(piece));
  HB_TRY_ASSIGN(function, object_at(piece, "function", path + "."));
  HB_TRY_ASSIGN(name, word_at(*function, "name", path + ".function."));
  HB_TRY_ASSIGN(id, call_id_of(piece, path));
  HB_TRY_ASSIGN(index, count_at(piece, "index", path + "."));
  HB_TRY_ASSIGN(to, call(index, id, name));
  if (to->id.empty()) to->id = id;
  if (name != to->name) to->name += name;  // some services repeat it with every piece
  const Json* arguments = function->find("arguments");
  if (is_nothing(arguments)) return {};
  if (arguments->text() == nullptr && arguments->object() == nullptr)
    return corrupt("{}.function.arguments: expected text or an object, found {}", path, found(*arguments));
  to->arguments += arguments->text() != nullptr ? *arguments->text() : json_text(whole(*arguments));
  to->has_arguments = true;
  return {};
}

// The call that a piece belongs to. A new id begins a new call, even under an index that was there: some services give every call
// the index 0. Without index and id it is the last one, until that has arguments and another name comes.
Result<ToolCallPieces::Call*> ToolCallPieces::call(std::optional<int> index, std::string_view id, std::string_view name) {
  for (Call& call : std::views::reverse(calls_)) {
    if (index && call.index == index) {
      if (id.empty() || call.id.empty() || call.id == id) return &call;
      break;
    }
    if (index) continue;
    if (!id.empty() && call.id == id) return &call;
    if (!id.empty()) continue;
    if (!name.empty() && call.has_arguments) break;
    return &call;
  }
  if (calls_.size() == kMostCalls) return corrupt("more than {} tool calls", kMostCalls);
  calls_.push_back({.index = index});
  return &calls_.back();
}

Result<std::vector<ToolCall>> ToolCallPieces::made() const {
  std::vector<ToolCall> calls;
  for (const Call& call : calls_) {
    Json::Object function, wire;
    add(function, "name", {call.name});
    add(function, "arguments", {call.arguments});
    add(wire, "id", {call.id});
    add(wire, "function", {std::move(function)});
    HB_TRY_ASSIGN(read, read_call({std::move(wire)}, fmt::format("tool_calls[{}]", calls.size()), calls.size()));
    calls.push_back(std::move(read));
  }
  return calls;
}

OpenAIReply::OpenAIReply(Route route, AskedBeside asked) : Reply(asked), route_(route) {
  for (int others = asked.choices - 1; others > 0; --others) {
    asked.choices = 1;
    others_.push_back(std::make_unique<OpenAIReply>(route, asked));
  }
}

Facts OpenAIReply::facts() const {
  Facts told = Reply::facts();
  if (!model_.empty()) told["served_model"] = model_;
  return told;
}

Result<bool> OpenAIReply::take_line(std::string_view line, bool /*is_cut*/, const TextSink& sink) {
  const auto event = events_.take(line);
  if (!events_.has_begun() && !ServerSentEvents::is_field(line)) HB_TRY(add_unframed(line));
  if (!event) return true;
  return take_event(*event, sink);
}

Result<bool> OpenAIReply::take_event(const ServerSentEvent& event, const TextSink& sink) {
  if (event.name == "error") return failure(event.data);
  if (trimmed(event.data).empty()) return true;  // kept alive
  if (is_end(event)) {
    is_done_ = true;
    HB_TRY(finish(sink));
    return false;
  }
  HB_TRY_ASSIGN(answer, parse_answer(event.data));
  HB_TRY_ASSIGN(piece, take(answer, false));
  give(piece, sink);
  HB_TRY(refuse_failure());
  return wants_more();
}

Result<void> OpenAIReply::finish(const TextSink& sink) {
  if (const auto event = events_.rest(); event && (is_end(*event) || is_json(event->data))) {
    HB_TRY_ASSIGN(is_more_wanted, take_event(*event, sink));
    if (!is_more_wanted) return {};
  }
  if (!events_.has_begun()) {
    HB_TRY(take_unframed(sink));
    HB_TRY(refuse_failure());
  }
  if (finish_reason.empty() && !is_done_) return io_error("the stream ended before the reply was done");
  is_done_ = true;
  finish_texts(sink);
  HB_TRY(finish_calls());
  return finish_others();
}

Result<void> OpenAIReply::finish_others() {
  for (const auto& other : others_) {
    other->finish_texts([](std::string_view) { return true; });
    HB_TRY(other->finish_calls());
  }
  return {};
}

Result<void> OpenAIReply::finish_calls() {
  HB_TRY_ASSIGN(calls, pieces_.made());
  for (ToolCall& call : calls) tool_calls.push_back(std::move(call));
  return {};
}

std::vector<ReplyChoice> OpenAIReply::choices() const {
  std::vector<ReplyChoice> all;
  if (others_.empty()) return all;
  all.push_back(choice());
  for (const auto& other : others_) all.push_back(other->choice());
  return all;
}

Result<void> OpenAIReply::refuse_failure() const {
  for (const auto& other : others_) HB_TRY(other->refuse_failure());
  if (finish_reason == "error") return io_error("the service ended the reply with the finish_reason 'error'");
  return {};
}

Result<std::string> OpenAIReply::take(const Json& answer, bool is_whole) {
  HB_TRY_ASSIGN(model, word_at(answer, "model", ""));
  if (!model.empty()) model_ = whole(std::string_view(model));
  HB_TRY_ASSIGN(usage, object_at(answer, "usage", ""));
  HB_TRY(read_counts(*usage, "prompt_tokens", "completion_tokens", "usage."));
  HB_TRY_ASSIGN(choices, list_at(answer, "choices", ""));
  if (is_whole && choices->empty()) return corrupt("the answer has no `choices`: {}", shown(answer));
  std::string piece;
  for (size_t number = 0; number < (is_whole ? std::min(choices->size(), others_.size() + 1) : choices->size()); ++number) {
    const Json& choice = (*choices)[number];
    const std::string path = fmt::format("choices[{}]", number);
    if (choice.object() == nullptr) return corrupt("{}: expected an object, found {}", path, found(choice));
    HB_TRY_ASSIGN(index, is_whole ? Result<std::optional<int>>(std::nullopt) : count_at(choice, "index", path + "."));
    const size_t place = is_whole ? number : static_cast<size_t>(index.value_or(0));
    if (place > others_.size()) continue;  // fewer were asked for
    OpenAIReply& reply = place == 0 ? *this : *others_[place - 1];
    HB_TRY_ASSIGN(text, reply.take_choice(choice, path, is_whole));
    if (place == 0) piece += text;
  }
  if (is_whole) {
    HB_TRY(refuse_failure());
    HB_TRY(finish_others());
  }
  return piece;
}

Result<std::string> OpenAIReply::take_choice(const Json& choice, const std::string& path, bool is_whole) {
  HB_TRY(refuse_error(choice));
  HB_TRY_ASSIGN(reason, word_at(choice, "finish_reason", path + "."));
  if (!reason.empty()) finish_reason = whole(std::string_view(reason));
  Turn turn;
  const size_t calls = tool_calls.size();
  if (route_ == Route::kChat || !is_whole) HB_TRY(read_message(choice, path, is_whole, turn));
  if (turn.content.empty()) HB_TRY(turn.read(choice.find("text"), path + ".text"));
  if (route_ == Route::kCompletions) {
    HB_TRY_ASSIGN(thought, thinking_of(choice, path + "."));
    turn.thinking += thought;
  }
  const bool is_silent =
      turn.content.empty() && turn.thinking.empty() && turn.refusal.empty() && tool_calls.size() == calls && reason.empty();
  HB_TRY(read_tokens(choice, path));
  if (is_whole && is_silent) {
    HB_TRY_ASSIGN(may_be_empty, has_text(choice));
    if (!may_be_empty) return corrupt("the answer has no text: {}", shown(choice));
  }
  return say(turn);
}

// Where there are no log-probabilities there is nothing; a service may pass over what it was asked.
Result<void> OpenAIReply::read_tokens(const Json& choice, const std::string& path) {
  if (!asks_tokens_) return {};
  HB_TRY_ASSIGN(told, object_at(choice, "logprobs", path + "."));
  const std::string inside = path + ".logprobs.";
  HB_TRY_ASSIGN(listed, list_at(*told, "content", inside));
  HB_TRY_ASSIGN(read, told->find("tokens") != nullptr ? read_token_lists(*told, inside) : read_scored_tokens(*listed, inside + "content"));
  std::ranges::move(read, std::back_inserter(tokens));
  return {};
}

Result<bool> OpenAIReply::has_text(const Json& choice) const {
  if (route_ == Route::kCompletions) return !is_nothing(choice.find("text"));
  HB_TRY_ASSIGN(message, object_at(choice, "message", ""));
  return message->find("content") != nullptr;
}

Result<void> OpenAIReply::read_message(const Json& choice, const std::string& path, bool is_whole, Turn& turn) {
  const char* key = is_whole || is_nothing(choice.find("delta")) ? "message" : "delta";
  if (is_whole && is_nothing(choice.find(key))) return corrupt("the answer has no `message`: {}", shown(choice));
  HB_TRY_ASSIGN(message, object_at(choice, key, path + "."));
  const std::string inside = fmt::format("{}.{}.", path, key);
  HB_TRY(turn.read(message->find("content"), inside + "content"));
  HB_TRY_ASSIGN(thought, thinking_of(*message, inside));
  turn.thinking += thought;
  HB_TRY_ASSIGN(refused, prose_at(*message, "refusal", inside));
  turn.refusal += refused;
  HB_TRY_ASSIGN(calls, list_at(*message, "tool_calls", inside));
  for (size_t number = 0; const Json& call : *calls) {
    const std::string call_path = fmt::format("{}tool_calls[{}]", inside, number++);
    if (key == std::string_view("delta")) {
      HB_TRY(pieces_.take(call, call_path));
      continue;
    }
    HB_TRY_ASSIGN(read, read_call(call, call_path, tool_calls.size()));
    tool_calls.push_back(std::move(read));
  }
  return {};
}

}  // namespace halfbyte
