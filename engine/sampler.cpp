#include "engine/sampler.h"

#include <algorithm>
#include <cmath>

#include "base/errors.h"

namespace halfbyte {
namespace {

Result<void> check_range(const char* name, double value, double least, double greatest) {
  if (!(value >= least && value <= greatest)) return invalid("{}: {} is outside {} to {}", name, value, least, greatest);
  return {};
}

uint64_t mixed(uint64_t x) {
  x += 0x9e3779b97f4a7c15U;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9U;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebU;
  return x ^ (x >> 31);
}

}  // namespace

Result<void> check(const SamplingOptions& o) {
  HB_TRY(check_range("temperature", o.temperature, 0, 100));
  HB_TRY(check_range("top_k", o.top_k, 0, 1 << 30));
  HB_TRY(check_range("top_p", o.top_p, 0, 1));
  HB_TRY(check_range("min_p", o.min_p, 0, 1));
  HB_TRY(check_range("repeat_penalty", o.repeat_penalty, 0.01, 100));
  HB_TRY(check_range("presence_penalty", o.presence_penalty, -100, 100));
  HB_TRY(check_range("frequency_penalty", o.frequency_penalty, -100, 100));
  HB_TRY(check_range("repeat_window", o.repeat_window, -1, 1 << 30));
  return {};
}

double uniform_at(uint64_t seed, uint64_t position) { return static_cast<double>(mixed(mixed(seed) ^ mixed(~position)) >> 11) * 0x1p-53; }

Sampler::Sampler(const SamplingOptions& options, int context_tokens, const KernelTable& kernels)
    : options_(options),
      kernels_(&kernels),
      window_(static_cast<size_t>(options.repeat_window < 0 ? context_tokens : options.repeat_window)) {}

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

// Leaves in logits_ the logits with seen tokens made less likely (Keskar et al. 2019; frequency and presence as OpenAI defines them).
void Sampler::penalize() {
  if (counts_.empty()) return;
  penalized_.assign(logits_.begin(), logits_.end());
  for (const auto& [token, count] : counts_) {
    float& logit = penalized_[static_cast<size_t>(token)];
    logit = logit > 0 ? logit / options_.repeat_penalty : logit * options_.repeat_penalty;
    logit -= static_cast<float>(count) * options_.frequency_penalty + options_.presence_penalty;
  }
  logits_ = penalized_;
}

// Leaves the k greatest in candidates_, in order.
void Sampler::keep_top_k() {
  const auto before = [](const Candidate& a, const Candidate& b) { return a.logit != b.logit ? a.logit > b.logit : a.token < b.token; };
  const size_t k = options_.top_k == 0 ? logits_.size() : std::min(static_cast<size_t>(options_.top_k), logits_.size());
  candidates_.clear();
  if (k == logits_.size()) {
    for (size_t i = 0; i < logits_.size(); ++i) candidates_.push_back({logits_[i], static_cast<Token>(i)});
    std::ranges::sort(candidates_, before);
    return;
  }
  // A heap whose front is the worst kept: nearly every logit is passed over by comparison with it alone.
  const int n = static_cast<int>(logits_.size());
  for (int i = 0; i < n; ++i) {
    if (candidates_.size() == k) {
      i += kernels_->first_greater(&logits_[static_cast<size_t>(i)], n - i, candidates_.front().logit);
      if (i == n) break;
      std::ranges::pop_heap(candidates_, before);
      candidates_.pop_back();
    }
    candidates_.push_back({logits_[static_cast<size_t>(i)], i});
    std::ranges::push_heap(candidates_, before);
  }
  std::ranges::sort_heap(candidates_, before);
}

// Leaves the fewest whose probabilities reach top_p together (Holtzman et al. 2020); at least one.
void Sampler::keep_top_p() {
  if (options_.top_p >= 1) return;
  const float top = candidates_.front().logit;
  double total = 0;
  for (const Candidate& c : candidates_) total += std::exp(static_cast<double>(c.logit - top));
  double sum = 0;
  size_t kept = 0;
  while (kept < candidates_.size() && (kept == 0 || sum < options_.top_p * total))
    sum += std::exp(static_cast<double>(candidates_[kept++].logit - top));
  candidates_.resize(kept);
}

// Leaves those at least min_p times as likely as the likeliest.
void Sampler::keep_min_p() {
  if (options_.min_p <= 0) return;
  const float least = candidates_.front().logit + std::log(options_.min_p);
  while (candidates_.back().logit < least && candidates_.size() > 1) candidates_.pop_back();
}

Token Sampler::draw(double uniform) const {
  const float top = candidates_.front().logit;
  const auto weight = [&](const Candidate& c) { return std::exp(static_cast<double>(c.logit - top) / options_.temperature); };
  double total = 0;
  for (const Candidate& c : candidates_) total += weight(c);
  double left = uniform * total;
  for (const Candidate& c : candidates_) {
    left -= weight(c);
    if (left < 0) return c.token;
  }
  return candidates_.back().token;
}

Result<Token> Sampler::sample(std::span<const float> logits, uint64_t position) {
  const int n = static_cast<int>(logits.size());
  if (const int bad = kernels_->first_not_finite(logits.data(), n); bad < n)
    return numeric("token {}: the logit of token id {} is not finite", position, bad);
  logits_ = logits;
  penalize();
  if (options_.temperature == 0) return kernels_->argmax(logits_.data(), n);
  keep_top_k();
  keep_top_p();
  keep_min_p();
  return draw(uniform_at(options_.seed, position));
}

}  // namespace halfbyte
