#include "sampling/candidates.h"

#include <algorithm>
#include <bit>

namespace halfbyte {
namespace {

constexpr float kNever = -std::numeric_limits<float>::infinity();
constexpr size_t kKept = 4096;  // candidates whose memory is kept for the next token

}  // namespace

void Candidates::begin(const Logits& logits, bool has_row, float sums_temperature, std::span<const uint32_t> allowed) {
  logits_ = &logits;
  allowed_ = allowed;
  has_row_ = has_row;
  sums_temperature_ = sums_temperature;
  is_list_ = is_settled_ = false;
  top_.reset();
  moved_.clear();
  if (list_.capacity() > kKept) list_ = {};
  list_.clear();
  chosen.reset();
}

float Candidates::logit(Token token) const {
  const auto found = moved_.find(token);
  return found != moved_.end() ? found->second : logits_->row[static_cast<size_t>(token)];
}

void Candidates::move(Token token, float logit) { moved_[token] = logit; }

// No step moves logits any more.
void Candidates::settle() {
  if (is_settled_) return;
  is_settled_ = true;
  if (has_row_) return;
  is_list_ = true;
  for (const Candidate& c : logits_->greatest)
    if (stays(c.token)) list_.push_back(c);
  for (const auto& [token, logit] : moved_)
    if (logit != kNever && is_allowed(token)) list_.push_back({logit, token});
  std::ranges::sort(list_, is_before);  // few, and then sums are in order
}

// The list of what in the row is not below `least`.
void Candidates::collect(float least) {
  list_.clear();
  const std::span<const float> row = logits_->row;
  const auto add = [&](size_t token) {
    if (stays(static_cast<Token>(token))) list_.push_back({row[token], static_cast<Token>(token)});
  };
  const float most_passed = std::nextafter(least, kNever);
  if (most_passed >= -std::numeric_limits<float>::max()) {
    const int n = static_cast<int>(row.size());
    for (int i = 0; i < n; ++i) {
      i += logits_->kernels->first_outside(&row[static_cast<size_t>(i)], n - i, -std::numeric_limits<float>::max(), most_passed);
      if (i < n) add(static_cast<size_t>(i));
    }
  } else if (allowed_.empty()) {
    for (size_t token = 0; token < row.size(); ++token) add(token);
  } else {  // often a few
    for (size_t word = 0; word < allowed_.size(); ++word)
      for (uint32_t bits = allowed_[word]; bits != 0; bits &= bits - 1)
        if (const size_t token = word * 32 + static_cast<size_t>(std::countr_zero(bits)); token < row.size()) add(token);
  }
  std::vector<Candidate> more;
  for (const auto& [token, logit] : moved_)
    if (logit != kNever && logit >= least && is_allowed(token)) more.push_back({logit, token});
  std::ranges::sort(more, is_before);
  list_.insert(list_.end(), more.begin(), more.end());
}

std::vector<Candidate>& Candidates::list() {
  settle();
  if (!is_list_) collect(-std::numeric_limits<float>::max());
  is_list_ = true;
  return list_;
}

Candidate& Candidates::likeliest() { return *std::ranges::min_element(list(), is_before); }

Candidates::Weights Candidates::weights() {
  const auto top = static_cast<double>(this->top());
  Weights sums;
  for (const Candidate& c : list()) {
    const double shifted = static_cast<double>(c.logit) - top, weight = std::exp(shifted);
    sums.total += weight;
    sums.weighted += weight * shifted;
  }
  return sums;
}

float Candidates::top() {
  settle();
  if (is_list_) return std::ranges::min_element(list_, is_before)->logit;
  if (!top_) top_ = top_of_row();
  return *top_;
}

float Candidates::top_of_row() const {
  float top = kNever;
  for (const auto& [token, logit] : moved_)
    if (is_allowed(token)) top = std::max(top, logit);
  for (const Candidate& c : logits_->greatest)  // in order
    if (stays(c.token)) return std::max(top, c.logit);
  for (Token token = 0; const float logit : logits_->row) {
    if (logit > top && stays(token)) top = logit;
    ++token;
  }
  return top;
}

bool Candidates::is_empty() {
  settle();
  if (is_list_) return list_.empty();
  return (!allowed_.empty() || moved_.size() == logits_->row.size()) && top() == kNever;
}

void Candidates::keep_only(std::span<const Token> tokens) {
  settle();
  list_.clear();
  for (const Token token : tokens)
    if (const float value = logit(token); value != kNever && is_allowed(token)) list_.push_back({value, token});
  std::ranges::sort(list_, is_before);
  const auto repeated = std::ranges::unique(list_);
  list_.erase(repeated.begin(), repeated.end());
  is_list_ = true;
}

void Candidates::keep_first(size_t k) {
  std::vector<Candidate>& all = list();
  if (k >= all.size()) return;
  std::ranges::nth_element(all, all.begin() + static_cast<std::ptrdiff_t>(k), is_before);
  all.resize(k);
  if (k <= kKept) std::ranges::sort(all, is_before);  // then sums do not depend on how the first were found
}

void Candidates::keep_at_least(float logit) {
  const float least = std::min(logit, top());
  if (is_list_)
    std::erase_if(list_, [&](const Candidate& c) { return c.logit < least; });
  else
    collect(least);
  is_list_ = true;
}

// Of a row those far below the top are looked at only when the others have not enough of the probability: its total is known by blocks.
void Candidates::keep_mass(double part) {
  const float top = this->top();
  const auto weight = [&](const Candidate& c) { return std::exp(static_cast<double>(c.logit) - static_cast<double>(top)); };
  double total = 0;
  if (!is_list_ && has_sums(1)) {
    for (const float sum : sums()) total += static_cast<double>(sum);
    total *= std::exp(static_cast<double>(logits_->greatest.front().logit) - static_cast<double>(top));  // what the head's are relative to
    double mass = 0;
    float depth = 8;
    do {
      collect(depth > 256 ? -std::numeric_limits<float>::max() : top - depth);
      mass = 0;
      for (const Candidate& c : list_) mass += weight(c);
      depth *= 2;
    } while (mass < part * total && depth <= 512);
    is_list_ = true;
  } else {
    for (const Candidate& c : list()) total += weight(c);
  }
  list_.resize(first_to_reach(std::span(list_), part * total, weight, is_before));
}

// Whether block sums say what there is. Where the greatest logit was moved far from the head's, exponentials relative to that one overflow,
// or are all 0.
bool Candidates::has_sums(float temperature) {
  if (temperature != sums_temperature_) return false;
  if (moved_.empty() && allowed_.empty()) return true;
  return std::abs(scaled_logit(top(), logits_->greatest.front().logit, temperature)) < 60;
}

// Those of the head; of blocks with tokens that moved or may not come those that it would have made.
std::span<const float> Candidates::sums() {
  if (moved_.empty() && allowed_.empty()) return logits_->block_sums;
  sums_.assign(logits_->block_sums.begin(), logits_->block_sums.end());
  std::vector<bool> is_other(sums_.size());
  for (const auto& [token, ignored] : moved_) is_other[static_cast<size_t>(token) / kVocabularyBlock] = true;
  for (size_t token = 0; !allowed_.empty() && token < logits_->row.size(); token += 32)
    if (allowed_bits(token) != ~uint32_t{0}) is_other[token / kVocabularyBlock] = true;
  for (size_t block = 0; block < sums_.size(); ++block)
    if (is_other[block]) sums_[block] = sum_of(block);
  return sums_;
}

float Candidates::sum_of(size_t block) const {
  const float top = logits_->greatest.front().logit;
  const size_t begin = block * kVocabularyBlock, count = std::min<size_t>(kVocabularyBlock, logits_->row.size() - begin);
  const float* const row = &logits_->row[begin];
  float scaled[kVocabularyBlock];
  if (moved_.empty())
    for (size_t i = 0; i < count; ++i) scaled[i] = scaled_logit(row[i], top, sums_temperature_);
  else
    for (size_t i = 0; i < count; ++i) scaled[i] = scaled_logit(logit(static_cast<Token>(begin + i)), top, sums_temperature_);
  for (size_t word = 0; !allowed_.empty() && word < count; word += 32)
    for (uint32_t none = ~allowed_bits(begin + word); none != 0; none &= none - 1)
      scaled[word + static_cast<size_t>(std::countr_zero(none))] = kNever;
  return logits_->kernels->sum_exp(scaled, 0, static_cast<int>(count));
}

// The same blocks, and within one the same exponentials, as the head has summed.
Token Candidates::draw_from_row(double uniform) {
  const std::span<const float> sums = this->sums(), row = logits_->row;
  double total = 0;
  for (const float sum : sums) total += static_cast<double>(sum);
  double left = uniform * total;
  size_t block = 0, last = 0;
  for (; block < sums.size(); ++block) {
    if (sums[block] <= 0) continue;
    last = block;
    if (left < static_cast<double>(sums[block])) break;
    left -= static_cast<double>(sums[block]);
  }
  const size_t begin = last * kVocabularyBlock, end = std::min(row.size(), begin + kVocabularyBlock);
  size_t chosen_at = begin;
  for (size_t token = begin; token < end; ++token) {
    if (!is_allowed(static_cast<Token>(token))) continue;
    const float scaled = scaled_logit(logit(static_cast<Token>(token)), logits_->greatest.front().logit, sums_temperature_);
    const auto weight = static_cast<double>(logits_->kernels->sum_exp(&scaled, 0, 1));
    if (weight <= 0) continue;
    chosen_at = token;
    left -= weight;
    if (left < 0) break;
  }
  return static_cast<Token>(chosen_at);
}

Token Candidates::draw(double uniform, float temperature) {
  settle();
  if (!is_list_ && has_sums(temperature)) return draw_from_row(uniform);
  std::vector<Candidate>& all = list();
  const float top = this->top();
  const auto weight = [&](const Candidate& c) {
    return std::exp((static_cast<double>(c.logit) - static_cast<double>(top)) / static_cast<double>(temperature));
  };
  double total = 0;
  for (const Candidate& c : all) total += weight(c);
  const double reached = std::nextafter(uniform * total, std::numeric_limits<double>::infinity());
  return all[first_to_reach(std::span(all), reached, weight, is_before) - 1].token;
}

}  // namespace halfbyte
