#include "engine/sequence.h"

#include <algorithm>

#include "base/errors.h"

namespace halfbyte {

Sequence::Sequence(SequenceId number, Request asked, TokenSink events, const Tokenizer& tokenizer, int context)
    : id(number),
      context_tokens(context),
      request(std::move(asked)),
      sink(std::move(events)),
      tokens(request.prompt),
      sampler(request.sampling, context,
              [&tokenizer](Token token) { return tokenizer.piece(token).find_first_of(kDryBreakers) != std::string::npos; }),
      detokenizer(tokenizer, request.shows_control_tokens),
      stop_scanner(request.stop) {
  if (request.keep_tokens && is_full()) slide(context - std::max(1, context / 4));
  for (const Token token : tokens) sampler.accept(token);
  if (request.min_tokens > 0) {
    const std::span<const Token> ends = tokenizer.end_tokens();
    sampler.hold_off({ends.begin(), ends.end()}, tokens.size() + static_cast<size_t>(request.min_tokens));
  }
}

void Sequence::slide(int left) {
  const int kept = std::clamp(*request.keep_tokens, 0, left - 1);
  const int gone = static_cast<int>(tokens.size()) - left;
  tokens.erase(tokens.begin() + kept, tokens.begin() + kept + gone);
  usage.dropped_tokens += gone;
  drafter = {};
}

int Sequence::most_guesses() const {
  return std::max(0, std::min({DraftLength::kMost, request.max_tokens - usage.completion_tokens - 1,
                               context_tokens - static_cast<int>(tokens.size()) - 1}));
}

int Sequence::first_wanted() const {
  if (std::holds_alternative<Scoring>(given)) return static_cast<int>(request.prompt.size()) - 1;
  const auto* embedding = std::get_if<Embedding>(&given);
  return embedding == nullptr || embedding->pooling == Pooling::kLast ? known() - 1 : 0;
}

LogitsNeed Sequence::need() const {
  if (std::holds_alternative<Scoring>(given)) return {.log_sum_exp = true, .row = true};
  if (std::holds_alternative<Embedding>(given)) return {.hidden = true};
  LogitsNeed need = sampler.need(static_cast<int>(draft.tokens.size()));
  if (request.logprobs) {
    need.log_sum_exp = need.row = true;
    need.greatest = std::max(need.greatest, *request.logprobs);
  }
  if (constraint != nullptr) {
    need.row = true;
    need.draw_temperature = 0;
  }
  return need;
}

void Sequence::look(const Logits& logits, size_t index) {
  has_looked = true;
  if (failure) return;
  try {  // this is among the step's threads, which must all come to its end
    if (const auto* scoring = std::get_if<Scoring>(&given))
      take(*scoring, logits, index);
    else if (const auto* embedding = std::get_if<Embedding>(&given))
      take(*embedding, logits, index);
    else
      choose(logits, index);
  } catch (const std::bad_alloc&) {
    failure = out_of_memory();
  }
}

void Sequence::choose(const Logits& logits, size_t index) {
  const size_t guesses = index + 1 - tokens.size();  // before this row
  if (is_whole() || chosen.size() != guesses || (guesses > 0 && chosen.back() != draft.tokens[guesses - 1])) return;
  const Result<Token> token = sampled(logits, index + 1 + static_cast<size_t>(usage.dropped_tokens));
  if (!token) {
    failure = token.error();
    return;
  }
  chosen.push_back(*token);
  if (request.logprobs) {
    ReplyToken told{.chosen = {*token, log_probability(logits, *token)}};
    for (const Candidate& c : logits.greatest.first(std::min(logits.greatest.size(), static_cast<size_t>(*request.logprobs))))
      told.likeliest.push_back({c.token, log_probability(logits, c.token)});
    probabilities.push_back(std::move(told));
  }
  sampler.accept(*token);
}

Result<Token> Sequence::sampled(const Logits& logits, size_t position) {
  if (constraint == nullptr) return sampler.sample(logits, position);
  HB_TRY_ASSIGN(allowed, constraint->allowed());
  HB_TRY_ASSIGN(token, sampler.sample(logits, position, allowed));
  HB_TRY(constraint->accept(token));
  return token;
}

void Sequence::take(const Scoring& scoring, const Logits& logits, size_t index) {
  if (logits.not_finite)
    failure = numeric("token {}: the logit of token id {} is not finite", index + 1, *logits.not_finite);
  else
    (*scoring.log_probabilities)[index + 1 - request.prompt.size()] = log_probability(logits, tokens[index + 1]);
}

void Sequence::take(const Embedding& embedding, const Logits& logits, size_t index) {
  if (logits.not_finite) {
    failure = numeric("token {}: the state after it is not finite", index);
    return;
  }
  if (embedding.pooling == Pooling::kFirst && index > 0) return;
  std::vector<double>& sum = *embedding.sum;
  if (sum.empty()) sum.resize(logits.hidden.size());
  for (size_t i = 0; i < sum.size(); ++i) sum[i] += static_cast<double>(logits.hidden[i]);
}

std::string Sequence::remainder() {
  std::string text = stop_scanner.push(detokenizer.finish());
  return text + stop_scanner.finish();
}

}  // namespace halfbyte
