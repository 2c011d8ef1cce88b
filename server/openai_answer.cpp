#include "server/openai_answer.h"

#include <algorithm>

#include "base/errors.h"
#include "base/json_writer.h"

namespace halfbyte::openai {
namespace {

constexpr std::string_view kChat = "chat.completion", kChatChunk = "chat.completion.chunk", kCompletion = "text_completion";

JsonWriter begin(const Head& head, std::string_view object) {
  JsonWriter json;
  json.begin_object().member("id", head.id).member("object", object).member("created", head.created).member("model", head.model);
  return json;
}

void write_usage(JsonWriter& json, const Usage& usage) {
  json.key("usage").begin_object().member("prompt_tokens", usage.prompt_tokens).member("completion_tokens", usage.completion_tokens);
  json.member("total_tokens", usage.prompt_tokens + usage.completion_tokens);
  json.key("prompt_tokens_details").begin_object().member("cached_tokens", usage.cached_tokens).end_object().end_object();
}

std::string event(JsonWriter& json) { return "data: " + json.take() + "\n\n"; }

// Ends a chunk whose list of choices is written.
std::string chunk(JsonWriter& json, const Head& head) {
  if (head.has_usage) json.member("usage", nullptr);
  json.end_object();
  return event(json);
}

std::string usage_chunk(const Head& head, std::string_view object, const Usage& usage) {
  JsonWriter json = begin(head, object);
  json.key("choices").begin_array().end_array();
  write_usage(json, usage);
  json.end_object();
  return event(json);
}

std::string_view finish_reason(const ReplyChoice& reply) {
  if (!reply.tool_calls.empty()) return "tool_calls";
  return reply.finish_reason == "length" ? "length" : "stop";
}

void write_token(JsonWriter& json, const ScoredToken& token) {
  json.member("token", token.text).member("logprob", token.log_probability).key("bytes").begin_array();
  for (const char byte : token.text) json.value(static_cast<int>(static_cast<unsigned char>(byte)));
  json.end_array();
}

void write_chat_tokens(JsonWriter& json, const ReplyChoice& reply, bool tells_tokens) {
  json.key("logprobs");
  if (!tells_tokens) {
    json.value(nullptr);
    return;
  }
  json.begin_object().key("content").begin_array();
  for (const ScoredToken& token : reply.tokens) {
    json.begin_object();
    write_token(json, token);
    json.key("top_logprobs").begin_array();
    for (const ScoredToken& other : token.likeliest) {
      json.begin_object();
      write_token(json, other);
      json.end_object();
    }
    json.end_array().end_object();
  }
  json.end_array().member("refusal", nullptr).end_object();
}

size_t characters(std::string_view text) {
  return static_cast<size_t>(std::ranges::count_if(text, [](char byte) { return (static_cast<unsigned char>(byte) & 0xC0) != 0x80; }));
}

// As the older route has them: lists side by side.
void write_completion_tokens(JsonWriter& json, const ReplyChoice& reply, bool tells_tokens) {
  json.key("logprobs");
  if (!tells_tokens) {
    json.value(nullptr);
    return;
  }
  json.begin_object().key("tokens").begin_array();
  for (const ScoredToken& token : reply.tokens) json.value(token.text);
  json.end_array().key("token_logprobs").begin_array();
  for (const ScoredToken& token : reply.tokens) json.value(token.log_probability);
  json.end_array().key("top_logprobs").begin_array();
  for (const ScoredToken& token : reply.tokens) {
    json.begin_object();
    std::vector<std::string> seen;  // two tokens that are parts of characters may be written alike; an object has a key once
    for (const ScoredToken& other : token.likeliest) {
      std::string name = JsonWriter().value(other.text).take();
      if (std::ranges::find(seen, name) != seen.end()) continue;
      json.member(other.text, other.log_probability);
      seen.push_back(std::move(name));
    }
    json.end_object();
  }
  json.end_array().key("text_offset").begin_array();
  size_t offset = 0;
  for (const ScoredToken& token : reply.tokens) {
    json.value(offset);
    offset += characters(token.text);
  }
  json.end_array().end_object();
}

void write_calls(JsonWriter& json, const ReplyChoice& reply, bool is_delta) {
  json.key("tool_calls").begin_array();
  for (size_t i = 0; i < reply.tool_calls.size(); ++i) {
    const ToolCall& call = reply.tool_calls[i];
    json.begin_object();
    if (is_delta) json.member("index", i);
    json.member("id", call.call_id).member("type", "function").key("function").begin_object();
    json.member("name", call.name).member("arguments", call.arguments).end_object().end_object();
  }
  json.end_array();
}

// Under both names: clients know one or the other.
void write_thinking(JsonWriter& json, std::string_view text) { json.member("reasoning", text).member("reasoning_content", text); }

template <class Result>
std::vector<ReplyChoice> choices_or(const Result& result, ReplyChoice only) {
  if (!result.choices.empty()) return result.choices;
  const auto reason = result.metadata.find("finish_reason");
  if (reason != result.metadata.end()) only.finish_reason = reason->second;
  only.tokens = result.tokens;
  return {std::move(only)};
}

void write_model(JsonWriter& json, std::string_view model, int64_t created) {
  json.begin_object().member("id", model).member("object", "model").member("created", created).member("owned_by", "halfbyte").end_object();
}

// "messages[0].role" of "messages[0].role: expected ...": where our messages begin with the place.
std::string_view place_of(std::string_view message) {
  const size_t end = message.find(": ");
  if (end == std::string_view::npos) return {};
  const std::string_view place = message.substr(0, end);
  constexpr std::string_view kInPlaces = "abcdefghijklmnopqrstuvwxyz0123456789_.[]";
  return place.find_first_not_of(kInPlaces) == std::string_view::npos ? place : std::string_view();
}

struct Kind {
  int status;
  std::string_view type, code;  // no code: null
};

Kind kind_of(Code code) {
  switch (code) {
    case Code::kInvalid: return {400, "invalid_request_error", ""};
    case Code::kUnsupported: return {400, "invalid_request_error", "unsupported"};
    case Code::kTooLong: return {400, "invalid_request_error", "context_length_exceeded"};
    case Code::kNotFound: return {404, "invalid_request_error", "not_found"};
    case Code::kBusy: return {503, "server_error", "queue_full"};
    case Code::kCorrupt:
    case Code::kIo:
    case Code::kNumeric:
    case Code::kInternal: break;
  }
  return {500, "server_error", ""};
}

void write_error(JsonWriter& json, const Error& error) {
  const Kind kind = kind_of(error.code);
  const bool is_ours = kind.status == 500;
  json.begin_object().key("error").begin_object();
  json.member("message", is_ours ? "the server failed to answer this request" : std::string_view(error.message));
  const std::string_view place = is_ours ? "" : place_of(error.message);
  const auto text_or_null = [](std::string_view text) { return text.empty() ? std::optional<std::string_view>() : text; };
  json.member("type", kind.type).member("param", text_or_null(place)).member("code", text_or_null(kind.code));
  json.end_object().end_object();
}

}  // namespace

void Usage::add(std::optional<int> prompt, std::optional<int> completion, const Facts& metadata) {
  prompt_tokens += prompt.value_or(0);
  completion_tokens += completion.value_or(0);
  if (const auto cached = metadata.find("cached_tokens"); cached != metadata.end()) cached_tokens += std::stoi(cached->second);
}

std::vector<ReplyChoice> choices_of(const ChatResult& result) {
  return choices_or(result, {.text = result.content, .thinking = result.thinking, .tool_calls = result.tool_calls});
}
std::vector<ReplyChoice> choices_of(const InferenceResult& result) { return choices_or(result, {.text = result.completion}); }

std::string chat_body(const Head& head, std::span<const ReplyChoice> choices, bool tells_tokens, const Usage& usage) {
  JsonWriter json = begin(head, kChat);
  json.key("choices").begin_array();
  for (size_t i = 0; i < choices.size(); ++i) {
    const ReplyChoice& reply = choices[i];
    json.begin_object().member("index", i).key("message").begin_object().member("role", "assistant");
    json.member("content", reply.text.empty() && !reply.tool_calls.empty() ? std::optional<std::string>() : reply.text);
    json.member("refusal", nullptr);
    if (reply.thinking) write_thinking(json, *reply.thinking);
    if (!reply.tool_calls.empty()) write_calls(json, reply, /*is_delta=*/false);
    json.end_object();
    write_chat_tokens(json, reply, tells_tokens);
    json.member("finish_reason", finish_reason(reply)).end_object();
  }
  json.end_array();
  write_usage(json, usage);
  return json.end_object().take();
}

std::string completion_body(const Head& head, std::span<const ReplyChoice> choices, bool tells_tokens, const Usage& usage) {
  JsonWriter json = begin(head, kCompletion);
  json.key("choices").begin_array();
  for (size_t i = 0; i < choices.size(); ++i) {
    json.begin_object().member("index", i).member("text", choices[i].text);
    write_completion_tokens(json, choices[i], tells_tokens);
    json.member("finish_reason", finish_reason(choices[i])).end_object();
  }
  json.end_array();
  write_usage(json, usage);
  return json.end_object().take();
}

std::string chat_begin(const Head& head, int choice) {
  JsonWriter json = begin(head, kChatChunk);
  json.key("choices").begin_array().begin_object().member("index", choice).key("delta").begin_object();
  json.member("role", "assistant").member("content", "").end_object().member("logprobs", nullptr).member("finish_reason", nullptr);
  json.end_object().end_array();
  return chunk(json, head);
}

std::string chat_piece(const Head& head, int choice, Piece kind, std::string_view text) {
  JsonWriter json = begin(head, kChatChunk);
  json.key("choices").begin_array().begin_object().member("index", choice).key("delta").begin_object();
  if (kind == Piece::kText)
    json.member("content", text);
  else
    write_thinking(json, text);
  json.end_object().member("logprobs", nullptr).member("finish_reason", nullptr).end_object().end_array();
  return chunk(json, head);
}

std::string chat_end(const Head& head, int choice, const ReplyChoice& reply, bool tells_tokens) {
  JsonWriter json = begin(head, kChatChunk);
  json.key("choices").begin_array().begin_object().member("index", choice).key("delta").begin_object();
  if (!reply.tool_calls.empty()) write_calls(json, reply, /*is_delta=*/true);
  json.end_object();
  write_chat_tokens(json, reply, tells_tokens);
  json.member("finish_reason", finish_reason(reply)).end_object().end_array();
  return chunk(json, head);
}

std::string completion_piece(const Head& head, int choice, std::string_view text) {
  JsonWriter json = begin(head, kCompletion);
  json.key("choices").begin_array().begin_object().member("index", choice).member("text", text);
  json.member("logprobs", nullptr).member("finish_reason", nullptr).end_object().end_array();
  return chunk(json, head);
}

std::string completion_end(const Head& head, int choice, const ReplyChoice& reply, bool tells_tokens) {
  JsonWriter json = begin(head, kCompletion);
  json.key("choices").begin_array().begin_object().member("index", choice).member("text", "");
  write_completion_tokens(json, reply, tells_tokens);
  json.member("finish_reason", finish_reason(reply)).end_object().end_array();
  return chunk(json, head);
}

std::string chat_usage(const Head& head, const Usage& usage) { return usage_chunk(head, kChatChunk, usage); }
std::string completion_usage(const Head& head, const Usage& usage) { return usage_chunk(head, kCompletion, usage); }

std::string error_event(const Error& error) {
  JsonWriter json;
  write_error(json, error);
  return event(json);
}

std::string models_body(std::string_view model, int64_t created) {
  JsonWriter json;
  json.begin_object().member("object", "list").key("data").begin_array();
  write_model(json, model, created);
  return json.end_array().end_object().take();
}

std::string model_body(std::string_view model, int64_t created) {
  JsonWriter json;
  write_model(json, model, created);
  return json.take();
}

int status_of(const Error& error) { return kind_of(error.code).status; }

std::string error_body(const Error& error) {
  JsonWriter json;
  write_error(json, error);
  return json.take();
}

}  // namespace halfbyte::openai
