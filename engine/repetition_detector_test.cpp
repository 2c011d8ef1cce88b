#include "engine/repetition_detector.h"

#include <gtest/gtest.h>

#include <random>

namespace halfbyte {
namespace {

// By definition: the last tokens are one pattern, min_count times.
bool repeats(const std::vector<Token>& tokens, const RepetitionDetection& rule) {
  for (int size = rule.min_pattern_size; size <= rule.max_pattern_size; ++size) {
    const auto covered = static_cast<size_t>(size * rule.min_count);
    if (covered > tokens.size()) return false;
    bool is_one = true;
    for (size_t i = tokens.size() - covered; i + static_cast<size_t>(size) < tokens.size(); ++i)
      is_one &= tokens[i] == tokens[i + static_cast<size_t>(size)];
    if (is_one) return true;
  }
  return false;
}

TEST(RepetitionDetector, FindsWhatTheRuleSays) {
  std::mt19937 random(1);
  int found = 0;
  for (int round = 0; round < 2000; ++round) {
    const int most = 1 + static_cast<int>(random() % 6);
    const RepetitionDetection rule{.max_pattern_size = most,
                                   .min_pattern_size = 1 + static_cast<int>(random() % static_cast<uint32_t>(most)),
                                   .min_count = 2 + static_cast<int>(random() % 3)};
    RepetitionDetector detector(rule);
    std::vector<Token> tokens;
    for (int i = 0; i < 60; ++i) {
      tokens.push_back(static_cast<Token>(random() % 2));
      const bool is_found = detector.accept(tokens.back());
      ASSERT_EQ(is_found, repeats(tokens, rule)) << "at " << i;
      found += is_found;
    }
  }
  EXPECT_GT(found, 1000);
}

TEST(RepetitionDetector, ALongPatternThatAlmostRepeatsIsNone) {
  RepetitionDetector detector({.max_pattern_size = 64, .min_pattern_size = 1, .min_count = 3});
  for (int line = 0; line < 20; ++line)
    for (Token token = 0; token < 40; ++token) EXPECT_FALSE(detector.accept(token == 39 ? 100 + line : token));
}

}  // namespace
}  // namespace halfbyte
