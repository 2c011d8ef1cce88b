// One timed run of a model with random tokens: the raw figures behind `bench`.
#pragma once

#include <string>
#include <vector>

#include "measure/evaluate.h"

namespace halfbyte {

struct Workload {
  int prompt_tokens = 0;        // one prompt, arg-max after the last token
  int generated_tokens = 0;     // steps of one token, each with its arg-max: greedy generation
  int depth = 0;                // positions already cached when prompt and generation begin
  std::vector<int> step_sizes;  // steps of so many tokens of one sequence, arg-max after each token
};

struct MeasuredSpeed {
  double prompt_seconds = 0;
  double generation_seconds = 0;
  std::vector<double> step_seconds;  // a step of each of step_sizes: the median of kStepRuns
  uint64_t bytes_per_token = 0;      // weight bytes one generation step reads, plus cached keys and values half-way
  uint64_t macs_per_token = 0;       // multiply-adds of one prompt token with the weights, the vocabulary head left out
  uint64_t weight_bytes = 0;
  uint64_t kv_bytes = 0;          // cache for the context in use
  double barriers_per_layer = 0;  // counted while generating; the two of the head are spread over the layers
  std::string warning;            // Runner::warning()
};
constexpr int kStepRuns = 7;

// kTooLong: depth and tokens together pass the model's context.
Result<MeasuredSpeed> measure_speed(const Model& model, ThreadPool& pool, const Workload& workload, const EvaluateOptions& options);

}  // namespace halfbyte
