// Draws tokens whose probabilities are near a target, over time (llama.cpp pull 17927): the farther the mean of the chosen ones is off, the
// farther on the other side is what is looked for now. Weights fall with the distance: quadratic near by, then linear.
#include <algorithm>

#include "sampling/steps/steps.h"

namespace halfbyte::steps {
namespace {

constexpr double kWidth = 0.3, kPeak = 5, kSharpness = 10;

class AdaptiveP final : public SamplingStep {
 public:
  AdaptiveP(float target, float decay, Temperature temperature)
      : target_(static_cast<double>(target)), decay_(std::min(static_cast<double>(decay), 0.99)), temperature_(temperature) {}

  void ask(ChainNeed& need, int) const override { need.row |= !need.has_selected; }

  void apply(Candidates& candidates, const Draws& draws) override {
    const auto temperature = static_cast<double>(temperature_of(temperature_, candidates));
    std::vector<Candidate>& all = candidates.list();
    const auto top = static_cast<double>(candidates.top());
    const auto weight = [&](float logit) { return std::exp((static_cast<double>(logit) - top) / temperature); };
    double total = 0;
    for (const Candidate& c : all) total += weight(c.logit);
    const double wanted = std::clamp(2 * target_ - mean(), 0.0, 1.0);
    const std::vector<Candidate> before = all;
    for (Candidate& c : all) {
      const double distance = std::abs(weight(c.logit) / total - wanted) / kWidth;
      c.logit = static_cast<float>(kPeak - kSharpness * distance * distance / (1 + distance));
    }
    const Token token = candidates.draw(draws(Draws::Use::kToken), 1);
    const auto chosen = std::ranges::find(before, token, &Candidate::token);
    pending_ = {token, weight(chosen->logit) / total + decay_ * sum()};
    candidates.chosen = token;
  }

  void accept(std::span<const Token> history) override {
    if (pending_ && pending_->token == history.back()) sums_.push_back({history.size(), pending_->sum});
    pending_.reset();
  }
  void rewind(std::span<const Token> history) override {
    while (!sums_.empty() && sums_.back().tokens > history.size()) sums_.pop_back();
    pending_.reset();
  }

 private:
  // As if the target had been met for ever: the sum of decaying weights is then constant.
  double sum() const { return sums_.empty() ? target_ / (1 - decay_) : sums_.back().sum; }
  double mean() const { return sum() * (1 - decay_); }

  struct Sum {
    size_t tokens;  // accepted when it came
    double sum;     // of the chosen tokens' probabilities, decayed
  };
  struct Pending {
    Token token;
    double sum;
  };
  double target_, decay_;
  Temperature temperature_;
  std::vector<Sum> sums_;
  std::optional<Pending> pending_;
};

}  // namespace

Step adaptive_p(float target, float decay, Temperature temperature) { return std::make_unique<AdaptiveP>(target, decay, temperature); }

}  // namespace halfbyte::steps
