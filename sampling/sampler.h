// Logits to a token, by small steps in a fixed order: penalties, top-k, top-p, min-p, temperature, draw.
// Temperature 0 stops after the penalties and takes the greatest logit, ties to the lowest id.
// Most of them need only the greatest logits, which the head gathers on the way; need() says what, before the step.
#pragma once

#include <cstdint>
#include <deque>
#include <span>
#include <unordered_map>
#include <vector>

#include "halfbyte/result.h"
#include "halfbyte/token.h"
#include "ops/logits.h"
#include "sampling/fields.h"

namespace halfbyte {

// The random number of a position: depends on the seed and the position alone, so a sequence draws the same numbers whatever
// else the machine does. Uniform in [0, 1). SplitMix64 (Steele, Lea, Flood 2014), two rounds.
double uniform_at(uint64_t seed, uint64_t position);

// One sequence's sampler: its options and the tokens its penalties look back on.
class Sampler {
 public:
  Sampler(const SamplingOptions& options, int context_tokens);
  void accept(Token token);  // a prompt token, or one sampled
  // What sample() has to be given. An accepted token may change it.
  // `ahead`: so many more may be accepted before.
  LogitsNeed need(int ahead = 0) const;
  // The next token, which has index `position` in the sequence. kNumeric: a logit is not finite. Requires: `logits` hold need().
  Result<Token> sample(const Logits& logits, uint64_t position);

 private:
  bool has_penalties() const;
  size_t top_k() const { return options_.temperature == 0 ? 1 : static_cast<size_t>(*options_.top_k); }
  void penalize(std::span<const float> row);
  void keep_top_k();
  void keep_top_p();
  void keep_min_p();
  Token draw(double uniform) const;

  SamplingOptions options_;  // every field is there
  size_t window_;
  std::deque<Token> recent_;
  std::unordered_map<Token, int> counts_;  // of recent_
  std::vector<Candidate> candidates_;      // in order from keep_top_k() on
};

}  // namespace halfbyte
