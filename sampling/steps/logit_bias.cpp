// Moves logits of given tokens by given amounts, and leaves given tokens alone or out.
#include "sampling/steps/steps.h"

namespace halfbyte::steps {
namespace {

constexpr float kNever = -std::numeric_limits<float>::infinity();

class LogitBias final : public SamplingStep {
 public:
  explicit LogitBias(std::vector<TokenBias> biases) : biases_(std::move(biases)) {}
  void ask(ChainNeed& need, int) const override {
    need.moved += biases_.size();
    need.row = true;
  }
  void apply(Candidates& candidates, const Draws&) override {
    for (const TokenBias& each : biases_) candidates.move(each.token, candidates.logit(each.token) + each.bias);
  }

 private:
  std::vector<TokenBias> biases_;
};

class HoldOff final : public SamplingStep {
 public:
  HoldOff(std::vector<Token> tokens, size_t until) : tokens_(std::move(tokens)), until_(until) {}
  void ask(ChainNeed& need, int) const override {
    if (accepted_ < until_) need.moved += tokens_.size();
  }
  void apply(Candidates& candidates, const Draws&) override {
    if (accepted_ >= until_) return;
    for (const Token token : tokens_) candidates.move(token, kNever);
  }
  void accept(std::span<const Token> history) override { accepted_ = history.size(); }
  void rewind(std::span<const Token> history) override { accepted_ = history.size(); }

 private:
  std::vector<Token> tokens_;
  size_t until_, accepted_ = 0;
};

class Only final : public SamplingStep {
 public:
  explicit Only(std::vector<Token> tokens) : tokens_(std::move(tokens)) {}
  void ask(ChainNeed& need, int) const override { need.row = need.has_selected = true; }
  void apply(Candidates& candidates, const Draws&) override { candidates.keep_only(tokens_); }

 private:
  std::vector<Token> tokens_;
};

}  // namespace

Step logit_bias(std::vector<TokenBias> biases) { return std::make_unique<LogitBias>(std::move(biases)); }
Step hold_off(std::vector<Token> tokens, size_t until) { return std::make_unique<HoldOff>(std::move(tokens), until); }
Step only(std::vector<Token> tokens) { return std::make_unique<Only>(std::move(tokens)); }

}  // namespace halfbyte::steps
