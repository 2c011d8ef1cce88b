#include "measure/speed.h"

#include <algorithm>
#include <chrono>

#include "base/errors.h"
#include "engine/runner.h"

namespace halfbyte {
namespace {

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// A sequence that is fed tokens and whose likeliest next tokens are taken, as greedy generation does.
class Feed {
 public:
  Feed(Runner& runner, std::span<const AppliedAdapter> adapters, int vocabulary, int chunk_tokens)
      : runner_(runner),
        adapters_(adapters),
        vocabulary_(static_cast<size_t>(vocabulary)),
        chunk_tokens_(static_cast<size_t>(chunk_tokens)) {}

  // `count` more tokens in steps of at most a chunk; the next token after the last `wanted` of them, which lie in one step.
  Result<void> push(size_t count, size_t wanted) {
    tokens_.clear();
    // Any tokens do: the work does not depend on them. A fixed multiplicative walk avoids reading the same embedding row again and again.
    for (size_t i = 0; i < count; ++i) tokens_.push_back(static_cast<Token>((seen_ + i) * 7919 % vocabulary_));
    seen_ += count;
    for (size_t from = 0; from < count;) {
      const size_t step = std::min(chunk_tokens_, count - from);
      const size_t wanted_here = from + step == count ? std::min(wanted, step) : 0;
      const SliceTokens slice{.sequence = &sequence_,
                              .tokens = std::span(tokens_).subspan(from, step),
                              .first_wanted = step - wanted_here,
                              .need = {.greatest = 1},
                              .adapters = adapters_};
      if (!runner_.memory().reserve(sequence_, static_cast<int>(step))) return busy("cache: no room for {} more tokens", step);
      runner_.run({&slice, 1}, [](size_t, size_t, const Logits&) {});
      runner_.memory().commit(sequence_);
      from += step;
    }
    return {};
  }
  void restart() {
    runner_.memory().release(sequence_);
    seen_ = 0;
  }

 private:
  Runner& runner_;
  std::span<const AppliedAdapter> adapters_;
  size_t vocabulary_, chunk_tokens_, seen_ = 0;
  CachedSequence sequence_;
  std::vector<Token> tokens_;
};

}  // namespace

Result<MeasuredSpeed> measure_speed(const Model& model, ThreadPool& pool, const Workload& work, const EvaluateOptions& options) {
  const Dims& dims = model.formula->dims();
  const auto sizes = [&] {
    std::vector<int> all{work.prompt_tokens, work.generated_tokens};
    for (const int size : work.step_sizes) all.push_back(size * kStepRuns);
    return all;
  }();
  const int longest = work.depth + std::ranges::max(sizes);
  if (longest > dims.context) return too_long("{} tokens, the model's context is {}", longest, dims.context);
  const int chunk = std::max(options.chunk_tokens, work.step_sizes.empty() ? 1 : std::ranges::max(work.step_sizes));
  HB_TRY_ASSIGN(isa, options.isa ? Result<Isa>(*options.isa) : choose_isa());
  HB_TRY_ASSIGN(runner, Runner::create(model, pool,
                                       {.cache_tokens = longest,
                                        .chunk_tokens = chunk,
                                        .kv_types = options.kv_types,
                                        .activations = options.activations,
                                        .isa = isa,
                                        .adapter_rank = options.adapter_rank()}));
  MeasuredSpeed measured{
      .bytes_per_token = runner.program().bytes_per_token() + runner.bytes_cached_per_sequence(work.depth + work.generated_tokens / 2),
      .macs_per_token = runner.program().macs_per_token(),
      .weight_bytes = model.weights.bytes(),
      .kv_bytes = runner.bytes_cached_per_sequence(longest)};
  Feed feed(runner, options.adapters, dims.vocabulary, chunk);
  const auto timed = [&](size_t count, size_t wanted) -> Result<double> {
    const auto start = std::chrono::steady_clock::now();
    HB_TRY(feed.push(count, wanted));
    return seconds_since(start);
  };
  const auto depth = static_cast<size_t>(work.depth);

  if (work.prompt_tokens > 0) {
    HB_TRY(feed.push(depth, 0));
    HB_TRY_INTO(measured.prompt_seconds, timed(static_cast<size_t>(work.prompt_tokens), 1));
    feed.restart();
  }
  if (work.generated_tokens > 0) {
    HB_TRY(feed.push(depth, 0));
    const uint64_t barriers = pool.barriers();
    for (int i = 0; i < work.generated_tokens; ++i) {
      HB_TRY_ASSIGN(seconds, timed(1, 1));
      measured.generation_seconds += seconds;
    }
    measured.barriers_per_layer = static_cast<double>(pool.barriers() - barriers) / work.generated_tokens / dims.layers;
    feed.restart();
  }
  for (const int size : work.step_sizes) {
    HB_TRY(feed.push(depth, 0));
    std::vector<double> runs;
    for (int i = 0; i < kStepRuns; ++i) {
      HB_TRY_ASSIGN(seconds, timed(static_cast<size_t>(size), static_cast<size_t>(size)));
      runs.push_back(seconds);
    }
    std::ranges::nth_element(runs, runs.begin() + kStepRuns / 2);
    measured.step_seconds.push_back(runs[kStepRuns / 2]);
    feed.restart();
  }
  measured.warning = runner.warning();
  return measured;
}

}  // namespace halfbyte
