// Leaves the k likeliest (Fan et al. 2018).
#include "sampling/steps/steps.h"

namespace halfbyte::steps {
namespace {

class TopK final : public SamplingStep {
 public:
  explicit TopK(size_t k) : k_(k) {}
  void ask(ChainNeed& need, int) const override {
    if (!need.has_selected) need.first = k_;
    need.has_selected = true;
  }
  void apply(Candidates& candidates, const Draws&) override { candidates.keep_first(k_); }

 private:
  size_t k_;
};

}  // namespace

Step top_k(size_t k) { return std::make_unique<TopK>(k); }

}  // namespace halfbyte::steps
