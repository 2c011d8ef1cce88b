// Beam search over the replies to one prompt: which beginnings go on, which are whole. Log-probabilities in, decisions out; no cache, no model.
#pragma once

#include <list>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/stop_scanner.h"
#include "halfbyte/engine.h"
#include "ops/logits.h"
#include "text/tokenizer.h"

namespace halfbyte {

// What may follow a beginning: its first candidates, in order.
struct Continuations {
  std::vector<Candidate> first;
  double log_sum_exp = 0;
};

class Beams {
 public:
  // The beginning of a reply, or a whole one.
  struct Beam {
    std::vector<ReplyToken> tokens;
    double sum = 0;                        // of their log-probabilities
    std::optional<FinishReason> finished;  // whole
    bool ends_with_token = false;          // its last one, which is not shown
    std::string text;                      // what may leave
    Detokenizer detokenizer;
    StopScanner stop_scanner;
  };

  // Requires: request.beam_search; the tokenizer outlives it.
  Beams(const Request& request, const Tokenizer& tokenizer);

  // So many first candidates of each live beam are to be known.
  static int looks_at(const Request& request, const Tokenizer& tokenizer);
  // A step: `after` has what may follow each of live(). Returns for each that is live then which one it goes on from.
  std::vector<size_t> advance(std::span<const Continuations* const> after);
  const std::vector<Beam>& live() const { return live_; }  // the likeliest first; at the beginning an empty one
  bool is_done() const { return live_.empty(); }
  // The replies, the best first: whole ones, and live ones as they are, which end so by `reason`.
  std::vector<Beam> best(FinishReason reason) &&;

 private:
  std::optional<FinishReason> end_by(Token token) const;
  Beam extended(const Beam& beam, const Candidate& next, const Continuations& after, double sum) const;
  double score(const Beam& beam) const;
  void keep(Beam whole);
  bool has_found_enough() const;

  BeamSearch rule_;
  int max_tokens_, min_tokens_, likeliest_;
  bool ignores_ends_;
  std::vector<Token> stop_tokens_;
  size_t width_, considered_;
  const Tokenizer& tokenizer_;
  std::vector<Beam> live_;
  std::list<Beam> whole_;  // the best first, at most width_
};

}  // namespace halfbyte
