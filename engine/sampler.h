// Logits to a token, by small steps in a fixed order: penalties, top-k, top-p, min-p, temperature, draw.
// Temperature 0 stops after the penalties and takes the greatest logit, ties to the lowest id.
#pragma once

#include <cstdint>
#include <deque>
#include <span>
#include <unordered_map>
#include <vector>

#include "halfbyte/engine.h"
#include "kernels/kernels.h"

namespace halfbyte {

// kInvalid names the field, its value and its range.
Result<void> check(const SamplingOptions& options);

// The random number of a position: depends on the seed and the position alone, so a sequence draws the same numbers whatever
// else the machine does. Uniform in [0, 1). SplitMix64 (Steele, Lea, Flood 2014), two rounds.
double uniform_at(uint64_t seed, uint64_t position);

// One sequence's sampler: its options and the tokens its penalties look back on.
class Sampler {
 public:
  Sampler(const SamplingOptions& options, int context_tokens, const KernelTable& kernels);
  void accept(Token token);  // a prompt token, or one sampled
  // The next token, which has index `position` in the sequence. kNumeric: a logit is not finite.
  Result<Token> sample(std::span<const float> logits, uint64_t position);

 private:
  struct Candidate {
    float logit;
    Token token;
  };
  bool has_penalties() const;
  void penalize();
  void keep_top_k();
  void keep_top_p();
  void keep_min_p();
  Token draw(double uniform) const;

  SamplingOptions options_;
  const KernelTable* kernels_;
  size_t window_;
  std::deque<Token> recent_;
  std::unordered_map<Token, int> counts_;  // of recent_
  std::vector<float> penalized_;
  std::span<const float> logits_;
  std::vector<Candidate> candidates_;  // greatest logit first, ties by id
};

}  // namespace halfbyte
