#include "sampling/sampler.h"

#include <algorithm>

#include "base/errors.h"
#include "sampling/steps/steps.h"

namespace halfbyte {
namespace {

constexpr size_t kMostGreatest = 1024;  // beyond, to choose among all of them costs no more
constexpr size_t kSpare = 32;           // of the greatest, for those that may not come

using Chain = std::vector<std::unique_ptr<SamplingStep>>;

Chain moving_steps(const SamplingOptions& o, int context_tokens, std::function<bool(Token)> ends_repetition) {
  Chain chain;
  const auto window = [&](int tokens) { return static_cast<size_t>(tokens < 0 ? context_tokens : tokens); };
  if (!o.logit_bias.empty()) chain.push_back(steps::logit_bias(o.logit_bias));
  const bool has_penalty = *o.repeat_penalty != 1 || *o.presence_penalty != 0 || *o.frequency_penalty != 0;
  if (has_penalty && *o.repeat_window != 0)
    chain.push_back(steps::penalties(*o.repeat_penalty, *o.presence_penalty, *o.frequency_penalty, window(*o.repeat_window)));
  if (*o.dry_multiplier != 0 && *o.dry_penalty_last_n != 0)
    chain.push_back(steps::dry({.multiplier = *o.dry_multiplier,
                                .base = *o.dry_base,
                                .allowed_length = static_cast<size_t>(*o.dry_allowed_length),
                                .window = window(*o.dry_penalty_last_n),
                                .is_breaker = std::move(ends_repetition)}));
  return chain;
}

Chain selecting_steps(const SamplingOptions& o) {
  Chain chain;
  if (!o.allowed_tokens.empty()) chain.push_back(steps::only(o.allowed_tokens));
  if (*o.temperature == 0) {
    chain.push_back(steps::greedy());
    return chain;
  }
  if (*o.mirostat != 0) {
    chain.push_back(steps::mirostat(*o.mirostat, *o.temperature, *o.mirostat_tau, *o.mirostat_eta));
    return chain;
  }
  if (*o.top_n_sigma > 0) chain.push_back(steps::top_n_sigma(*o.top_n_sigma));
  if (*o.top_k > 0) chain.push_back(steps::top_k(static_cast<size_t>(*o.top_k)));
  if (*o.typical_p < 1) chain.push_back(steps::typical(*o.typical_p));
  if (*o.top_p < 1) chain.push_back(steps::top_p(*o.top_p));
  if (*o.min_p > 0) chain.push_back(steps::min_p(*o.min_p));
  if (*o.xtc_probability > 0) chain.push_back(steps::xtc(*o.xtc_probability, *o.xtc_threshold));
  const steps::Temperature temperature{.value = *o.temperature, .range = *o.dynatemp_range, .exponent = *o.dynatemp_exponent};
  chain.push_back(*o.adaptive_target >= 0 ? steps::adaptive_p(*o.adaptive_target, *o.adaptive_decay, temperature)
                                          : steps::draw(temperature));
  return chain;
}

}  // namespace

Sampler::Sampler(const SamplingOptions& options, int context_tokens, std::function<bool(Token)> ends_repetition) {
  const SamplingOptions all = with_defaults(options);
  seed_ = *all.seed;
  if (!ends_repetition) ends_repetition = [](Token) { return false; };
  chain_ = moving_steps(all, context_tokens, std::move(ends_repetition));
  moving_ = chain_.size();
  for (auto& step : selecting_steps(all)) chain_.push_back(std::move(step));
}

void Sampler::hold_off(std::vector<Token> tokens, size_t until) {
  chain_.insert(chain_.begin(), steps::hold_off(std::move(tokens), until));
  chain_.front()->rewind(history_);
  ++moving_;
}

void Sampler::accept(Token token) {
  history_.push_back(token);
  for (const auto& step : chain_) step->accept(history_);
}

void Sampler::rewind(size_t count) {
  history_.resize(history_.size() - count);
  for (const auto& step : chain_) step->rewind(history_);
}

ChainNeed Sampler::asked(int ahead) const {
  ChainNeed asked;
  for (const auto& step : chain_) step->ask(asked, ahead);
  return asked;
}

LogitsNeed Sampler::need(int ahead, bool is_filtered) const {
  const ChainNeed asked = this->asked(ahead);
  const size_t greatest = asked.first + asked.moved, spare = is_filtered ? kSpare : 0;
  if (asked.first > 0 && greatest <= kMostGreatest)
    return {.greatest = static_cast<int>(greatest + spare), .row = asked.row || is_filtered};
  return {.greatest = static_cast<int>(1 + spare), .row = true, .draw_temperature = asked.first > 0 ? 0 : asked.sums_temperature};
}

Result<Token> Sampler::sample(const Logits& logits, uint64_t position, std::span<const uint32_t> allowed) {
  if (logits.not_finite) return numeric("token {}: the logit of token id {} is not finite", position, *logits.not_finite);
  const ChainNeed asked = this->asked(0);
  const auto may_come = [&](const Candidate& c) {
    const auto token = static_cast<size_t>(c.token);
    return allowed.empty() || (token / 32 < allowed.size() && (allowed[token / 32] >> (token % 32) & 1) != 0);
  };
  const auto greatest = static_cast<size_t>(std::ranges::count_if(logits.greatest, may_come));
  const bool is_enough = asked.first > 0 && greatest >= std::min(asked.first + asked.moved, logits.row.size());
  const bool has_sums = !logits.block_sums.empty();
  candidates_.begin(logits, !is_enough && !logits.row.empty(), has_sums ? asked.sums_temperature : 0, allowed);
  for (size_t i = 0; i < chain_.size(); ++i) {
    if (i >= moving_ && candidates_.is_empty()) return numeric("token {}: no token may follow", position);
    chain_[i]->apply(candidates_, {.seed = seed_, .position = position});
  }
  return *candidates_.chosen;
}

}  // namespace halfbyte
