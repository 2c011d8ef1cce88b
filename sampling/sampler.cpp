#include "sampling/sampler.h"

#include <algorithm>
#include <cmath>

#include "base/errors.h"

namespace halfbyte {
namespace {

uint64_t mixed(uint64_t x) {
  x += 0x9e3779b97f4a7c15U;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9U;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebU;
  return x ^ (x >> 31);
}

}  // namespace

double uniform_at(uint64_t seed, uint64_t position) { return static_cast<double>(mixed(mixed(seed) ^ mixed(~position)) >> 11) * 0x1p-53; }

Sampler::Sampler(const SamplingOptions& options, int context_tokens)
    : options_(with_defaults(options)),
      window_(static_cast<size_t>(*options_.repeat_window < 0 ? context_tokens : *options_.repeat_window)) {}

bool Sampler::has_penalties() const {
  return options_.repeat_penalty != 1.0F || options_.presence_penalty != 0.0F || options_.frequency_penalty != 0.0F;
}

void Sampler::accept(Token token) {
  if (!has_penalties() || window_ == 0) return;
  recent_.push_back(token);
  ++counts_[token];
  if (recent_.size() <= window_) return;
  if (const auto oldest = counts_.find(recent_.front()); --oldest->second == 0) counts_.erase(oldest);
  recent_.pop_front();
}

// A penalty moves the seen tokens alone, up or down: the first k are among the seen and the first k of the others, and those are among the
// first k + seen of all.
LogitsNeed Sampler::need(int ahead) const {
  constexpr size_t kMost = 1024;  // beyond, to choose among all of them costs no more
  const size_t seen = has_penalties() && window_ > 0 ? counts_.size() + static_cast<size_t>(ahead) : 0;
  const size_t greatest = top_k() + seen;
  if (top_k() == 0 || greatest > kMost) return {.row = true};
  return {.greatest = static_cast<int>(greatest), .row = seen > 0};
}

// Makes seen tokens less likely (Keskar et al. 2019; frequency and presence as OpenAI defines them).
void Sampler::penalize(std::span<const float> row) {
  if (counts_.empty()) return;
  std::erase_if(candidates_, [&](const Candidate& c) { return counts_.contains(c.token); });
  for (const auto& [token, count] : counts_) {
    float logit = row[static_cast<size_t>(token)];
    logit = logit > 0 ? logit / *options_.repeat_penalty : logit * *options_.repeat_penalty;
    logit -= static_cast<float>(count) * *options_.frequency_penalty + *options_.presence_penalty;
    candidates_.push_back({logit, token});
  }
}

// Leaves the first k, in order.
void Sampler::keep_top_k() {
  if (top_k() == 0 || top_k() >= candidates_.size()) {
    std::ranges::sort(candidates_, is_before);
    return;
  }
  std::ranges::partial_sort(candidates_, candidates_.begin() + static_cast<std::ptrdiff_t>(top_k()), is_before);
  candidates_.resize(top_k());
}

// Leaves the fewest whose probabilities reach top_p together (Holtzman et al. 2020); at least one.
void Sampler::keep_top_p() {
  if (*options_.top_p >= 1) return;
  const float top = candidates_.front().logit;
  double total = 0;
  for (const Candidate& c : candidates_) total += std::exp(static_cast<double>(c.logit - top));
  double sum = 0;
  size_t kept = 0;
  while (kept < candidates_.size() && (kept == 0 || sum < *options_.top_p * total))
    sum += std::exp(static_cast<double>(candidates_[kept++].logit - top));
  candidates_.resize(kept);
}

// Leaves those at least min_p times as likely as the likeliest.
void Sampler::keep_min_p() {
  if (*options_.min_p <= 0) return;
  const float least = candidates_.front().logit + std::log(*options_.min_p);
  while (candidates_.back().logit < least && candidates_.size() > 1) candidates_.pop_back();
}

Token Sampler::draw(double uniform) const {
  const float top = candidates_.front().logit;
  const auto weight = [&](const Candidate& c) { return std::exp(static_cast<double>(c.logit - top) / *options_.temperature); };
  double total = 0;
  for (const Candidate& c : candidates_) total += weight(c);
  double left = uniform * total;
  for (const Candidate& c : candidates_) {
    left -= weight(c);
    if (left < 0) return c.token;
  }
  return candidates_.back().token;
}

Result<Token> Sampler::sample(const Logits& logits, uint64_t position) {
  if (logits.not_finite) return numeric("token {}: the logit of token id {} is not finite", position, *logits.not_finite);
  candidates_.assign(logits.greatest.begin(), logits.greatest.end());
  if (candidates_.empty())
    for (const float logit : logits.row) candidates_.push_back({logit, static_cast<Token>(candidates_.size())});
  penalize(logits.row);
  keep_top_k();
  if (options_.temperature == 0) return candidates_.front().token;
  keep_top_p();
  keep_min_p();
  return draw(uniform_at(*options_.seed, position));
}

}  // namespace halfbyte
