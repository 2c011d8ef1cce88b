// Don't repeat yourself (p-e-w 2024): where the last tokens stand earlier in the window too, the token that followed there would make the
// repetition longer, and loses multiplier * base ^ (its length - allowed).
#include <algorithm>

#include "sampling/steps/steps.h"

namespace halfbyte::steps {
namespace {

class Dry final : public SamplingStep {
 public:
  explicit Dry(DryOptions options) : options_(std::move(options)) {}

  void ask(ChainNeed& need, int ahead) const override {
    // With guesses ahead any token of the window may end a repetition by then.
    need.moved += ahead > 0 ? window().size() + static_cast<size_t>(ahead) : repeats_.size();
    need.row |= ahead > 0 || !repeats_.empty();
  }

  void apply(Candidates& candidates, const Draws&) override {
    const double most = std::log(std::numeric_limits<float>::max()) / std::log(std::max(1.000001, static_cast<double>(options_.base)));
    for (const auto& [token, length] : repeats_) {
      if (std::isinf(candidates.logit(token))) continue;  // ruled out
      const double exponent = std::min(static_cast<double>(length - options_.allowed_length), most);
      const double penalty = static_cast<double>(options_.multiplier) * std::pow(static_cast<double>(options_.base), exponent);
      const double logit = static_cast<double>(candidates.logit(token)) - penalty;
      candidates.move(token, static_cast<float>(std::max(logit, -static_cast<double>(std::numeric_limits<float>::max()))));
    }
  }

  void accept(std::span<const Token> history) override {
    is_breaker_.push_back(options_.is_breaker(history.back()));
    history_ = history;
    find_repeats();
  }
  void rewind(std::span<const Token> history) override {
    is_breaker_.resize(history.size());
    history_ = history;
    find_repeats();
  }

 private:
  std::span<const Token> window() const { return history_.last(std::min(options_.window, history_.size())); }

  // The longest repetition that each token would continue. Lengths by the Z algorithm (Gusfield 1997) over the reversed window.
  void find_repeats() {
    repeats_.clear();
    const std::span<const Token> seen = window();
    const size_t n = seen.size();
    size_t limit = 0;  // no repetition reaches over a breaker
    while (limit < n && !is_breaker_[history_.size() - 1 - limit]) ++limit;
    if (limit < options_.allowed_length) return;
    const auto back = [&](size_t i) { return seen[n - 1 - i]; };
    lengths_.assign(n, 0);
    for (size_t i = 1, left = 0, right = 0; i < n; ++i) {
      size_t length = i < right ? std::min(right - i, lengths_[i - left]) : 0;
      while (i + length < n && back(length) == back(i + length)) ++length;
      lengths_[i] = length;
      if (i + length > right) left = i, right = i + length;
      const size_t repeat = std::min(length, limit);
      const Token next = back(i - 1);
      if (repeat < options_.allowed_length || is_breaker_[history_.size() - i]) continue;
      size_t& longest = repeats_[next];
      longest = std::max(longest, repeat);
    }
  }

  DryOptions options_;
  std::span<const Token> history_;
  std::vector<bool> is_breaker_;  // by token of the history
  std::vector<size_t> lengths_;
  std::unordered_map<Token, size_t> repeats_;
};

}  // namespace

Step dry(DryOptions options) { return std::make_unique<Dry>(std::move(options)); }

}  // namespace halfbyte::steps
