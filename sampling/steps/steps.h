// The steps there are, a file for each. sampler.cpp puts those that do something into a chain.
#pragma once

#include <functional>
#include <memory>

#include "halfbyte/sampling.h"
#include "sampling/step.h"

namespace halfbyte::steps {

using Step = std::unique_ptr<SamplingStep>;

// Move logits.
Step logit_bias(std::vector<TokenBias> biases);
Step hold_off(std::vector<Token> tokens, size_t until);  // not before so many tokens were accepted
Step penalties(float repeat, float presence, float frequency, size_t window);
struct DryOptions {
  float multiplier, base;
  size_t allowed_length, window;
  std::function<bool(Token)> is_breaker;  // no repetition reaches over such a token
};
Step dry(DryOptions options);

// Select.
Step only(std::vector<Token> tokens);
Step top_n_sigma(float n);
Step top_k(size_t k);
Step typical(float part);
Step top_p(float part);
Step min_p(float part);
Step xtc(float probability, float threshold);

// Choose.
Step greedy();
struct Temperature {
  float value, range, exponent;  // range not 0: dynamic, within value - range .. value + range
};
Step draw(Temperature temperature);
Step mirostat(int version, float temperature, float tau, float eta);
Step adaptive_p(float target, float decay, Temperature temperature);

// The temperature of a choice: of a dynamic one by the candidates' entropy (Zhu et al. 2024, as EDT and llama.cpp have it).
float temperature_of(const Temperature& temperature, Candidates& candidates);

}  // namespace halfbyte::steps
