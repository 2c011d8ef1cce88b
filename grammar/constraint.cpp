#include "grammar/constraint.h"

#include <algorithm>
#include <new>
#include <utility>

#include "base/errors.h"
#include "base/white_space.h"

namespace halfbyte {
namespace {

void set(TokenSet& tokens, Token token, bool is_in) {
  const auto i = static_cast<size_t>(token);
  uint32_t& word = tokens.words()[i / 32];
  const uint32_t bit = uint32_t{1} << (i % 32);
  word = is_in ? word | bit : word & ~bit;
}

}  // namespace

Constraint::Constraint(GrammarState state, const Tokenizer& tokenizer, std::optional<ThinkingMarkers> thinking)
    : state_(std::move(state)), tokenizer_(tokenizer) {
  if (!thinking) return;
  opening_ = tokenizer.find(thinking->open);
  thinking_.emplace(std::move(*thinking), tokenizer);
}

Result<std::unique_ptr<Constraint>> Constraint::begin(const Grammar& grammar, const Tokenizer& tokenizer,
                                                      std::optional<ThinkingMarkers> thinking, std::span<const Token> forced_prefix) {
  HB_TRY_ASSIGN(state, grammar.begin());
  auto constraint = std::unique_ptr<Constraint>(new Constraint(std::move(state), tokenizer, std::move(thinking)));
  HB_TRY(constraint->begin_with(forced_prefix));
  return constraint;
}

Result<void> Constraint::begin_with(std::span<const Token> forced_prefix) {
  for (size_t i = 0; i < forced_prefix.size(); ++i) {
    HB_TRY_ASSIGN(words, allowed());
    const auto token = static_cast<size_t>(forced_prefix[i]);
    if (token / 32 >= words.size() || (words[token / 32] >> (token % 32) & 1) == 0)
      return invalid("forced_prefix: the grammar does not allow token {} at index {}", token, i);
    HB_TRY(accept(forced_prefix[i]));
    if (is_complete())
      return invalid("forced_prefix: the grammar's text is whole with token {} at index {}, and nothing may follow", token, i);
  }
  return {};
}

void Constraint::look_ahead() {
  if (allowed_ || is_complete()) return;
  try {
    allowed_ = next();
  } catch (const std::bad_alloc&) {
    allowed_ = out_of_memory();
  }
}

Result<std::span<const uint32_t>> Constraint::allowed() {
  look_ahead();
  if (!*allowed_) return allowed_->error();
  return std::as_const(**allowed_).words();
}

Result<TokenSet> Constraint::next() const {
  if (is_thinking()) return free_tokens();
  HB_TRY_ASSIGN(tokens, state_.mask());
  if (may_open()) set(tokens, *opening_, true);
  return tokens;
}

// Thinking does not end the reply, and no token has the closing marker's end and the answer's beginning in it.
TokenSet Constraint::free_tokens() const {
  const std::string_view close = thinking_->close();
  const std::string beginning(thinking_->begun_close());
  TokenSet tokens(tokenizer_.vocabulary_size());
  for (Token token = 0; token < tokenizer_.vocabulary_size(); ++token) {
    bool is_free = !tokenizer_.ends_generation(token);
    if (is_free && !beginning.empty()) {
      const std::string text = beginning + tokenizer_.piece(token, true);
      const size_t at = text.find(close);
      is_free = at == std::string::npos || trimmed(std::string_view(text).substr(at + close.size())).empty();
    }
    set(tokens, token, is_free);
  }
  return tokens;
}

Result<void> Constraint::accept(Token token) {
  allowed_.reset();
  if (is_thinking() || (may_open() && token == *opening_)) {
    thinking_->accept(token);
    return {};
  }
  if (tokenizer_.ends_generation(token)) {
    HB_TRY_INTO(has_ended_, state_.may_end());
    if (has_ended_) return {};
  }
  HB_TRY_ASSIGN(accepted, state_.accept(token));
  if (!accepted) return internal("grammar: token {} is not allowed and was chosen", token);
  ++grammar_tokens_;
  HB_TRY_INTO(is_whole_, state_.is_complete());
  return {};
}

Result<void> Constraint::rewind(int count) {
  allowed_.reset();
  if (has_ended_ && count > 0) {
    has_ended_ = false;
    --count;
  }
  const int of_grammar = std::min(count, grammar_tokens_);
  if (of_grammar > 0) {
    HB_TRY(state_.rewind(of_grammar));
    grammar_tokens_ -= of_grammar;
    is_whole_ = false;
  }
  if (count > of_grammar) thinking_->rewind(count - of_grammar);
  return {};
}

}  // namespace halfbyte
