#include "measure/serving.h"

#include <gtest/gtest.h>

#include "base/errors.h"
#include "models/tiny_model.h"

namespace halfbyte {
namespace {

TEST(ServingFigures, AreWhatAHandCalculationSays) {
  std::vector<ServedRequest> served(4);
  served[0] = {.asked = 1, .first = 1.25, .ended = 2, .gaps = {0.25, 0.5}};
  served[0].usage = {.prompt_tokens = 10, .cached_tokens = 4, .completion_tokens = 3, .queued_ms = 100};
  served[1] = {.asked = 1.5, .first = 2.25, .ended = 3, .gaps = {0.75}};
  served[1].usage = {.prompt_tokens = 20, .completion_tokens = 2, .queued_ms = 300};
  served[2] = {.asked = 1.5, .ended = 1.5, .error = busy("full")};
  served[3] = {.asked = 2, .ended = 2.5, .error = io_error("lost")};

  const ServingFigures all = figures(served);
  EXPECT_EQ(all.requests, 4);
  EXPECT_EQ(all.refused, 1);
  EXPECT_EQ(all.failed, 1);
  EXPECT_EQ(all.first_error->message, "lost");
  EXPECT_DOUBLE_EQ(all.seconds, 2);
  EXPECT_EQ(all.prompt_tokens, 30U);
  EXPECT_EQ(all.cached_tokens, 4U);
  EXPECT_EQ(all.generated_tokens, 5U);
  EXPECT_DOUBLE_EQ(all.queue->p50, 200);
  EXPECT_DOUBLE_EQ(all.first_token->p50, 500);
  EXPECT_DOUBLE_EQ(all.first_token->p90, 700);
  EXPECT_DOUBLE_EQ(all.inter_token->p50, 500);
  EXPECT_DOUBLE_EQ(all.inter_token->greatest, 750);
  EXPECT_DOUBLE_EQ(all.request->greatest, 1500);
}

TEST(ServingFigures, OfNothingAreNone) {
  const ServingFigures none = figures({});
  EXPECT_EQ(none.requests, 0);
  EXPECT_FALSE(none.first_token);
}

struct Bench {
  TinyModelFile file;
  Engine engine = std::move(*Engine::open(file.path(), {.threads = 1}));
  Load load(std::string_view reply, std::optional<double> rate = {}) const {
    LoadOptions options{.prompt = std::move(*Lengths::parse("1..40")), .reply = std::move(*Lengths::parse(reply)), .rate = rate, .seed = 1};
    return std::move(*Load::create(std::move(options), engine.vocabulary(), engine.context_tokens()));
  }
};

TEST(Serve, EveryRequestIsAnsweredToItsFullLength) {
  Bench bench;
  Load load = bench.load("12");
  const auto served = serve(bench.engine, load, {.requests = 20, .clients = 6});
  ASSERT_EQ(served.size(), 20U);
  for (const ServedRequest& one : served) {
    EXPECT_FALSE(one.error);
    EXPECT_EQ(one.usage.completion_tokens, 12);
    EXPECT_LT(one.gaps.size(), 12U);
    EXPECT_LE(one.asked, one.first.value());
    EXPECT_LE(*one.first, one.ended);
  }
  EXPECT_EQ(bench.engine.stats().generated_tokens, 240U);
}

TEST(Serve, AtMostAsManyRequestsRunAsThereAreClients) {
  Bench bench;
  Load load = bench.load("12");
  const auto served = serve(bench.engine, load, {.requests = 20, .clients = 3});
  for (const ServedRequest& one : served) {
    int others = 0;  // that had not ended when it was asked
    for (const ServedRequest& other : served) others += other.asked < one.asked && other.ended > one.asked;
    EXPECT_LE(others, 2);
  }
}

TEST(Serve, AtARateRequestsCountFromWhenTheyWereDue) {
  Bench bench;
  Load load = bench.load("3", 500.0), same = bench.load("3", 500.0);
  for (const ServedRequest& one : serve(bench.engine, load, {.requests = 10})) EXPECT_DOUBLE_EQ(one.asked, same.next().due);
}

TEST(Serve, NothingIsAskedAfterTheTime) {
  Bench bench;
  Load load = bench.load("3", 100.0);
  const auto served = serve(bench.engine, load, {.seconds = 0.2});
  ASSERT_FALSE(served.empty());
  EXPECT_LT(served.back().asked, 0.2);
}

TEST(Serve, ARefusalIsNotedAndTheOthersAreServed) {
  TinyModelFile file;
  Engine engine = std::move(*Engine::open(file.path(), {.threads = 1, .queue = 4}));
  LoadOptions options{.prompt = std::move(*Lengths::parse("30")), .reply = std::move(*Lengths::parse("30")), .seed = 1};
  Load load = std::move(*Load::create(std::move(options), engine.vocabulary(), engine.context_tokens()));
  const ServingFigures all = figures(serve(engine, load, {.requests = 8, .clients = 8}));
  EXPECT_EQ(all.requests, 8);
  EXPECT_GE(all.refused, 1);
  EXPECT_EQ(all.generated_tokens, 30U * static_cast<uint64_t>(8 - all.refused));
}

}  // namespace
}  // namespace halfbyte
