#include "engine/repetition_detector.h"

#include <algorithm>

namespace halfbyte {

RepetitionDetector::RepetitionDetector(const RepetitionDetection& rule)
    : rule_(rule), runs_(static_cast<size_t>(rule.max_pattern_size) + 1) {}

bool RepetitionDetector::accept(Token token) {
  bool repeats = false;
  const size_t longest = std::min(tokens_.size(), runs_.size() - 1);
  for (size_t size = static_cast<size_t>(rule_.min_pattern_size); size <= longest; ++size) {
    int& run = runs_[size];
    run = tokens_[tokens_.size() - size] == token ? run + 1 : 0;
    repeats |= run >= static_cast<int>(size) * (rule_.min_count - 1);
  }
  tokens_.push_back(token);
  return repeats;
}

}  // namespace halfbyte
