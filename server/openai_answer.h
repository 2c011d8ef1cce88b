// OpenAI's API, the way out: bodies and events as bytes. Pure; what differs from reply to reply comes in the head.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "halfbyte/backend.h"

namespace halfbyte::openai {

// What every part of an answer repeats.
struct Head {
  std::string id, model;
  int64_t created = 0;     // seconds since 1970
  bool has_usage = false;  // of a stream: its chunks have a member for it, null in all but the last
};

// Usage of one or several results together.
struct Usage {
  int prompt_tokens = 0, completion_tokens = 0, cached_tokens = 0;
  void add(std::optional<int> prompt, std::optional<int> completion, const Facts& metadata);
};

// A reply's choices, also where there is only one.
std::vector<ReplyChoice> choices_of(const ChatResult& result);
std::vector<ReplyChoice> choices_of(const InferenceResult& result);

std::string chat_body(const Head& head, std::span<const ReplyChoice> choices, bool tells_tokens, const Usage& usage);
std::string completion_body(const Head& head, std::span<const ReplyChoice> choices, bool tells_tokens, const Usage& usage);

// Server-sent events. A chat's stream: chat_begin of each choice, its text and thinking in pieces, chat_end, which has what is only known
// then: tool calls, log-probabilities and the reason.
enum class Piece { kText, kThinking };
std::string chat_begin(const Head& head, int choice);
std::string chat_piece(const Head& head, int choice, Piece kind, std::string_view text);
std::string chat_end(const Head& head, int choice, const ReplyChoice& reply, bool tells_tokens);
std::string completion_piece(const Head& head, int choice, std::string_view text);
std::string completion_end(const Head& head, int choice, const ReplyChoice& reply, bool tells_tokens);
std::string chat_usage(const Head& head, const Usage& usage);
std::string completion_usage(const Head& head, const Usage& usage);
std::string error_event(const Error& error);
inline constexpr std::string_view kEndOfStream = "data: [DONE]\n\n";

// GET /v1/models: the one that is served.
std::string models_body(std::string_view model, int64_t created);
std::string model_body(std::string_view model, int64_t created);

// {"error": {message, type, param, code}}. Of what is a fault of ours the text is fixed: the message may name files of this machine.
int status_of(const Error& error);
std::string error_body(const Error& error);

}  // namespace halfbyte::openai
