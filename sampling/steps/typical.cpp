// Leaves the fewest that have this part of the probability together, those first whose surprise is nearest to the expected one, which is
// the entropy (Meister et al. 2022).
#include <algorithm>

#include "sampling/steps/steps.h"

namespace halfbyte::steps {
namespace {

class Typical final : public SamplingStep {
 public:
  explicit Typical(float part) : part_(part) {}
  void ask(ChainNeed& need, int) const override {
    if (!need.has_selected) need.row = true;
    need.has_selected = true;
  }

  void apply(Candidates& candidates, const Draws&) override {
    std::vector<Candidate>& all = candidates.list();
    const auto top = static_cast<double>(candidates.top());
    const auto [total, weighted] = candidates.weights();
    // Surprise minus entropy: log total - shifted - (log total - weighted / total).
    const double expected = weighted / total;
    const auto oddity = [&](const Candidate& c) { return std::abs(static_cast<double>(c.logit) - top - expected); };
    const auto before = [&](const Candidate& a, const Candidate& b) {
      const double x = oddity(a), y = oddity(b);
      return x != y ? x < y : is_before(a, b);
    };
    const auto weight = [&](const Candidate& c) { return std::exp(static_cast<double>(c.logit) - top); };
    const double reached = std::nextafter(static_cast<double>(part_) * total, std::numeric_limits<double>::infinity());
    all.resize(first_to_reach(std::span(all), reached, weight, before));
  }

 private:
  float part_;
};

}  // namespace

Step typical(float part) { return std::make_unique<Typical>(part); }

}  // namespace halfbyte::steps
