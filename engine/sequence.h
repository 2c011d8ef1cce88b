// What one request knows while it is answered.
#pragma once

#include <chrono>
#include <optional>
#include <variant>

#include "engine/beams.h"
#include "engine/draft_length.h"
#include "engine/drafter.h"
#include "engine/repetition_detector.h"
#include "engine/runner.h"
#include "engine/scheduler.h"
#include "engine/stop_scanner.h"
#include "grammar/constraint.h"
#include "halfbyte/engine.h"
#include "sampling/sampler.h"
#include "text/thinking.h"
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

struct Sequence;

// Sequences that search together: each holds one beginning, in its tokens and its cache, or waits for one.
struct BeamGroup {
  Beams beams;
  std::vector<Sequence*> sequences, holders;  // all; those of beams.live()
};

// The sequences that answer a request: one for each choice, or for each beam; the first has the request's id, the others those after it.
// `constraints`: one for each, or none. `adapters`: Request::adapters.
std::vector<std::unique_ptr<Sequence>> sequences_of(const Request& request, RequestId id, const TokenSink& events,
                                                    const Tokenizer& tokenizer, int context_tokens,
                                                    std::vector<std::unique_ptr<Constraint>> constraints,
                                                    const std::vector<AppliedAdapter>& adapters);

struct Sequence {
  // `held_to`: has accepted the forced prefix; null: the reply is free.
  Sequence(SequenceId number, Request asked, TokenSink events, const Tokenizer& tokenizer, int context_tokens,
           std::unique_ptr<Constraint> held_to = nullptr, std::vector<AppliedAdapter> adapted = {});

  bool is_given() const { return given.index() != 0; }
  // Tokens that are to be computed before something is sampled or what is asked is complete: nothing follows a scored last token.
  int known() const { return static_cast<int>(tokens.size()) - (std::holds_alternative<Scoring>(given) ? 1 : 0); }
  int first_wanted() const;  // index of the first token whose logits are wanted, of the known ones
  LogitsNeed need() const;
  // The logits after the token at `index`: chooses the next one, or takes what is asked of known ones. Behind the last known token a row counts
  // while every guess before it was what the sampler chose. So guesses change no reply: the token of a position is drawn with its own
  // random number, and a right guess is one that equals it.
  void look(const Logits& logits, size_t index);
  int most_guesses() const;  // that may be checked behind the last token
  // After a step that chose tokens: they follow the forced ones that were computed with it, and all become part of the reply, as far as it
  // goes. Adds what of the text may leave. Returns why the reply ends.
  std::optional<FinishReason> extend_reply(std::string& text);
  bool is_full() const { return static_cast<int>(tokens.size()) >= context_tokens; }
  // Lets tokens behind the first Request::keep_tokens go until `left` remain, forced ones among them. What is cached of them is another sequence's then.
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
  std::vector<AppliedAdapter> adapters;  // Request::adapters
  std::string prefix_owner;              // whose cached prefixes it shares
  std::vector<Token> tokens;             // prompt, then reply or what is scored
  size_t forced = 0;                     // so many last ones are not yet part of the reply, and will be
  Given given;                           // set: nothing is generated
  CachedSequence cache;
  Drafter drafter;
  DraftLength draft_length, model_draft_length;
  Draft draft;               // checked in this step
  std::vector<Token> ahead;  // the last known token and the guesses behind it
  Sampler sampler;
  std::unique_ptr<Constraint> constraint;  // null: the reply is free
  std::shared_ptr<BeamGroup> beam_group;   // null: none; else nothing is sampled, and the sink may be none
  std::optional<Continuations> continuations;
  std::optional<Thinking> thinking;  // with Request::thinking_budget, where no constraint knows
  bool has_budget = false;           // of thinking, which is not used up
  Detokenizer detokenizer;
  StopScanner stop_scanner;
  std::optional<RepetitionDetector> repetition_detector;
  Usage usage;
  std::optional<std::chrono::steady_clock::time_point> deadline;
  std::chrono::steady_clock::time_point submitted;
  std::optional<std::chrono::steady_clock::time_point> started, answered, latest;  // first step, first token, the latest one

  // What a step leaves, to be published after it.
  bool has_looked = false;  // ever
  std::vector<Token> chosen;
  std::vector<ReplyToken> probabilities;  // with Request::logprobs: of each forced one, then of each chosen one
  std::optional<Error> failure;

  std::vector<ReplyToken> untold, untold_prompt;  // for the next event
  double cumulative_logprob = 0;                  // with Request::logprobs: of the reply

  bool has_ended = false;  // its last event is out

 private:
  const Tokenizer& tokenizer_;
  int prompt_told_ = 0;  // tokens of the prompt whose log-probabilities are known

  bool tells_prompt() const { return request.prompt_logprobs && choice == 0 && prompt_told_ + 1 < static_cast<int>(request.prompt.size()); }
  LogitsNeed beam_need() const;
  bool has_thought_enough() const;
  void end_thinking();
  ReplyToken told(const Logits& logits, Token token, int likeliest) const;
  void tell_known(const Logits& logits, size_t index);
  std::optional<FinishReason> join(Token token, std::string& text, bool is_last);
  void choose(const Logits& logits, size_t index);
  void consider(const Logits& logits, size_t index);
  Result<Token> sampled(const Logits& logits, size_t position);
  void take(const Scoring& scoring, const Logits& logits, size_t index);
  void take(const Embedding& embedding, const Logits& logits, size_t index);
};

}  // namespace halfbyte
