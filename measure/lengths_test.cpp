#include "measure/lengths.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

namespace halfbyte {
namespace {

std::vector<int> drawn(std::string_view text, int count, int longest = 4096, uint64_t seed = 1) {
  std::mt19937_64 random(seed);
  const auto lengths = Lengths::parse(text);
  EXPECT_TRUE(lengths) << lengths.error().message;
  std::vector<int> all;
  for (int i = 0; i < count; ++i) all.push_back(lengths->draw(random, longest));
  std::ranges::sort(all);
  return all;
}

TEST(Lengths, ANumberIsAlwaysThatLength) { EXPECT_EQ(drawn("106", 3), (std::vector<int>{106, 106, 106})); }

TEST(Lengths, ARangeGivesEachOfItsLengthsAsOften) {
  const std::vector<int> all = drawn("3..6", 4000);
  for (int length = 3; length <= 6; ++length) EXPECT_NEAR(static_cast<double>(std::ranges::count(all, length)), 1000, 120) << length;
}

TEST(Lengths, ALognormalOneHasItsMedianAndSpread) {
  const std::vector<int> all = drawn("lognormal:200:0.5", 4001);
  EXPECT_NEAR(all[2000], 200, 8);
  EXPECT_NEAR(all[3364], 200 * 1.6487, 20);  // one sigma above: 84.1 % are below
  EXPECT_GE(all.front(), 1);
}

TEST(Lengths, ALognormalOneIsCutWhereThereIsNoMoreRoom) { EXPECT_EQ(drawn("lognormal:200:2", 500, 300).back(), 300); }

TEST(Lengths, FollowFromTheSeed) {
  EXPECT_EQ(drawn("lognormal:200:0.5", 50, 4096, 7), drawn("lognormal:200:0.5", 50, 4096, 7));
  EXPECT_NE(drawn("lognormal:200:0.5", 50, 4096, 7), drawn("lognormal:200:0.5", 50, 4096, 8));
}

TEST(Lengths, WhatIsNoLengthIsRefused) {
  for (const char* text : {"", "0", "-3", "12x", "5..4", "..4", "4..", "0..4", "lognormal:", "lognormal:200", "lognormal:200:",
                           "lognormal::1", "lognormal:0:1", "lognormal:200:-1", "lognormal:nan:1", "lognormal:200:nan", "9999999999"})
    EXPECT_FALSE(Lengths::parse(text)) << text;
  EXPECT_EQ(Lengths::parse("many").error().message,
            "'many' is no length: expected N, LEAST..GREATEST or lognormal:MEDIAN:SIGMA, in tokens from 1 to 1048576");
}

}  // namespace
}  // namespace halfbyte
