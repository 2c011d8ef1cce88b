#include "engine/measure.h"

#include <algorithm>
#include <chrono>

#include "base/errors.h"
#include "engine/runner.h"

namespace halfbyte {
namespace {

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// Any tokens do: the work does not depend on them. A fixed multiplicative walk avoids reading the same embedding row again and again.
Token walk(size_t i, int vocabulary) { return static_cast<Token>(i * 7919 % static_cast<size_t>(vocabulary)); }

}  // namespace

Result<Measured> measure(const Model& model, ThreadPool& pool, int prompt_tokens, int generated_tokens, const EvaluateOptions& options) {
  const Dims& dims = model.formula->dims();
  const int longest = std::max(prompt_tokens, generated_tokens);
  if (longest > dims.context) return too_long("{} tokens, the model's context is {}", longest, dims.context);
  HB_TRY_ASSIGN(
      runner,
      Runner::create(
          model, pool,
          {.cache_tokens = longest, .chunk_tokens = options.chunk_tokens, .kv_type = options.kv_type, .activations = options.activations}));
  Measured measured{.bytes_per_token = runner.program().bytes_per_token() + runner.bytes_cached_per_sequence(generated_tokens / 2),
                    .weight_bytes = model.weights.bytes(),
                    .kv_bytes = runner.bytes_cached_per_sequence(longest)};
  float kept = 0;  // the logits are read, as a sampler would
  const auto read = [&](size_t, size_t, std::span<const float> logits) { kept += logits[0]; };
  std::vector<Token> prompt;
  for (int i = 0; i < prompt_tokens; ++i) prompt.push_back(walk(static_cast<size_t>(i), dims.vocabulary));

  CachedSequence sequence;
  auto start = std::chrono::steady_clock::now();
  for (size_t from = 0; from < prompt.size();) {
    const size_t count = std::min<size_t>(static_cast<size_t>(options.chunk_tokens), prompt.size() - from);
    const bool is_last = from + count == prompt.size();
    const Runner::Slice slice{
        .sequence = &sequence, .tokens = std::span(prompt).subspan(from, count), .first_wanted = is_last ? count - 1 : count};
    HB_TRY(runner.run({&slice, 1}, read));
    from += count;
  }
  measured.prompt_seconds = seconds_since(start);
  runner.release(sequence);

  const uint64_t barriers = pool.barriers();
  start = std::chrono::steady_clock::now();
  for (int i = 0; i < generated_tokens; ++i) {
    const Token token = walk(static_cast<size_t>(i), dims.vocabulary);
    const Runner::Slice slice{
        .sequence = &sequence, .tokens = {&token, 1}
    };
    HB_TRY(runner.run({&slice, 1}, read));
  }
  measured.generation_seconds = seconds_since(start);
  if (generated_tokens > 0) measured.barriers_per_layer = static_cast<double>(pool.barriers() - barriers) / generated_tokens / dims.layers;
  return measured;
}

}  // namespace halfbyte
