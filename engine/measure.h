// One timed run of a model with random tokens: the raw figures behind `bench`.
#pragma once

#include "engine/evaluate.h"

namespace halfbyte {

struct Measured {
  double prompt_seconds = 0;      // all of prompt_tokens, logits after the last
  double generation_seconds = 0;  // generated_tokens steps of one token, each with logits, after an empty context
  uint64_t bytes_per_token = 0;   // weight bytes one generation step reads, plus cached keys and values half-way
  uint64_t weight_bytes = 0;
  uint64_t kv_bytes = 0;          // cache for the context in use
  double barriers_per_layer = 0;  // counted while generating; the two of the head are spread over the layers
};

Result<Measured> measure(const Model& model, ThreadPool& pool, int prompt_tokens, int generated_tokens, const EvaluateOptions& options);

}  // namespace halfbyte
