// The likeliest of several replies: best_of and beam search through the engine.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <future>

#include "engine/test_engine.h"

namespace halfbyte {
namespace {

TEST(EngineSearch, TheBestOfSeveralRepliesAreTheLikeliestPerToken) {
  const TinyModelFile file;
  Engine engine = open(file);
  Request request = request_of({1, 2, 3}, 12, 7);
  request.ignore_eos = false;
  request.logprobs = 1;
  std::vector<Told> all;
  for (uint64_t seed = 7; seed < 12; ++seed) {
    request.sampling.seed = seed;
    all.push_back(told(engine, request));
    double sum = 0;
    for (const double value : values_of(all.back().tokens)) sum += value;
    if (all.back().reason != FinishReason::kEnd) {
      EXPECT_DOUBLE_EQ(all.back().sum, sum);
    }
  }
  const auto score = [](const Told& reply) { return reply.sum / reply.usage.completion_tokens; };
  std::ranges::sort(all, std::greater(), score);
  request.sampling.seed = 7;
  request.choices = 2;
  request.best_of = 5;
  request.logprobs.reset();
  int events = 0;
  const auto replies = engine.complete_all(request, [&](const Event& event) {
    EXPECT_TRUE(event.tokens.empty());
    ++events;
    return SinkAnswer::kMore;
  });
  ASSERT_TRUE(replies) << replies.error().message;
  EXPECT_EQ(events, 2);
  for (size_t i = 0; i < 2; ++i) {
    EXPECT_EQ((*replies)[i].text, all[i].text);
    EXPECT_EQ((*replies)[i].cumulative_logprob, all[i].sum);
  }
  request.best_of = 1;
  EXPECT_EQ(engine.complete_all(request).error().message, "best_of: 1 of which 2 choices are to be told");
}

// Every step of every beginning is a request of its own: what beams share with each other is no part of this.
std::vector<Told> searched(Engine& engine, const Request& asked) {
  const auto width = static_cast<size_t>(asked.beam_search->width);
  const auto score = [&](const Told& t) {
    return t.sum / std::pow(static_cast<double>(t.usage.completion_tokens), static_cast<double>(asked.beam_search->length_penalty));
  };
  std::vector<Told> live(1), whole;
  for (int step = 1; step <= asked.max_tokens; ++step) {
    std::vector<Told> all, next;
    for (const Told& beam : live) {
      Request one{.prompt = asked.prompt, .max_tokens = 1, .sampling = {.temperature = 0}, .ignore_eos = true, .logprobs = 20};
      for (const Token token : tokens_of(beam.tokens)) one.prompt.push_back(token);
      const Told next_ones = told(engine, one);
      for (const TokenProbability& likely : next_ones.tokens[0].likeliest) {
        Told& longer = all.emplace_back(beam);
        longer.tokens.push_back({.chosen = likely});
        longer.sum += likely.log_probability;
        longer.usage.completion_tokens = step;
      }
    }
    std::ranges::stable_sort(all, std::greater(), &Told::sum);
    for (size_t i = 0; i < all.size() && next.size() < width; ++i)
      if (all[i].tokens.back().chosen.token != TinyModel::kEndToken)
        next.push_back(all[i]);
      else if (i < width)
        whole.push_back(all[i]);
    std::ranges::stable_sort(whole, std::greater(), score);
    if (whole.size() > width) whole.resize(width);
    live = next;
    if (whole.size() == width && (asked.beam_search->early_stopping || score(live[0]) <= score(whole.back()))) return whole;
  }
  whole.insert(whole.end(), live.begin(), live.end());
  std::ranges::stable_sort(whole, std::greater(), score);
  return whole;
}

TEST(EngineSearch, ABeamSearchFindsWhatStepByStepRequestsFind) {
  const TinyModelFile file;
  Engine engine = open(file), without = open(file, {.context_tokens = 256, .cache_tokens = 288, .chunk_tokens = 16, .prefix_cache = false});
  for (const int prompt : {3, 40})
    for (const BeamSearch& rule : {BeamSearch{.width = 3}, BeamSearch{.width = 5, .length_penalty = 0, .early_stopping = true}}) {
      Request request{.max_tokens = 36, .choices = 3, .beam_search = rule, .logprobs = 2};
      for (int i = 0; i < prompt; ++i) request.prompt.push_back((i * 37 + 11) % 256);
      const auto expected = searched(engine, request);
      for (Engine* each : {&engine, &without}) {
        std::vector<ReplyToken> tokens[3];
        const auto replies = each->complete_all(request, [&](const Event& event) {
          EXPECT_TRUE(event.finished);
          tokens[event.choice] = event.tokens;
          return SinkAnswer::kMore;
        });
        ASSERT_TRUE(replies) << replies.error().message;
        for (size_t i = 0; i < 3; ++i) {
          std::vector<Token> found = tokens_of(tokens[i]), sought = tokens_of(expected[i].tokens);
          if ((*replies)[i].reason == FinishReason::kEnd) sought.pop_back();
          EXPECT_EQ(found, sought) << i;
          EXPECT_EQ((*replies)[i].cumulative_logprob, expected[i].sum) << i;
          EXPECT_EQ((*replies)[i].usage.completion_tokens, static_cast<int>(expected[i].tokens.size()));
          ASSERT_FALSE(tokens[i].empty());
          EXPECT_EQ(tokens[i][0].likeliest.size(), 2U);
        }
      }
    }
}

TEST(EngineSearch, ABeamSearchOfWidthOneIsGreedy) {
  const TinyModelFile file;
  Engine engine = open(file);
  Request request{.prompt = {1, 2, 3}, .max_tokens = 50, .sampling = {.temperature = 0}};
  const Told greedy = told(engine, request);
  request.beam_search = BeamSearch{.width = 1};
  const Told searched = told(engine, request);
  EXPECT_EQ(searched.text, greedy.text);
  EXPECT_EQ(searched.reason, greedy.reason);
  EXPECT_EQ(searched.usage.completion_tokens, greedy.usage.completion_tokens);
}

TEST(EngineSearch, ABeamSearchIsCancelledTimedOutAndRefusedAsOneRequest) {
  const TinyModelFile file;
  Engine engine = open(file, {.context_tokens = 1024});
  Request request{.prompt = {1, 2, 3}, .max_tokens = 1000, .choices = 2, .beam_search = BeamSearch{.width = 4}, .ignore_eos = true};
  std::promise<void> ended;
  int events = 0;
  const auto id = engine.submit(request, [&](const Event& event) {
    EXPECT_EQ(event.finished, FinishReason::kCancelled);
    if (++events == 2) ended.set_value();
    return SinkAnswer::kMore;
  });
  ASSERT_TRUE(id);
  engine.cancel(*id);
  ended.get_future().wait();
  request.timeout_ms = 30;
  const auto late = engine.complete_all(request);
  ASSERT_TRUE(late) << late.error().message;
  EXPECT_EQ((*late)[0].reason, FinishReason::kTimeout);
  EXPECT_EQ(engine.complete(request_of({1}, 3))->usage.completion_tokens, 3);
  request.choices = 5;
  EXPECT_EQ(engine.complete_all(request).error().message, "choices: 5 of a beam_search of width 4");
  request.choices = 1;
  request.sampling.top_k = 5;
  EXPECT_EQ(engine.complete(request).error().message, "beam_search: given with sampling options");
  request.beam_search->width = 17;
  EXPECT_EQ(engine.complete(request).error().message, "beam_search.width: 17 is outside 1 to 16");
}

}  // namespace
}  // namespace halfbyte
