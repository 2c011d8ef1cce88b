// The one list of a request's numbers and switches beside its sampling options: from it checks, flags, a chat's /set and /show, stored
// defaults, the names on the wire and Python's keywords are made. `Options`: the engine's Request or a backend's CompletionOptions, which
// have these members alike, each with its default, with which it does nothing.
#pragma once

#include <optional>
#include <string_view>
#include <variant>

namespace halfbyte {

template <class Options>
struct ReplyField {
  std::string_view name;            // ours; "--min-tokens" on the command line for "min_tokens"
  std::string_view ollama, openai;  // on the wire; empty: such a service cannot take it
  std::variant<bool Options::*, int Options::*, double Options::*, std::optional<int> Options::*> member;
  double least, greatest;
  std::string_view meaning;
};

inline constexpr double kMostReplyTokens = 1 << 30;
// OpenAI's names are its own where it has one, else vLLM's. vLLM's priority is the other way round, and so not sent.
template <class Options>
inline constexpr ReplyField<Options> kReplyFields[] = {
    {"choices", "", "n", &Options::choices, 1, 8, "replies to the prompt, with the seed and those after it"},
    {"best_of", "", "best_of", &Options::best_of, 1, 20, "so many replies are made, and the likeliest told"},
    {"min_tokens", "", "min_tokens", &Options::min_tokens, 0, kMostReplyTokens, "no end token before so many tokens of the reply"},
    {"ignore_eos", "", "ignore_eos", &Options::ignore_eos, 0, 1, "end tokens do not end the reply"},
    {"keep_tokens", "num_keep", "", &Options::keep_tokens, 0, kMostReplyTokens,
     "a full context lets tokens behind the first N of the prompt go, in place of an end or an error"},
    {"logprobs", "logprobs", "logprobs", &Options::logprobs, 0, 20, "tell each token's log-probability, and those of the N likeliest"},
    {"prompt_logprobs", "", "", &Options::prompt_logprobs, 0, 20, "tell the prompt's tokens likewise"},
    {"thinking_budget", "", "", &Options::thinking_budget, 0, kMostReplyTokens, "most tokens that a model thinks before it answers"},
    {"timeout_ms", "", "", &Options::timeout_ms, 0, 1e12, "the reply ends with what has come by then; 0: no limit"},
    {"priority", "", "", &Options::priority, -kMostReplyTokens, kMostReplyTokens,
     "the greater starts first, and takes memory from the lesser"},
};

}  // namespace halfbyte
