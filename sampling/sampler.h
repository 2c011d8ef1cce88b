// Logits to a token, by a chain of steps that is made once for a request: biases, penalties and DRY move logits; top-n-sigma, top-k, typical-p,
// top-p, min-p and XTC select, in llama.cpp's order; the last one chooses. Steps that would do nothing are not in it. Temperature 0 takes
// the greatest logit as it was moved, ties to the lowest id, and mirostat selects by itself: the selecting steps are left out then.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "halfbyte/result.h"
#include "halfbyte/token.h"
#include "ops/logits.h"
#include "sampling/fields.h"
#include "sampling/step.h"

namespace halfbyte {

// One sequence's sampler. What it does depends on options, accepted tokens, logits and positions alone.
class Sampler {
 public:
  // `ends_repetition`: whether a token's text has one of kDryBreakers.
  Sampler(const SamplingOptions& options, int context_tokens, std::function<bool(Token)> ends_repetition = {});
  // These do not come before so many tokens were accepted, prompt and all.
  void hold_off(std::vector<Token> tokens, size_t until);
  void accept(Token token);  // a prompt token, or one sampled
  // The last `count` accepted tokens never were. So a preempted sequence keeps its sampler, and one that has only tokens accepts them all
  // again; only mirostat and adaptive-p remember more of a sampled token than itself: they must have sampled it.
  void rewind(size_t count);
  // What sample() has to be given. An accepted token may change it.
  // `ahead`: so many more may be accepted before. `is_filtered`: sample() will be told which tokens are allowed.
  LogitsNeed need(int ahead = 0, bool is_filtered = false) const;
  // The next token, which has index `position` in the sequence. kNumeric: a logit is not finite, or no token may follow.
  // `allowed`: a bit for each token that may be chosen (bit i % 32 of word i / 32); none: every token. It comes before all steps.
  // Requires: `logits` hold need().
  Result<Token> sample(const Logits& logits, uint64_t position, std::span<const uint32_t> allowed = {});

 private:
  ChainNeed asked(int ahead) const;

  uint64_t seed_;
  std::vector<std::unique_ptr<SamplingStep>> chain_;
  size_t moving_;  // so many of its first steps move logits, and do not look which tokens are left
  std::vector<Token> history_;
  Candidates candidates_;
};

// A repetition ends at a token whose text has one of these, as in llama.cpp.
inline constexpr std::string_view kDryBreakers = "\n:\"*";

}  // namespace halfbyte
