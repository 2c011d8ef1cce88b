#include "engine/best_of.h"

#include <gtest/gtest.h>

#include "base/errors.h"

namespace halfbyte {
namespace {

struct Told {
  std::vector<Event> events;
  TokenSink sink() {
    return [this](const Event& event) {
      events.push_back(event);
      return SinkAnswer::kMore;
    };
  }
};

Event last(int choice, int tokens, double sum) {
  Event event{.choice = choice, .text = "!", .finished = FinishReason::kEnd};
  event.usage.completion_tokens = tokens;
  event.cumulative_logprob = sum;
  return event;
}

TEST(BestOf, TellsTheLikeliestPerTokenWhenAllHaveEnded) {
  Told told;
  Request request{.choices = 2, .best_of = 4};
  const TokenSink sink = best_of(request, told.sink());
  EXPECT_EQ(request.choices, 4);
  EXPECT_EQ(request.logprobs, 0) << "which scores are made of";
  for (const char* piece : {"one ", "two "})
    EXPECT_EQ(sink({.choice = 3, .text = piece, .tokens = {{.chosen = {1, -1}}}}), SinkAnswer::kMore);
  sink({.choice = 0, .prompt_tokens = {{.chosen = {5, -3}}}});
  sink(last(2, 10, -10));
  sink(last(0, 2, -4));
  sink(last(3, 20, -10));
  EXPECT_TRUE(told.events.empty());
  sink(last(1, 1, -1));
  ASSERT_EQ(told.events.size(), 2U);
  EXPECT_EQ(told.events[0].choice, 0);
  EXPECT_EQ(told.events[0].text, "one two !");
  EXPECT_TRUE(told.events[0].tokens.empty()) << "nobody asked for them";
  EXPECT_EQ(told.events[0].prompt_tokens.size(), 1U);
  EXPECT_EQ(told.events[1].choice, 1);
  EXPECT_EQ(told.events[1].cumulative_logprob, -1) << "of equal ones the first";
}

TEST(BestOf, WhatFailedComesLast) {
  Told told;
  Request request{.best_of = 2};
  const TokenSink sink = best_of(request, told.sink());
  sink({.choice = 0, .finished = FinishReason::kFailed, .error = out_of_memory()});
  sink(last(1, 1, -100));
  ASSERT_EQ(told.events.size(), 1U);
  EXPECT_EQ(told.events[0].finished, FinishReason::kEnd);
}

}  // namespace
}  // namespace halfbyte
