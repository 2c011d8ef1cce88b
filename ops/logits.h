// What is wanted of a row of logits, and what the head delivers of it. Every thread reduces the logits of its own panels as it computes
// them, while they are in its cache; nobody scans the whole row.
#pragma once

#include <algorithm>
#include <limits>
#include <optional>
#include <span>
#include <vector>

#include "halfbyte/token.h"
#include "kernels/kernels.h"

namespace halfbyte {

constexpr int kVocabularyBlock = 256;  // logits whose exponentials make one partial sum; these are added in ascending order

struct Candidate {
  float logit;
  Token token;
  friend bool operator==(const Candidate&, const Candidate&) = default;
};
// The greatest logit first, ties by id. No two candidates are equal, so the first k of a row are the same however they were gathered.
constexpr bool is_before(const Candidate& a, const Candidate& b) { return a.logit != b.logit ? a.logit > b.logit : a.token < b.token; }

struct LogitsNeed {
  int greatest = 0;            // so many first candidates; 1: the arg-max
  bool log_sum_exp = false;    // what turns a logit into a log-probability
  bool row = false;            // every logit
  bool hidden = false;         // what the vocabulary matrix is multiplied by: the state behind the last norm
  float draw_temperature = 0;  // not 0: sums of exp((logit - the greatest) / it), by block: what draws a token
  // Nothing asked is whether all are finite.
  bool asks_logits() const { return !hidden || greatest > 0 || log_sum_exp || row || draw_temperature != 0; }
};

struct Logits {
  std::optional<Token> not_finite;      // the lowest id whose logit is not finite, 0 for a hidden state; then nothing else is here
  std::span<const Candidate> greatest;  // in order
  double log_sum_exp = 0;
  std::span<const float> row;  // by id
  std::span<const float> hidden;
  std::span<const float> block_sums;
  const KernelTable* kernels = nullptr;  // that made them
};

// What a block sum has the exponentials of.
inline float logit_factor(float temperature) { return std::min(1 / temperature, std::numeric_limits<float>::max()); }
inline float scaled_logit(float logit, float greatest, float temperature) { return (logit - greatest) * logit_factor(temperature); }

// The natural logarithm of a token's probability. Requires: log_sum_exp and row were needed, and all logits are finite.
inline double log_probability(const Logits& logits, Token token) {
  return static_cast<double>(logits.row[static_cast<size_t>(token)]) - logits.log_sum_exp;
}

// The first candidates of a row, and whether all its logits are finite, from one part of the row after the other.
class LogitsReduction {
 public:
  void reserve(int greatest) { candidates_.reserve(static_cast<size_t>(greatest)); }  // then restart() and add() ask for no memory
  void restart(int greatest);
  // Logits of the tokens `first`, first + 1, ... Requires: all of them come after those that were added before.
  void add(const KernelTable& kernels, std::span<const float> logits, Token first);
  void add(const LogitsReduction& other);  // Requires: of other tokens
  std::optional<Token> not_finite() const { return not_finite_; }
  float top() const;                  // the greatest logit, when a candidate was asked for; -infinity before the first
  std::span<const Candidate> sort();  // the candidates, in order. Requires: restart() comes next

 private:
  void keep(const Candidate& candidate);

  size_t greatest_ = 0;
  std::vector<Candidate> candidates_;  // a heap whose front is the last in order
  std::optional<Token> not_finite_;
};

}  // namespace halfbyte
