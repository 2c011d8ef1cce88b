#include "measure/evaluate.h"

#include <algorithm>

#include "base/errors.h"
#include "engine/runner.h"

namespace halfbyte {
namespace {

// What is needed of the logits after each position >= first_wanted.
Result<void> run(const Model& model, ThreadPool& pool, std::span<const Token> tokens, const EvaluateOptions& options, size_t first_wanted,
                 const LogitsNeed& need, const std::function<void(size_t position, const Logits& logits)>& sink) {
  const Dims& dims = model.formula->dims();
  if (tokens.size() > static_cast<size_t>(dims.context))
    return too_long("{} tokens, the model's context is {}", tokens.size(), dims.context);
  const int length = static_cast<int>(tokens.size());
  HB_TRY_ASSIGN(isa, options.isa ? Result<Isa>(*options.isa) : choose_isa());
  HB_TRY_ASSIGN(runner, Runner::create(model, pool,
                                       {.cache_tokens = length,
                                        .chunk_tokens = std::min(options.chunk_tokens, length),
                                        .kv_types = options.kv_types,
                                        .activations = options.activations,
                                        .isa = isa,
                                        .adapter_rank = options.adapter_rank()}));
  CachedSequence sequence;
  std::optional<size_t> not_finite;
  for (size_t from = 0; from < tokens.size() && !not_finite;) {
    const size_t count = std::min<size_t>(static_cast<size_t>(options.chunk_tokens), tokens.size() - from);
    const SliceTokens slice{.sequence = &sequence,
                            .tokens = tokens.subspan(from, count),
                            .first_wanted = first_wanted > from ? first_wanted - from : 0,
                            .need = need,
                            .adapters = options.adapters};
    if (!runner.memory().reserve(sequence, static_cast<int>(count))) return busy("cache: no room for {} more tokens", count);
    runner.run({&slice, 1}, [&](size_t, size_t token, const Logits& logits) {
      if (not_finite) return;
      if (logits.not_finite)
        not_finite = from + token;
      else
        sink(from + token, logits);
    });
    runner.memory().commit(sequence);
    from += count;
  }
  if (not_finite) return numeric("{}: logits after token {} are not finite", model.path, *not_finite);
  if (const std::string warning = runner.warning(); options.warn && !warning.empty()) options.warn(warning);
  return {};
}

}  // namespace

int EvaluateOptions::adapter_rank() const {
  int rank = 0;
  for (const AppliedAdapter& applied : adapters) rank = std::max(rank, applied.adapter->rank);
  return rank;
}

Result<void> evaluate(const Model& model, ThreadPool& pool, std::span<const Token> tokens, const EvaluateOptions& options,
                      size_t first_wanted, const std::function<void(size_t position, std::span<const float> logits)>& sink) {
  HB_TRY(check_tokens("tokens", tokens, model.formula->dims().vocabulary));
  return run(model, pool, tokens, options, first_wanted, {.row = true},
             [&](size_t position, const Logits& logits) { sink(position, logits.row); });
}

Result<std::vector<double>> log_probabilities(const Model& model, ThreadPool& pool, std::span<const Token> tokens,
                                              const EvaluateOptions& options) {
  HB_TRY(check_tokens("tokens", tokens, model.formula->dims().vocabulary));
  std::vector<double> out;
  HB_TRY(run(model, pool, tokens.first(tokens.size() - 1), options, 0, {.log_sum_exp = true, .row = true},
             [&](size_t position, const Logits& logits) { out.push_back(log_probability(logits, tokens[position + 1])); }));
  return out;
}

}  // namespace halfbyte
