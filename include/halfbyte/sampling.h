// How the next token is chosen: the options of a request, and the one list of them from which checks, flags, a chat's /set and /show,
// stored defaults, the names on the wire and Python's keywords are made.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string_view>
#include <variant>
#include <vector>

#include "halfbyte/token.h"

namespace halfbyte {

struct TokenBias {
  Token token = 0;
  float bias = 0;  // added to its logit; -infinity: it never comes
  bool operator==(const TokenBias&) const = default;
};

// A field that is absent has the default of whoever samples: of this engine the one in kSamplingFields, of a service its own.
struct SamplingOptions {
  std::optional<float> temperature;
  std::optional<int> top_k;
  std::optional<float> top_p;
  std::optional<float> min_p;
  std::optional<float> repeat_penalty;
  std::optional<float> presence_penalty;
  std::optional<float> frequency_penalty;
  std::optional<int> repeat_window;
  std::optional<uint64_t> seed;
  std::optional<float> typical_p;
  std::optional<float> top_n_sigma;
  std::optional<float> xtc_probability;
  std::optional<float> xtc_threshold;
  std::optional<float> dry_multiplier;
  std::optional<float> dry_base;
  std::optional<int> dry_allowed_length;
  std::optional<int> dry_penalty_last_n;
  std::optional<float> dynatemp_range;
  std::optional<float> dynatemp_exponent;
  std::optional<int> mirostat;
  std::optional<float> mirostat_tau;
  std::optional<float> mirostat_eta;
  std::optional<float> adaptive_target;
  std::optional<float> adaptive_decay;
  // No numbers, and so no rows of the list below.
  std::vector<TokenBias> logit_bias;  // at most 4096, within -100 to 100 or -infinity
  std::vector<Token> allowed_tokens;  // no other token comes, where there are some; at most 4096
  bool operator==(const SamplingOptions&) const = default;
};

template <class T>
struct SamplingRange {
  std::optional<T> SamplingOptions::* member;
  T least, greatest;
  T otherwise;  // the default
  T neutral;    // with it the option does nothing
};

// A row says all that is known of an option outside its step. Adding one: its member above, its row, its step (sampling/README.md).
struct SamplingField {
  std::string_view name;            // ours; "--top-k" on the command line for "top_k"
  std::string_view ollama, openai;  // on the wire; empty: such a service cannot take it. OpenAI's own refuses top_k and what follows it
  std::variant<SamplingRange<float>, SamplingRange<int>, SamplingRange<uint64_t>> range;
  std::string_view meaning;
};

inline constexpr int kMostWindow = 1 << 30;
// Defaults are llama.cpp's. What OpenAI's API has no name for is called as vLLM does, whose names other servers took over.
inline constexpr SamplingField kSamplingFields[] = {
    {"temperature", "temperature", "temperature", SamplingRange<float>{&SamplingOptions::temperature, 0, 100, 0.8F, 1},
     "spread of the choice; 0: always the likeliest token"},
    {"top_k", "top_k", "top_k", SamplingRange<int>{&SamplingOptions::top_k, 0, kMostWindow, 40, 0},
     "choose among the N likeliest tokens; 0: all"},
    {"top_p", "top_p", "top_p", SamplingRange<float>{&SamplingOptions::top_p, 0, 1, 0.95F, 1},
     "choose among the likeliest tokens that together have this probability"},
    {"min_p", "min_p", "min_p", SamplingRange<float>{&SamplingOptions::min_p, 0, 1, 0.05F, 0},
     "leave out tokens less likely than this part of the likeliest"},
    {"repeat_penalty", "repeat_penalty", "repetition_penalty", SamplingRange<float>{&SamplingOptions::repeat_penalty, 0.01F, 100, 1, 1},
     "above 1: recent tokens become less likely"},
    {"presence_penalty", "presence_penalty", "presence_penalty", SamplingRange<float>{&SamplingOptions::presence_penalty, -100, 100, 0, 0},
     "taken once from the logit of every recent token"},
    {"frequency_penalty", "frequency_penalty", "frequency_penalty",
     SamplingRange<float>{&SamplingOptions::frequency_penalty, -100, 100, 0, 0}, "taken from a recent token's logit per occurrence"},
    {"repeat_window", "repeat_last_n", "", SamplingRange<int>{&SamplingOptions::repeat_window, -1, kMostWindow, 64, 64},
     "tokens that count as recent; -1: the whole context"},
    {"seed", "seed", "seed", SamplingRange<uint64_t>{&SamplingOptions::seed, 0, std::numeric_limits<uint64_t>::max(), 0, 0},
     "same seed, same reply; without it every `run` draws one"},
    {"typical_p", "typical_p", "", SamplingRange<float>{&SamplingOptions::typical_p, 0, 1, 1, 1},
     "leave the least odd tokens that together have this probability; 1: off"},
    {"top_n_sigma", "", "", SamplingRange<float>{&SamplingOptions::top_n_sigma, -1, 100, -1, -1},
     "leave tokens within so many standard deviations of the greatest logit; 0 or less: off"},
    {"xtc_probability", "", "", SamplingRange<float>{&SamplingOptions::xtc_probability, 0, 1, 0, 0},
     "how often all likely tokens but the least likely one are left out"},
    {"xtc_threshold", "", "", SamplingRange<float>{&SamplingOptions::xtc_threshold, 0, 1, 0.1F, 0.1F},
     "the probability from which xtc calls a token likely"},
    {"dry_multiplier", "", "", SamplingRange<float>{&SamplingOptions::dry_multiplier, 0, 1000, 0, 0},
     "taken from the logit of what would make a repetition longer; 0: off"},
    {"dry_base", "", "", SamplingRange<float>{&SamplingOptions::dry_base, 1, 100, 1.75F, 1.75F},
     "by this factor more for each token of the repetition"},
    {"dry_allowed_length", "", "", SamplingRange<int>{&SamplingOptions::dry_allowed_length, 0, kMostWindow, 2, 2},
     "tokens of a repetition that cost nothing"},
    {"dry_penalty_last_n", "", "", SamplingRange<int>{&SamplingOptions::dry_penalty_last_n, -1, kMostWindow, 64, 64},
     "tokens in which dry looks for repetitions; -1: the whole context"},
    {"dynatemp_range", "", "", SamplingRange<float>{&SamplingOptions::dynatemp_range, 0, 100, 0, 0},
     "the temperature varies so much up and down with the entropy; 0: it does not"},
    {"dynatemp_exponent", "", "", SamplingRange<float>{&SamplingOptions::dynatemp_exponent, 0, 100, 1, 1},
     "how entropy becomes temperature; 1: in proportion"},
    {"mirostat", "", "", SamplingRange<int>{&SamplingOptions::mirostat, 0, 2, 0, 0},
     "1 or 2: keep surprise even, in place of what selects tokens"},
    {"mirostat_tau", "", "", SamplingRange<float>{&SamplingOptions::mirostat_tau, 0, 100, 5, 5},
     "the surprise that mirostat keeps, in bits"},
    {"mirostat_eta", "", "", SamplingRange<float>{&SamplingOptions::mirostat_eta, 0, 10, 0.1F, 0.1F}, "how fast mirostat gets there"},
    {"adaptive_target", "", "", SamplingRange<float>{&SamplingOptions::adaptive_target, -1, 1, -1, -1},
     "draw tokens with about this probability, over time; below 0: off"},
    {"adaptive_decay", "", "", SamplingRange<float>{&SamplingOptions::adaptive_decay, 0, 0.99F, 0.9F, 0.9F},
     "how long adaptive_target remembers: some 1 / (1 - it) tokens"},
};

}  // namespace halfbyte
