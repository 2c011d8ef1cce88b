// Leaves those within n standard deviations of the greatest logit, mean and deviation being those of all logits (Tang et al. 2024).
#include <algorithm>

#include "sampling/steps/steps.h"

namespace halfbyte::steps {
namespace {

class TopNSigma final : public SamplingStep {
 public:
  explicit TopNSigma(float n) : n_(n) {}
  // With a top-k behind, the first k that are left are among the first k.
  void ask(ChainNeed& need, int) const override { need.row = true; }

  void apply(Candidates& candidates, const Draws&) override {
    const auto& moved = candidates.moved();
    double count = 0, sum = 0, squares = 0;
    const auto add = [&](float logit) {
      if (std::isinf(logit)) return;
      count += 1;
      sum += static_cast<double>(logit);
      squares += static_cast<double>(logit) * static_cast<double>(logit);
    };
    for (Token token = 0; const float logit : candidates.row()) {
      if (moved.empty() || !moved.contains(token)) add(logit);
      ++token;
    }
    std::vector<float> sorted;  // a sum must not depend on the order of a hash table
    for (const auto& [token, logit] : moved) sorted.push_back(logit);
    std::ranges::sort(sorted);
    for (const float logit : sorted) add(logit);
    const double mean = sum / count, deviation = std::sqrt(std::max(0.0, squares / count - mean * mean));
    candidates.keep_at_least(static_cast<float>(static_cast<double>(candidates.top()) - static_cast<double>(n_) * deviation));
  }

 private:
  float n_;
};

}  // namespace

Step top_n_sigma(float n) { return std::make_unique<TopNSigma>(n); }

}  // namespace halfbyte::steps
