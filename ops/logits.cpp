#include "ops/logits.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace halfbyte {

void LogitsReduction::restart(int greatest) {
  greatest_ = static_cast<size_t>(greatest);
  candidates_.clear();
  not_finite_.reset();
}

void LogitsReduction::keep(const Candidate& candidate) {
  if (candidates_.size() == greatest_) {
    if (!is_before(candidate, candidates_.front())) return;
    std::ranges::pop_heap(candidates_, is_before);
    candidates_.pop_back();
  }
  candidates_.push_back(candidate);
  std::ranges::push_heap(candidates_, is_before);
}

void LogitsReduction::add(const KernelTable& kernels, std::span<const float> logits, Token first) {
  constexpr float kMost = std::numeric_limits<float>::max();
  const int n = static_cast<int>(logits.size());
  for (int i = 0; i < n && !not_finite_; ++i) {
    if (candidates_.size() == greatest_) {  // then nearly every logit is passed over by comparison with the last candidate
      i += kernels.first_outside(&logits[static_cast<size_t>(i)], n - i, -kMost, greatest_ > 0 ? candidates_.front().logit : kMost);
      if (i == n) break;
    }
    const Candidate candidate{logits[static_cast<size_t>(i)], first + i};
    if (std::isfinite(candidate.logit))
      keep(candidate);
    else
      not_finite_ = candidate.token;
  }
}

void LogitsReduction::add(const LogitsReduction& other) {
  for (const Candidate& candidate : other.candidates_) keep(candidate);
  if (other.not_finite_ && (!not_finite_ || *other.not_finite_ < *not_finite_)) not_finite_ = other.not_finite_;
}

float LogitsReduction::top() const {
  float top = -std::numeric_limits<float>::infinity();
  for (const Candidate& candidate : candidates_) top = std::max(top, candidate.logit);
  return top;
}

std::span<const Candidate> LogitsReduction::sort() {
  std::ranges::sort_heap(candidates_, is_before);
  return candidates_;
}

}  // namespace halfbyte
