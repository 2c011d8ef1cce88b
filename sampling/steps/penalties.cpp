// Makes seen tokens less likely (Keskar et al. 2019; frequency and presence as OpenAI defines them).
#include "sampling/steps/steps.h"

namespace halfbyte::steps {
namespace {

class Penalties final : public SamplingStep {
 public:
  Penalties(float repeat, float presence, float frequency, size_t window)
      : repeat_(repeat), presence_(presence), frequency_(frequency), window_(window) {}

  // A penalty moves the seen tokens alone, up or down: the first k are among the seen and the first k of the others, and those are among
  // the first k + seen of all.
  void ask(ChainNeed& need, int ahead) const override {
    need.moved += counts_.size() + static_cast<size_t>(ahead);
    need.row |= !counts_.empty() || ahead > 0;
  }

  void apply(Candidates& candidates, const Draws&) override {
    for (const auto& [token, count] : counts_) {
      float logit = candidates.logit(token);
      logit = logit > 0 ? logit / repeat_ : logit * repeat_;
      logit -= static_cast<float>(count) * frequency_ + presence_;
      candidates.move(token, logit);
    }
  }

  void accept(std::span<const Token> history) override {
    ++counts_[history.back()];
    if (history.size() <= window_) return;
    if (const auto oldest = counts_.find(history[history.size() - 1 - window_]); --oldest->second == 0) counts_.erase(oldest);
  }

  void rewind(std::span<const Token> history) override {
    counts_.clear();
    for (const Token token : history.last(std::min(window_, history.size()))) ++counts_[token];
  }

 private:
  float repeat_, presence_, frequency_;
  size_t window_;
  std::unordered_map<Token, int> counts_;  // of the last `window_` tokens
};

}  // namespace

Step penalties(float repeat, float presence, float frequency, size_t window) {
  return std::make_unique<Penalties>(repeat, presence, frequency, window);
}

}  // namespace halfbyte::steps
