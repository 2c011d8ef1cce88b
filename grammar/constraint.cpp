#include "grammar/constraint.h"

#include <algorithm>
#include <new>
#include <utility>

#include "base/errors.h"
#include "base/white_space.h"
#include "text/possible_beginning.h"

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
    : state_(std::move(state)), tokenizer_(tokenizer), thinking_(std::move(thinking)) {
  if (thinking_ && !thinking_->has_begun) opening_ = tokenizer.find(thinking_->open);
}

Result<std::unique_ptr<Constraint>> Constraint::begin(const Grammar& grammar, const Tokenizer& tokenizer,
                                                      std::optional<ThinkingMarkers> thinking) {
  HB_TRY_ASSIGN(state, grammar.begin());
  return std::unique_ptr<Constraint>(new Constraint(std::move(state), tokenizer, std::move(thinking)));
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
  if (opening_ && !has_opened_ && grammar_tokens_ == 0) set(tokens, *opening_, true);
  return tokens;
}

// Thinking does not end the reply, and no token has the closing marker's end and the answer's beginning in it.
TokenSet Constraint::free_tokens() const {
  const std::string_view close = thinking_->close;
  const std::string beginning = thought_.substr(thought_.size() - possible_beginning(thought_, close));
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
  if (is_thinking()) {
    const size_t before = thought_.size();
    thought_before_.push_back(before);
    thought_ += tokenizer_.piece(token, true);
    has_closed_ = thought_.find(thinking_->close, before - std::min(before, thinking_->close.size() - 1)) != std::string::npos;
    return {};
  }
  if (opening_ == token && !has_opened_ && grammar_tokens_ == 0) {
    has_opened_ = true;
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
  for (int left = count - of_grammar; left > 0; --left) {
    has_closed_ = false;
    if (thought_before_.empty()) {
      has_opened_ = false;
      continue;
    }
    thought_.resize(thought_before_.back());
    thought_before_.pop_back();
  }
  return {};
}

}  // namespace halfbyte
