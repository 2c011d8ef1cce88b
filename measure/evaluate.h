// Logits and log-probabilities of a given token sequence, without sampling: what `logits` and `perplexity` and tests are made of.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>

#include "halfbyte/activation_mode.h"
#include "halfbyte/kv_types.h"
#include "halfbyte/token.h"
#include "kernels/isa.h"
#include "models/model.h"
#include "ops/adapter.h"

namespace halfbyte {

struct EvaluateOptions {
  int chunk_tokens = 512;
  KvTypes kv_types;
  ActivationMode activations = ActivationMode::kInt8;
  std::optional<Isa> isa;                             // absent: choose_isa()
  std::vector<AppliedAdapter> adapters;               // of every token
  int adapter_rank() const;                           // the greatest of them; 0: there are none
  std::function<void(const std::string& text)> warn;  // called at the end with Runner::warning(), if there is one
};

// Runs `tokens` from position 0 and hands the logits (vocabulary floats) after each position >= first_wanted to `sink`, in order.
// kInvalid: a token outside the vocabulary (named), no tokens; kTooLong: more than the model's context; kNumeric: logits not finite.
Result<void> evaluate(const Model& model, ThreadPool& pool, std::span<const Token> tokens, const EvaluateOptions& options,
                      size_t first_wanted, const std::function<void(size_t position, std::span<const float> logits)>& sink);

// Of each token after the first, after all before it. `tokens` are two at least; the last is not run. Errors as above.
Result<std::vector<double>> log_probabilities(const Model& model, ThreadPool& pool, std::span<const Token> tokens,
                                              const EvaluateOptions& options);

}  // namespace halfbyte
