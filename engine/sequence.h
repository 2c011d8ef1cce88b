// What one request knows while it is answered.
#pragma once

#include <chrono>
#include <optional>
#include <variant>

#include "engine/draft_length.h"
#include "engine/drafter.h"
#include "engine/runner.h"
#include "engine/scheduler.h"
#include "engine/stop_scanner.h"
#include "grammar/constraint.h"
#include "halfbyte/engine.h"
#include "sampling/sampler.h"
#include "text/tokenizer.h"

namespace halfbyte {

// What is asked of given tokens instead of a reply to them. The vectors are the asker's.
struct Scoring {
  std::vector<double>* log_probabilities;  // of each token after the prompt
};
struct Embedding {
  Pooling pooling;
  std::vector<double>* sum;  // of the states of the tokens that count
};
using Given = std::variant<std::monostate, Scoring, Embedding>;

struct Sequence {
  Sequence(SequenceId number, Request asked, TokenSink events, const Tokenizer& tokenizer, int context_tokens);

  bool is_given() const { return given.index() != 0; }
  // Tokens that are to be computed before something is sampled or what is asked is complete: nothing follows a scored last token.
  int known() const { return static_cast<int>(tokens.size()) - (std::holds_alternative<Scoring>(given) ? 1 : 0); }
  int first_wanted() const;  // index of the first token whose logits are wanted, of the known ones
  LogitsNeed need() const;
  // The logits after the token at `index`: chooses the next one, or takes what is asked of given ones. Behind the last known token a row counts
  // while every guess before it was what the sampler chose. So guesses change no reply: the token of a position is drawn with its own
  // random number, and a right guess is one that equals it.
  void look(const Logits& logits, size_t index);
  int most_guesses() const;  // that may be checked behind the last token
  bool is_full() const { return static_cast<int>(tokens.size()) >= context_tokens; }
  // Lets tokens behind the first Request::keep_tokens go until `left` remain. What is cached of them is another sequence's then.
  void slide(int left);
  bool is_whole() const { return constraint != nullptr && constraint->is_complete(); }  // nothing may follow what was chosen
  std::string remainder();                                                              // of the text, when no token comes any more

  SequenceId id;
  RequestId request_id = id;          // that of the first choice
  int choice = 0;                     // of the request
  std::vector<SequenceId> followers;  // the other choices: they begin when the prompt is computed, and share its pages
  int context_tokens;
  Request request;
  TokenSink sink;
  std::vector<Token> tokens;  // prompt, then reply or what is scored
  Given given;                // set: nothing is generated
  CachedSequence cache;
  Drafter drafter;
  DraftLength draft_length, model_draft_length;
  Draft draft;               // checked in this step
  std::vector<Token> ahead;  // the last known token and the guesses behind it
  Sampler sampler;
  std::unique_ptr<Constraint> constraint;  // null: the reply is free
  Detokenizer detokenizer;
  StopScanner stop_scanner;
  Usage usage;
  std::optional<std::chrono::steady_clock::time_point> deadline;
  std::chrono::steady_clock::time_point submitted;
  std::optional<std::chrono::steady_clock::time_point> started, answered, latest;  // first step, first token, the latest one

  // What a step leaves, to be published after it.
  bool has_looked = false;  // ever
  std::vector<Token> chosen;
  std::vector<ReplyToken> probabilities;  // with Request::logprobs: of each chosen one
  std::optional<Error> failure;

  std::vector<ReplyToken> untold;  // for the next event

  bool has_ended = false;  // its last event is out

 private:
  void choose(const Logits& logits, size_t index);
  Result<Token> sampled(const Logits& logits, size_t position);
  void take(const Scoring& scoring, const Logits& logits, size_t index);
  void take(const Embedding& embedding, const Logits& logits, size_t index);
};

}  // namespace halfbyte
