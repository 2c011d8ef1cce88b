// Leaves those at least this part as likely as the likeliest (Nguyen et al. 2024).
#include "sampling/steps/steps.h"

namespace halfbyte::steps {
namespace {

class MinP final : public SamplingStep {
 public:
  explicit MinP(float part) : part_(part) {}
  void ask(ChainNeed& need, int) const override {
    if (!need.has_selected) need.row = true;
    need.has_selected = true;
  }
  void apply(Candidates& candidates, const Draws&) override { candidates.keep_at_least(candidates.top() + std::log(part_)); }

 private:
  float part_;
};

}  // namespace

Step min_p(float part) { return std::make_unique<MinP>(part); }

}  // namespace halfbyte::steps
