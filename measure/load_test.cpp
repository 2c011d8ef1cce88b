#include "measure/load.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace halfbyte {
namespace {

LoadOptions options(std::string_view prompt, std::string_view reply) {
  return {.prompt = std::move(*Lengths::parse(prompt)), .reply = std::move(*Lengths::parse(reply)), .seed = 1};
}

Load load(const LoadOptions& options, int context = 1024) {
  auto load = Load::create(options, 1000, context);
  EXPECT_TRUE(load) << load.error().message;
  return std::move(*load);
}

std::vector<LoadRequest> requests(const LoadOptions& options, int count, int context = 1024) {
  Load made = load(options, context);
  std::vector<LoadRequest> all;
  for (int i = 0; i < count; ++i) all.push_back(made.next());
  return all;
}

TEST(Load, FollowsFromItsSeed) {
  LoadOptions asked = options("1..50", "lognormal:20:1");
  asked.rate = 10;
  const auto one = requests(asked, 20), same = requests(asked, 20);
  asked.seed = 2;
  const auto other = requests(asked, 20);
  int differing = 0;
  for (size_t i = 0; i < one.size(); ++i) {
    EXPECT_EQ(one[i].request.prompt, same[i].request.prompt);
    EXPECT_EQ(one[i].request.max_tokens, same[i].request.max_tokens);
    EXPECT_EQ(one[i].due, same[i].due);
    differing += one[i].request.prompt != other[i].request.prompt;
  }
  EXPECT_GE(differing, 19);
}

TEST(Load, AnotherLengthOfRepliesLeavesPromptsAndArrivalsAsTheyAre) {
  LoadOptions asked = options("1..50", "7"), longer = options("1..50", "1..300");
  asked.rate = longer.rate = 10;
  const auto one = requests(asked, 20), other = requests(longer, 20);
  for (size_t i = 0; i < one.size(); ++i) {
    EXPECT_EQ(one[i].request.prompt, other[i].request.prompt);
    EXPECT_EQ(one[i].due, other[i].due);
  }
}

TEST(Load, EveryPromptBeginsWithTheSharedPrefix) {
  LoadOptions asked = options("5", "7");
  asked.shared_prefix = 30;
  const auto all = requests(asked, 4);
  for (const LoadRequest& each : all) {
    ASSERT_EQ(each.request.prompt.size(), 35U);
    EXPECT_TRUE(std::equal(each.request.prompt.begin(), each.request.prompt.begin() + 30, all[0].request.prompt.begin()));
  }
  EXPECT_NE(all[0].request.prompt, all[1].request.prompt);
}

TEST(Load, PromptsAreStretchesOfTheTextWhereThereIsOne) {
  LoadOptions asked = options("5", "7");
  for (Token token = 100; token < 200; ++token) asked.text.push_back(token);
  for (const LoadRequest& each : requests(asked, 50))
    for (size_t i = 1; i < 5; ++i)
      EXPECT_EQ(each.request.prompt[i], each.request.prompt[i - 1] == 199 ? 100 : each.request.prompt[i - 1] + 1);
}

TEST(Load, RequestsComeAtTheRateAndNeitherEvenlyNorAtOnce) {
  LoadOptions asked = options("1", "1");
  asked.rate = 50;
  const auto all = requests(asked, 2000);
  EXPECT_NEAR(all.back().due, 40, 3);  // seconds
  int close = 0;                       // to the one before: within a tenth of the mean distance, which is so for 9.5 %
  for (size_t i = 1; i < all.size(); ++i) close += all[i].due - all[i - 1].due < 0.002;
  EXPECT_NEAR(close, 190, 45);
}

TEST(Load, WithoutARateAllAreDueAtOnce) {
  for (const LoadRequest& each : requests(options("1", "1"), 3)) EXPECT_EQ(each.due, 0);
}

TEST(Load, WhatCouldPassTheContextIsRefusedAndLognormalLengthsAreCut) {
  LoadOptions asked = options("1..100", "29");
  asked.shared_prefix = 10;
  const auto refused = Load::create(asked, 1000, 138);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message, "a prefix of 10 tokens, a prompt of 100 and a reply of 29: the context is 138");
  EXPECT_EQ(load(asked, 139).longest(), 139);
  for (const LoadRequest& each : requests(options("lognormal:500:2", "lognormal:500:2"), 500, 600))
    EXPECT_LE(static_cast<int>(each.request.prompt.size()) + each.request.max_tokens, 600);
}

}  // namespace
}  // namespace halfbyte
