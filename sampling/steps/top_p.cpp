// Leaves the fewest that have this part of the probability together: the nucleus (Holtzman et al. 2020).
#include "sampling/steps/steps.h"

namespace halfbyte::steps {
namespace {

class TopP final : public SamplingStep {
 public:
  explicit TopP(float part) : part_(part) {}
  void ask(ChainNeed& need, int) const override {
    if (!need.has_selected) need.row = true, need.sums_temperature = 1;
    need.has_selected = true;
  }
  void apply(Candidates& candidates, const Draws&) override { candidates.keep_mass(static_cast<double>(part_)); }

 private:
  float part_;
};

}  // namespace

Step top_p(float part) { return std::make_unique<TopP>(part); }

}  // namespace halfbyte::steps
