// Exclude top choices (p-e-w 2024): now and then, of the tokens that have at least the threshold's probability all but the least likely go.
#include <algorithm>

#include "sampling/steps/steps.h"

namespace halfbyte::steps {
namespace {

class Xtc final : public SamplingStep {
 public:
  Xtc(float probability, float threshold) : probability_(probability), threshold_(threshold) {}
  void ask(ChainNeed& need, int) const override {
    if (!need.has_selected) need.row = true;
    need.has_selected = true;
  }

  void apply(Candidates& candidates, const Draws& draws) override {
    if (draws(Draws::Use::kExclusion) > static_cast<double>(probability_)) return;
    std::vector<Candidate>& all = candidates.list();
    const auto top = static_cast<double>(candidates.top());
    const auto weight = [&](const Candidate& c) { return std::exp(static_cast<double>(c.logit) - top); };
    double total = 0;
    for (const Candidate& c : all) total += weight(c);
    const auto is_likely = [&](const Candidate& c) { return weight(c) >= static_cast<double>(threshold_) * total; };
    const Candidate* last = nullptr;  // of the likely ones
    for (const Candidate& c : all)
      if (is_likely(c) && (last == nullptr || is_before(*last, c))) last = &c;
    if (last == nullptr) return;
    const Candidate kept = *last;
    std::erase_if(all, [&](const Candidate& c) { return is_before(c, kept); });
  }

 private:
  float probability_, threshold_;
};

}  // namespace

Step xtc(float probability, float threshold) { return std::make_unique<Xtc>(probability, threshold); }

}  // namespace halfbyte::steps
