// What the head would deliver of a row of logits, for tests.
#pragma once

#include <vector>

#include "ops/logits.h"

namespace halfbyte {

class HeadOfRow {
 public:
  // Valid until the next call.
  const Logits& operator()(std::span<const float> row, const LogitsNeed& need) {
    const KernelTable& table = kernels(isas_here().back());
    reduction_.restart(need.draw_temperature != 0 ? std::max(need.greatest, 1) : need.greatest);
    reduction_.add(table, row, 0);
    logits_ = {.not_finite = reduction_.not_finite(), .kernels = &table};
    if (logits_.not_finite) return logits_;
    logits_.greatest = reduction_.sort();
    if (need.row) logits_.row = row;
    sums_.clear();
    for (size_t begin = 0; need.draw_temperature != 0 && begin < row.size(); begin += kVocabularyBlock) {
      std::vector<float> scaled;
      for (size_t i = begin; i < std::min(row.size(), begin + kVocabularyBlock); ++i)
        scaled.push_back(scaled_logit(row[i], logits_.greatest.front().logit, need.draw_temperature));
      sums_.push_back(table.sum_exp(scaled.data(), 0, static_cast<int>(scaled.size())));
    }
    logits_.block_sums = sums_;
    return logits_;
  }

 private:
  LogitsReduction reduction_;
  std::vector<float> sums_;
  Logits logits_;
};

}  // namespace halfbyte
