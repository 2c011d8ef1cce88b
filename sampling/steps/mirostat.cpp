// Keeps the surprise of the chosen tokens near tau (Basu et al. 2021). What has come so far sets how surprising a token may be: mu, which
// begins at 2 tau and moves by eta times what a token's surprise was off. Version 1 makes of it a number of candidates, by the slope of
// their probabilities as Zipf's law has it; version 2 leaves out what is more surprising.
#include <algorithm>

#include "sampling/steps/steps.h"

namespace halfbyte::steps {
namespace {

class Mirostat final : public SamplingStep {
 public:
  Mirostat(int version, float temperature, float tau, float eta)
      : version_(version), temperature_(static_cast<double>(temperature)), tau_(static_cast<double>(tau)), eta_(static_cast<double>(eta)) {}

  void ask(ChainNeed& need, int) const override { need.row |= !need.has_selected; }

  void apply(Candidates& candidates, const Draws& draws) override {
    std::vector<Candidate>& all = candidates.list();
    const auto top = static_cast<double>(candidates.top());
    const auto weight = [&](const Candidate& c) { return std::exp((static_cast<double>(c.logit) - top) / temperature_); };
    double total = 0;
    for (const Candidate& c : all) total += weight(c);
    if (version_ == 1) {
      candidates.keep_first(by_zipf(all));
    } else {  // surprise log2(total / weight) of at most mu
      const double most = mu();
      const Candidate first = candidates.likeliest();
      std::erase_if(all, [&](const Candidate& c) { return std::log2(total / weight(c)) > most; });
      if (all.empty()) all.push_back(first);
    }
    total = 0;
    for (const Candidate& c : all) total += weight(c);
    const Token token = candidates.draw(draws(Draws::Use::kToken), static_cast<float>(temperature_));
    const auto chosen = std::ranges::find(all, token, &Candidate::token);
    pending_ = {token, mu() - eta_ * (std::log2(total / weight(*chosen)) - tau_)};
    candidates.chosen = token;
  }

  void accept(std::span<const Token> history) override {
    if (pending_ && pending_->token == history.back()) mus_.push_back({history.size(), pending_->mu});
    pending_.reset();
  }
  void rewind(std::span<const Token> history) override {
    while (!mus_.empty() && mus_.back().tokens > history.size()) mus_.pop_back();
    pending_.reset();
  }

 private:
  double mu() const { return mus_.empty() ? 2 * tau_ : mus_.back().mu; }

  size_t by_zipf(std::vector<Candidate>& all) const {
    constexpr size_t kLooked = 100;  // as the paper has it
    const size_t looked = std::min(kLooked, all.size());
    const auto n = static_cast<double>(all.size());
    std::ranges::partial_sort(all, all.begin() + static_cast<std::ptrdiff_t>(looked), is_before);
    double products = 0, squares = 0;
    for (size_t i = 0; i + 1 < looked; ++i) {
      const double t = std::log(static_cast<double>(i + 2) / static_cast<double>(i + 1));
      const double b = (static_cast<double>(all[i].logit) - static_cast<double>(all[i + 1].logit)) / temperature_;
      products += t * b;
      squares += t * t;
    }
    if (squares == 0 || products == 0) return all.size();
    const double slope = products / squares, epsilon = slope - 1;
    const double k = std::pow(epsilon * std::pow(2.0, mu()) / (1 - std::pow(n, -epsilon)), 1 / slope);
    return std::isfinite(k) ? static_cast<size_t>(std::clamp(k, 1.0, n)) : all.size();
  }

  struct Mu {
    size_t tokens;  // accepted when it came
    double mu;
  };
  struct Pending {
    Token token;
    double mu;  // when this token is accepted
  };
  int version_;
  double temperature_, tau_, eta_;
  std::vector<Mu> mus_;
  std::optional<Pending> pending_;
};

}  // namespace

Step mirostat(int version, float temperature, float tau, float eta) { return std::make_unique<Mirostat>(version, temperature, tau, eta); }

}  // namespace halfbyte::steps
