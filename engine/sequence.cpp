#include "engine/sequence.h"

#include "base/errors.h"

namespace halfbyte {

Sequence::Sequence(SequenceId number, Request asked, TokenSink events, const Tokenizer& tokenizer, int context_tokens)
    : id(number),
      request(std::move(asked)),
      sink(std::move(events)),
      tokens(request.prompt),
      sampler(request.sampling, context_tokens),
      detokenizer(tokenizer, request.shows_control_tokens),
      stop_scanner(request.stop) {
  for (const Token token : tokens) sampler.accept(token);
}

void Sequence::look(const Logits& logits, size_t index) {
  has_looked = true;
  if (failure) return;
  try {  // this is among the step's threads, which must all come to its end
    if (!is_scored()) {
      const size_t guesses = index + 1 - tokens.size();  // before this row
      if (chosen.size() != guesses || (guesses > 0 && chosen.back() != draft.tokens[guesses - 1])) return;
      const Result<Token> token = sampler.sample(logits, index + 1);
      if (!token) {
        failure = token.error();
        return;
      }
      chosen.push_back(*token);
      sampler.accept(*token);
    } else if (logits.not_finite)
      failure = numeric("token {}: the logit of token id {} is not finite", index + 1, *logits.not_finite);
    else
      (*scores)[index + 1 - request.prompt.size()] = log_probability(logits, tokens[index + 1]);
  } catch (const std::bad_alloc&) {
    failure = out_of_memory();
  }
}

std::string Sequence::remainder() {
  std::string text = stop_scanner.push(detokenizer.finish());
  return text + stop_scanner.finish();
}

}  // namespace halfbyte
