#include "engine/drafter.h"

#include <gtest/gtest.h>

#include <random>

namespace halfbyte {
namespace {

using Tokens = std::vector<Token>;

TEST(Drafter, GuessesWhatFollowedBefore) {
  Drafter drafter;
  const Tokens tokens = {1, 2, 3, 4, 5, 6, 9, 1, 2, 3};
  const Draft draft = drafter.draft(tokens, 3);
  EXPECT_EQ(draft.tokens, (Tokens{4, 5, 6}));
  EXPECT_EQ(draft.match, 3);
}

TEST(Drafter, TakesTheLongestMatchAndOfEqualOnesTheLatest) {
  Drafter longest, latest;
  EXPECT_EQ(longest.draft(Tokens{7, 1, 2, 3, 4, 8, 1, 2, 3, 5, 7, 1, 2, 3}, 1).tokens, (Tokens{4}));
  EXPECT_EQ(latest.draft(Tokens{7, 1, 2, 3, 4, 8, 1, 2, 3, 5, 9, 1, 2, 3}, 1).tokens, (Tokens{5}));
}

TEST(Drafter, GuessesNothingWithoutAPrecedent) {
  Drafter drafter;
  EXPECT_EQ(drafter.draft(Tokens{}, 4).match, 0);
  EXPECT_EQ(drafter.draft(Tokens{1}, 4).match, 0);
  EXPECT_TRUE(drafter.draft(Tokens{1, 2, 3, 4, 1}, 4).tokens.empty());
}

TEST(Drafter, ALoopGoesOn) {
  Drafter drafter;
  EXPECT_EQ(drafter.draft(Tokens{1, 2, 1, 2, 1, 2}, 5).tokens, (Tokens{1, 2, 1, 2, 1}));
}

TEST(Drafter, KeepsItsIndexWhileTokensGrow) {
  std::mt19937 random(1);
  Tokens tokens;
  Drafter growing;
  for (int i = 0; i < 400; ++i) {
    tokens.push_back(static_cast<Token>(random() % 4));
    Drafter fresh;
    const Draft a = growing.draft(tokens, 6), b = fresh.draft(tokens, 6);
    EXPECT_EQ(a.tokens, b.tokens);
    EXPECT_EQ(a.match, b.match);
    if (a.match == 0) continue;
    EXPECT_GE(a.match, Drafter::kShortest);
  }
}

}  // namespace
}  // namespace halfbyte
