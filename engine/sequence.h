// What one request knows while it is answered.
#pragma once

#include <chrono>
#include <optional>

#include "engine/runner.h"
#include "engine/sampler.h"
#include "engine/scheduler.h"
#include "engine/stop_scanner.h"
#include "text/tokenizer.h"

namespace halfbyte {

struct Sequence {
  Sequence(SequenceId number, Request asked, TokenSink events, const Tokenizer& tokenizer, int context_tokens)
      : id(number),
        request(std::move(asked)),
        sink(std::move(events)),
        tokens(request.prompt),
        sampler(request.sampling, context_tokens),
        detokenizer(tokenizer, request.shows_control_tokens),
        stop_scanner(request.stop) {
    for (const Token token : tokens) sampler.accept(token);
  }

  bool is_scored() const { return scores != nullptr; }
  // Tokens that are to be computed before something is sampled or the scores are complete: nothing follows a scored last token.
  int known() const { return static_cast<int>(tokens.size()) - (is_scored() ? 1 : 0); }
  // Index of the first token whose logits are wanted, of the known ones.
  int first_wanted() const { return is_scored() ? static_cast<int>(request.prompt.size()) - 1 : known() - 1; }
  LogitsNeed need() const { return is_scored() ? LogitsNeed{.log_sum_exp = true, .row = true} : sampler.need(); }

  SequenceId id;
  Request request;
  TokenSink sink;
  std::vector<Token> tokens;  // prompt, then reply or what is scored
  std::vector<double>* scores =
      nullptr;  // set: nothing is generated; the tokens after the prompt are given, their log-probabilities go here
  CachedSequence cache;
  Sampler sampler;
  Detokenizer detokenizer;
  StopScanner stop_scanner;
  Usage usage;
  std::optional<std::chrono::steady_clock::time_point> started, answered;  // first step, first token
  bool has_ended = false;                                                  // its last event is out
};

}  // namespace halfbyte
