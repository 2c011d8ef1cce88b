// What holds one reply to its grammar: the model may think first, freely.
#pragma once

#include <memory>
#include <optional>
#include <span>

#include "grammar/grammar.h"
#include "text/thinking.h"

namespace halfbyte {

// Not thread-safe. After an error it is of no more use.
class Constraint {
 public:
  // With `thinking` the reply may begin with the opening marker, where that is one token, or is in the middle of thinking; the grammar
  // begins behind the closing marker. `forced_prefix`: what the reply begins with; kInvalid: not allowed, or all that is allowed.
  // Requires: `tokenizer` outlives it.
  static Result<std::unique_ptr<Constraint>> begin(const Grammar& grammar, const Tokenizer& tokenizer,
                                                   std::optional<ThinkingMarkers> thinking, std::span<const Token> forced_prefix = {});

  // Computes allowed() before it is asked, on whatever thread has the time.
  void look_ahead();
  // The tokens that may come next, a bit each as in TokenSet. Requires: is_complete() is false.
  Result<std::span<const uint32_t>> allowed();
  // kInternal: the token was not among the allowed ones.
  Result<void> accept(Token token);
  Result<void> rewind(int count);  // takes back the last accepted tokens
  const Thinking* thinking() const { return thinking_ ? &*thinking_ : nullptr; }
  bool is_complete() const { return is_whole_ || has_ended_; }  // nothing may follow

 private:
  Constraint(GrammarState state, const Tokenizer& tokenizer, std::optional<ThinkingMarkers> thinking);
  bool is_thinking() const { return thinking_ && thinking_->is_inside(); }
  bool may_open() const { return opening_ && thinking_->is_at_beginning() && grammar_tokens_ == 0; }
  Result<void> begin_with(std::span<const Token> forced_prefix);
  Result<TokenSet> next() const;
  TokenSet free_tokens() const;

  mutable GrammarState state_;
  const Tokenizer& tokenizer_;
  std::optional<Thinking> thinking_;
  std::optional<Token> opening_;  // the token that begins thinking
  std::optional<Result<TokenSet>> allowed_;

  int grammar_tokens_ = 0;  // accepted; those of thinking before them are thinking_'s
  bool is_whole_ = false;   // so that nothing may follow
  bool has_ended_ = false;  // by a token that ends a reply
};

}  // namespace halfbyte
