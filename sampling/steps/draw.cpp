// The last step: takes the likeliest, or draws in proportion to probability at a temperature.
#include <algorithm>

#include "sampling/steps/steps.h"

namespace halfbyte::steps {
namespace {

class Greedy final : public SamplingStep {
 public:
  void ask(ChainNeed& need, int) const override {
    if (!need.has_selected) need.first = 1;
    need.has_selected = true;
  }
  void apply(Candidates& candidates, const Draws&) override { candidates.chosen = candidates.likeliest().token; }
};

class Draw final : public SamplingStep {
 public:
  explicit Draw(Temperature temperature) : temperature_(temperature) {}
  void ask(ChainNeed& need, int) const override {
    if (need.has_selected) return;
    need.row = true;
    if (temperature_.range == 0) need.sums_temperature = temperature_.value;
  }
  void apply(Candidates& candidates, const Draws& draws) override {
    const float temperature = temperature_of(temperature_, candidates);
    candidates.chosen = candidates.draw(draws(Draws::Use::kToken), temperature);
  }

 private:
  Temperature temperature_;
};

}  // namespace

Step greedy() { return std::make_unique<Greedy>(); }
Step draw(Temperature temperature) { return std::make_unique<Draw>(temperature); }

float temperature_of(const Temperature& temperature, Candidates& candidates) {
  if (temperature.range == 0) return temperature.value;
  const std::vector<Candidate>& all = candidates.list();
  if (all.size() < 2) return temperature.value;
  const auto [total, weighted] = candidates.weights();
  const double entropy = std::max(0.0, std::log(total) - weighted / total), most = std::log(static_cast<double>(all.size()));
  const double least = std::max(0.0, static_cast<double>(temperature.value) - static_cast<double>(temperature.range));
  const double greatest = static_cast<double>(temperature.value) + static_cast<double>(temperature.range);
  const double value = least + (greatest - least) * std::pow(entropy / most, static_cast<double>(temperature.exponent));
  return static_cast<float>(std::max(value, 1e-6));  // as good as greedy
}

}  // namespace halfbyte::steps
