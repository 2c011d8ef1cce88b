#include "engine/sequence.h"

#include <algorithm>

#include "base/errors.h"
#include "engine/adapters.h"

namespace halfbyte {

Sequence::Sequence(SequenceId number, Request asked, TokenSink events, const Tokenizer& tokenizer, int context,
                   std::unique_ptr<Constraint> held_to, std::vector<AppliedAdapter> adapted)
    : id(number),
      context_tokens(context),
      request(std::move(asked)),
      sink(std::move(events)),
      adapters(std::move(adapted)),
      prefix_owner(owner_of_prefixes(request.principal, adapters)),
      tokens(request.prompt),
      forced(request.forced_prefix.size()),
      sampler(request.sampling, context,
              [&tokenizer](Token token) { return tokenizer.piece(token).find_first_of(kDryBreakers) != std::string::npos; }),
      constraint(std::move(held_to)),
      detokenizer(tokenizer, request.shows_control_tokens),
      stop_scanner(request.stop),
      tokenizer_(tokenizer) {
  tokens.insert(tokens.end(), request.forced_prefix.begin(), request.forced_prefix.end());
  const auto make_room = [&] {
    if (request.keep_tokens && is_full()) slide(context - std::max(1, context / 4));
  };
  make_room();
  for (const Token token : tokens) sampler.accept(token);
  if (request.min_tokens > 0) {
    std::vector<Token> ends = request.stop_tokens;
    ends.insert(ends.end(), tokenizer.end_tokens().begin(), tokenizer.end_tokens().end());
    sampler.hold_off(std::move(ends), tokens.size() - forced + static_cast<size_t>(request.min_tokens));
  }
  if (request.repetition_detection) repetition_detector.emplace(*request.repetition_detection);
  has_budget = request.thinking && request.thinking_budget;
  if (!has_budget) return;
  if (constraint == nullptr) {
    thinking.emplace(*request.thinking, tokenizer);
    for (const Token token : request.forced_prefix) thinking->accept(token);
  }
  if (!has_thought_enough()) return;
  end_thinking();
  make_room();
}

std::vector<std::unique_ptr<Sequence>> sequences_of(const Request& request, RequestId id, const TokenSink& events,
                                                    const Tokenizer& tokenizer, int context_tokens,
                                                    std::vector<std::unique_ptr<Constraint>> constraints,
                                                    const std::vector<AppliedAdapter>& adapters) {
  std::vector<std::unique_ptr<Sequence>> all;
  std::shared_ptr<BeamGroup> group;
  if (request.beam_search) group = std::make_shared<BeamGroup>(BeamGroup{.beams = Beams(request, tokenizer)});
  const int count = group != nullptr ? request.beam_search->width : request.choices;
  for (int choice = 0; choice < count; ++choice) {
    Request one = request;
    if (choice > 0) one.sampling.seed = one.sampling.seed.value_or(0) + static_cast<uint64_t>(choice);
    Sequence& sequence = *all.emplace_back(std::make_unique<Sequence>(
        id + static_cast<uint64_t>(choice), std::move(one), choice < request.choices ? events : nullptr, tokenizer, context_tokens,
        constraints.empty() ? nullptr : std::move(constraints[static_cast<size_t>(choice)]), adapters));
    sequence.request_id = id;
    sequence.choice = choice;
    sequence.beam_group = group;
    if (group != nullptr) group->sequences.push_back(&sequence);
  }
  if (group != nullptr) group->holders.assign(1, all.front().get());
  return all;
}

void Sequence::slide(int left) {
  const int kept = std::clamp(*request.keep_tokens, 0, std::max(0, left - 1 - static_cast<int>(forced)));
  const int gone = static_cast<int>(tokens.size()) - left;
  tokens.erase(tokens.begin() + kept, tokens.begin() + kept + gone);
  usage.dropped_tokens += gone;
  drafter = {};
}

int Sequence::most_guesses() const {
  if (beam_group != nullptr) return 0;
  return std::max(0, std::min({DraftLength::kMost, request.max_tokens - usage.completion_tokens - static_cast<int>(forced) - 1,
                               context_tokens - static_cast<int>(tokens.size()) - 1}));
}

int Sequence::first_wanted() const {
  if (std::holds_alternative<Scoring>(given)) return static_cast<int>(request.prompt.size()) - 1;
  if (const auto* embedding = std::get_if<Embedding>(&given)) return embedding->pooling == Pooling::kLast ? known() - 1 : 0;
  if (tells_prompt()) return prompt_told_;
  return known() - 1 - (request.logprobs ? static_cast<int>(forced) : 0);
}

LogitsNeed Sequence::beam_need() const {
  return {.greatest = std::max(Beams::looks_at(request, tokenizer_), request.logprobs.value_or(0)), .log_sum_exp = true};
}

LogitsNeed Sequence::need() const {
  if (std::holds_alternative<Scoring>(given)) return {.log_sum_exp = true, .row = true};
  if (std::holds_alternative<Embedding>(given)) return {.hidden = true};
  LogitsNeed need = beam_group == nullptr ? sampler.need(static_cast<int>(draft.tokens.size()), constraint != nullptr) : beam_need();
  const int likeliest =
      std::max(beam_group == nullptr ? request.logprobs.value_or(-1) : -1, tells_prompt() ? *request.prompt_logprobs : -1);
  if (likeliest >= 0) {
    need.log_sum_exp = need.row = true;
    need.greatest = std::max(need.greatest, likeliest);
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
    else if (index + 1 < tokens.size())
      tell_known(logits, index);
    else if (beam_group != nullptr)
      consider(logits, index);
    else
      choose(logits, index);
  } catch (const std::bad_alloc&) {
    failure = out_of_memory();
  }
}

void Sequence::tell_known(const Logits& logits, size_t index) {
  const Token next = tokens[index + 1];
  if (logits.not_finite) {
    failure = numeric("token {}: the logit of token id {} is not finite", index + 1, *logits.not_finite);
    return;
  }
  if (tells_prompt() && static_cast<int>(index) == prompt_told_) {
    untold_prompt.push_back(told(logits, next, *request.prompt_logprobs));
    ++prompt_told_;
  }
  // Of the forced ones: one may come again after a preemption.
  if (request.logprobs && index + 1 == tokens.size() - forced + probabilities.size())
    probabilities.push_back(told(logits, next, *request.logprobs));
}

void Sequence::choose(const Logits& logits, size_t index) {
  const size_t guesses = index + 1 - tokens.size();  // before this row
  if (is_whole() || has_thought_enough() || chosen.size() != guesses || (guesses > 0 && chosen.back() != draft.tokens[guesses - 1])) return;
  const Result<Token> token = sampled(logits, index + 1 + static_cast<size_t>(usage.dropped_tokens));
  if (!token) {
    failure = token.error();
    return;
  }
  chosen.push_back(*token);
  if (request.logprobs) probabilities.push_back(told(logits, *token, *request.logprobs));
  sampler.accept(*token);
  if (thinking) thinking->accept(*token);
}

void Sequence::consider(const Logits& logits, size_t index) {
  if (logits.not_finite) {
    failure = numeric("token {}: the logit of token id {} is not finite", index + 1, *logits.not_finite);
    return;
  }
  continuations = Continuations{{logits.greatest.begin(), logits.greatest.end()}, logits.log_sum_exp};
}

ReplyToken Sequence::told(const Logits& logits, Token token, int likeliest) const {
  ReplyToken told{.chosen = {token, log_probability(logits, token)}};
  for (const Candidate& c : logits.greatest.first(std::min(logits.greatest.size(), static_cast<size_t>(likeliest))))
    told.likeliest.push_back({c.token, log_probability(logits, c.token)});
  return told;
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

std::optional<FinishReason> Sequence::extend_reply(std::string& text) {
  std::optional<FinishReason> ends;
  if (request.max_tokens == 0) ends = FinishReason::kLength;
  const size_t first = tokens.size() - std::exchange(forced, 0), known = tokens.size();
  tokens.insert(tokens.end(), chosen.begin(), chosen.end());
  for (size_t i = first; i < tokens.size() && !ends; ++i) {
    if (request.logprobs) {
      cumulative_logprob += probabilities[i - first].chosen.log_probability;
      untold.push_back(std::move(probabilities[i - first]));
    }
    ends = join(tokens[i], text, i >= known && i + 1 == tokens.size());
  }
  chosen.clear();
  probabilities.clear();
  if (ends) text += remainder();  // behind a stop string there is none
  if (!ends && has_thought_enough()) end_thinking();
  return ends;
}

// A token becomes part of the reply.
std::optional<FinishReason> Sequence::join(Token token, std::string& text, bool is_last) {
  ++usage.completion_tokens;
  const bool is_end = (!request.ignore_eos || is_whole()) && tokenizer_.ends_generation(token);
  if (is_end || std::ranges::find(request.stop_tokens, token) != request.stop_tokens.end()) {
    if (request.logprobs) untold.pop_back();
    return is_end ? FinishReason::kEnd : FinishReason::kStop;
  }
  text += stop_scanner.push(detokenizer.push(token));
  if (stop_scanner.found()) return FinishReason::kStop;
  if (is_whole() && is_last) return FinishReason::kEnd;
  if (repetition_detector && repetition_detector->accept(token)) return FinishReason::kRepetition;
  if (usage.completion_tokens >= request.max_tokens) return FinishReason::kLength;
  return {};
}

bool Sequence::has_thought_enough() const {
  if (!has_budget) return false;
  const Thinking* thought = constraint != nullptr ? constraint->thinking() : &*thinking;
  return thought->is_inside() && thought->tokens() >= *request.thinking_budget;
}

// What is missing of the closing marker follows, as if it had been chosen.
void Sequence::end_thinking() {
  has_budget = false;
  const Thinking& thought = constraint != nullptr ? *constraint->thinking() : *thinking;
  std::vector<Token> close = tokenizer_.encode(std::string_view(thought.close()).substr(thought.begun_close().size()));
  // No more than the reply has room for: it ends within the marker then. A context that slides keeps all that is forced.
  int room = std::max(0, request.max_tokens - usage.completion_tokens - static_cast<int>(forced));
  if (request.keep_tokens) room = std::min(room, context_tokens / 8);
  close.resize(std::min(close.size(), static_cast<size_t>(room)));
  for (const Token token : close) {
    sampler.accept(token);
    if (constraint == nullptr) continue;
    if (const auto accepted = constraint->accept(token); !accepted) failure = accepted.error();
  }
  tokens.insert(tokens.end(), close.begin(), close.end());
  forced += close.size();
}

std::string Sequence::remainder() {
  std::string text = stop_scanner.push(detokenizer.finish());
  return text + stop_scanner.finish();
}

}  // namespace halfbyte
