// The head: logits, reduced to what is wanted of them.
#include <algorithm>
#include <cmath>

#include "base/checked.h"
#include "ops/pass.h"

namespace halfbyte {

using namespace program;

// visit(first token, tokens) for this thread's part of the vocabulary, `step` tokens at a time: whole blocks.
template <class Visit>
void Program::Pass::for_vocabulary(const Stage& stage, size_t step, Visit visit) const {
  for (const PanelRange& range : stage.shares[static_cast<size_t>(thread)]) {
    const size_t end = std::min<size_t>(range.last * kPanelRows, static_cast<size_t>(p.vocabulary_));
    for (size_t token = range.first * kPanelRows; token < end; token += step) visit(token, std::min(step, end - token));
  }
}

// Logits are reduced while they are in the cache, and their memory is used again unless somebody wants to see whole rows.
void Program::Pass::reduce_logits(const Stage& stage) const {
  const Product& product = stage.products[0];
  const std::span<LogitsReduction> reduced = reductions(thread);
  for (size_t i = 0; i < gathered.size(); ++i) {
    const LogitsNeed& need = gathered[i].need;
    reduced[i].restart(has_sums(need) ? std::max(need.greatest, 1) : need.greatest);
  }
  const bool keeps_rows = wants_rows() || wants_sums();
  const size_t y_stride = keeps_rows ? stride(product.out) : kLogitsAtOnce;
  for_vocabulary(stage, kLogitsAtOnce, [&](size_t token, size_t count) {
    float* y = keeps_rows ? row(product.out, 0) + token : reinterpret_cast<float*>(own() + p.own_logits_);
    multiply(product.linear, product.kernel, rows(stage.input, 0, tokens), token / kPanelRows, ceil_div(token + count, kPanelRows), y,
             y_stride);
    for (size_t i = 0; i < gathered.size(); ++i) reduced[i].add(*p.kernels_, {y + i * y_stride, count}, static_cast<Token>(token));
  });
}

// Exponentials are taken relative to the row's greatest logit, so they wait until every thread has found its own.
void Program::Pass::sum_exponentials(const Stage& stage) const {
  for (size_t i = 0; i < gathered.size(); ++i) {
    const LogitsNeed& need = gathered[i].need;
    if (!has_sums(need)) continue;
    float top = reductions(0)[i].top();
    for (int t = 1; t < p.threads_; ++t) top = std::max(top, reductions(t)[i].top());
    const float* logits = row(stage.products[0].out, static_cast<int>(i));
    float minus_top[kVocabularyBlock];
    std::ranges::fill(minus_top, -top);
    for_vocabulary(stage, kVocabularyBlock, [&](size_t token, size_t count) {
      const size_t block = token / kVocabularyBlock;
      if (need.log_sum_exp || need.draw_temperature == 1)
        exp_sums(i)[block] = p.kernels_->sum_exp(logits + token, top, static_cast<int>(count));
      if (need.draw_temperature == 0 || need.draw_temperature == 1) return;
      float scaled[kVocabularyBlock];  // scaled_logit() of each
      p.kernels_->add(logits + token, minus_top, static_cast<int>(count), scaled);
      p.kernels_->scale(scaled, logit_factor(need.draw_temperature), static_cast<int>(count), scaled);
      draw_sums(i)[block] = p.kernels_->sum_exp(scaled, 0, static_cast<int>(count));
    });
  }
}

// On one thread for each row, when all have reduced their parts.
Logits Program::Pass::delivered(size_t i) const {
  const LogitsNeed& need = gathered[i].need;
  Logits out;
  if (need.hidden) {
    const int slot = p.stages_.back().input;
    out.hidden = {row(slot, static_cast<int>(i)), static_cast<size_t>(width(slot))};
    if (!std::ranges::all_of(out.hidden, [](float x) { return std::isfinite(x); })) return {.not_finite = 0};
  }
  if (!need.asks_logits()) return out;
  LogitsReduction& reduced = reductions(0)[i];
  for (int t = 1; t < p.threads_; ++t) reduced.add(reductions(t)[i]);
  if (reduced.not_finite()) return {.not_finite = reduced.not_finite()};
  const std::span<const Candidate> candidates = reduced.sort();
  out.kernels = p.kernels_;
  out.greatest = candidates.first(std::min(candidates.size(), static_cast<size_t>(need.greatest)));
  if (need.log_sum_exp) {
    double sum = 0;
    for (size_t block = 0; block < p.vocabulary_blocks(); ++block) sum += static_cast<double>(exp_sums(i)[block]);
    out.log_sum_exp = static_cast<double>(candidates.front().logit) + std::log(sum);
  }
  if (need.draw_temperature != 0) out.block_sums = {draw_sums(i), p.vocabulary_blocks()};
  if (need.row) out.row = {row(p.logits_slot_, static_cast<int>(i)), static_cast<size_t>(p.vocabulary_)};
  return out;
}

}  // namespace halfbyte
