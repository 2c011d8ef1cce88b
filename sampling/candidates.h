// The tokens that may come next, as the steps of a chain leave them.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

#include "ops/logits.h"

namespace halfbyte {

// At first what the head delivered: its greatest candidates, or the whole row, of which nothing is copied until a step selects from it.
// Sums are float64, in an order that depends on the logits alone. Nothing is sorted that need not be: what selects or draws halves the
// candidates again and again (std::nth_element), which costs a few looks at each.
class Candidates {
 public:
  // `sums_temperature`: that of the logits' block sums, where there are some; 0: there are none. Requires: `logits` stay, are finite,
  // and hold their row, or as many of the greatest as the chain can come to keep.
  // `allowed`: a bit for each token that may come (none: every one), which stay. Requires with it: the row.
  void begin(const Logits& logits, bool has_row, float sums_temperature, std::span<const uint32_t> allowed = {});

  // Before anything below is asked: a token's logit, moved or the model's (Requires: the row), and another one for it. -infinity: never.
  float logit(Token token) const;
  void move(Token token, float logit);
  std::span<const float> row() const { return logits_->row; }  // the model's
  const std::unordered_map<Token, float>& moved() const { return moved_; }

  // Selections. The likeliest is always left.
  void keep_only(std::span<const Token> tokens);  // Requires: the row
  void keep_first(size_t k);
  void keep_at_least(float logit);
  void keep_mass(double part);  // the fewest first ones that have this part of the probability together

  bool is_empty();  // every token was moved to -infinity, or may not come
  float top();      // the greatest logit
  // All that are left, in no order; steps may change logits in it, and take away.
  std::vector<Candidate>& list();
  Candidate& likeliest();
  // By probabilities that are in proportion to exp(logit / temperature).
  Token draw(double uniform, float temperature);

  // Of all that are left, relative to the greatest: the sum of weights exp(logit - top), and of the weighted logit - top.
  struct Weights {
    double total = 0, weighted = 0;
  };
  Weights weights();

  std::optional<Token> chosen;  // by the last step

 private:
  void settle();
  // Of tokens from `token` on, which is a multiple of 32.
  uint32_t allowed_bits(size_t token) const { return token / 32 < allowed_.size() ? allowed_[token / 32] : 0; }
  bool is_allowed(Token token) const {
    return allowed_.empty() || (allowed_bits(static_cast<size_t>(token)) >> (static_cast<size_t>(token) % 32) & 1) != 0;
  }
  bool stays(Token token) const { return is_allowed(token) && (moved_.empty() || !moved_.contains(token)); }  // as the model has it
  void collect(float least);
  float top_of_row() const;
  bool has_sums(float temperature);
  std::span<const float> sums();
  float sum_of(size_t block) const;
  Token draw_from_row(double uniform);

  const Logits* logits_ = nullptr;
  std::span<const uint32_t> allowed_;
  bool has_row_ = false, is_list_ = false, is_settled_ = false;
  float sums_temperature_ = 0;
  std::unordered_map<Token, float> moved_;
  std::vector<Candidate> list_;
  std::vector<float> sums_;   // of blocks, where they are not the head's
  std::optional<float> top_;  // of the row, once it is known
};

// How many of `all`, brought to the front, are the fewest first ones in order whose weights reach `mass`. At least one.
template <class Weight, class Before>
size_t first_to_reach(std::span<Candidate> all, double mass, Weight weight, Before before) {
  constexpr size_t kSorted = 64;  // so few are sorted and walked
  size_t begin = 0, end = all.size();
  double sum = 0;
  while (end - begin > kSorted) {
    const size_t middle = begin + (end - begin) / 2;
    const auto at = [&](size_t i) { return all.begin() + static_cast<std::ptrdiff_t>(i); };
    std::nth_element(at(begin), at(middle), at(end), before);
    double half = 0;
    for (size_t i = begin; i < middle; ++i) half += weight(all[i]);
    if (sum + half >= mass)
      end = middle;
    else {
      sum += half;
      begin = middle;
    }
  }
  std::ranges::sort(all.subspan(begin, end - begin), before);
  size_t kept = begin;
  while (kept < end && (kept == begin || sum < mass)) sum += weight(all[kept++]);
  return kept;
}

}  // namespace halfbyte
