#include "engine/draft_length.h"

#include <gtest/gtest.h>

namespace halfbyte {
namespace {

// The more tokens, the longer: nearly nothing up to 4, then as much again for each.
double bent(int tokens) { return tokens <= 4 ? 10 + 0.2 * tokens : 10.8 + 3.0 * (tokens - 4); }
double steep(int tokens) { return 10.0 * tokens; }

TEST(DraftLength, GuessesThatAreRightAreTakenAsFarAsTheyAreCheap) {
  DraftLength length;
  for (int i = 0; i < 50; ++i) length.add(8, 3, 3);
  const int best = length.best(8, 0, bent);
  EXPECT_GE(best, 3);
  DraftLength other;
  for (int i = 0; i < 50; ++i) other.add(8, 3, 3);
  EXPECT_LT(other.best(8, 3, bent), best);  // with company a step is in its steep part
}

TEST(DraftLength, NothingIsGuessedWhereEveryTokenCostsAStep) {
  DraftLength length;
  for (int i = 0; i < 50; ++i) length.add(8, 3, 2);
  EXPECT_EQ(length.best(8, 0, steep), 0);
}

TEST(DraftLength, WrongGuessesSwitchItselfOffAndItTriesAgainMuchLater) {
  DraftLength length;
  for (int i = 0; i < 50; ++i) length.add(3, 2, 0);
  const auto costly = [](int tokens) { return 10 + 1.5 * tokens; };
  int idle = 0;
  while (length.best(3, 0, costly) == 0 && idle < 1000) ++idle;
  EXPECT_GT(idle, 30);
  EXPECT_LT(idle, 1000);
}

TEST(DraftLength, WhatGuessingCostsCounts) {
  DraftLength length;
  for (int i = 0; i < 50; ++i) length.add(8, 3, 3);
  EXPECT_GT(length.best(8, 0, bent, 0.5), 0);
  EXPECT_EQ(length.best(8, 0, bent, 12), 0);
}

TEST(DraftLength, LongMatchesAreBelievedApartFromShortOnes) {
  DraftLength length;
  for (int i = 0; i < 50; ++i) length.add(3, 2, 0);
  const auto costly = [](int tokens) { return 10 + 1.5 * tokens; };
  EXPECT_EQ(length.best(3, 0, costly), 0);
  EXPECT_GT(length.best(20, 0, costly), 0);
}

}  // namespace
}  // namespace halfbyte
