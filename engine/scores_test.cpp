// Log-probabilities and embeddings, against their definitions.
#include <gtest/gtest.h>

#include <cmath>

#include "engine/runner.h"
#include "engine/test_engine.h"

namespace halfbyte {
namespace {

TEST(EngineScores, LogProbabilitiesAreTheSameBehindWhatIsKnown) {
  const TinyModelFile file;
  Engine engine = open(file, {.context_tokens = 512}), without = open(file, {.context_tokens = 512, .prefix_cache = false});
  std::vector<Token> prompt(100, 3), continuation;
  for (int i = 0; i < 100; ++i) continuation.push_back(i * 37 % 256);
  const auto expected = without.log_probabilities(prompt, continuation);
  for (int i = 0; i < 2; ++i) EXPECT_EQ(engine.log_probabilities(prompt, continuation)->values, expected->values);
}

TEST(EngineScores, EventsTellTheLogProbabilitiesThatTheModelHas) {
  const TinyModelFile file;
  Engine engine = open(file);
  const std::vector<Token> prompt{1, 2, 3};
  for (const SamplingOptions& sampling : {SamplingOptions{.temperature = 0}, SamplingOptions{.temperature = 1, .top_k = 0},
                                          SamplingOptions{.temperature = 0.7F, .presence_penalty = 1}}) {
    Request request{.prompt = prompt, .max_tokens = 12, .sampling = sampling, .ignore_eos = true, .logprobs = 3};
    std::vector<ReplyToken> told;
    const auto reply = engine.complete(request, [&](const Event& event) {
      told.insert(told.end(), event.tokens.begin(), event.tokens.end());
      return SinkAnswer::kMore;
    });
    ASSERT_TRUE(reply) << reply.error().message;
    request.logprobs.reset();
    EXPECT_EQ(engine.complete(request)->text, reply->text) << "what is told does not change what is said";
    ASSERT_EQ(told.size(), 12U);
    std::vector<Token> tokens;
    for (const ReplyToken& each : told) tokens.push_back(each.chosen.token);
    const auto expected = engine.log_probabilities(prompt, tokens);
    for (size_t i = 0; i < told.size(); ++i) {
      EXPECT_EQ(told[i].chosen.log_probability, expected->values[i]);
      ASSERT_EQ(told[i].likeliest.size(), 3U);
      EXPECT_GE(told[i].likeliest[0].log_probability, told[i].likeliest[1].log_probability);
      EXPECT_GE(told[i].likeliest[0].log_probability, told[i].chosen.log_probability);
    }
  }
  EXPECT_EQ(engine.complete({.prompt = prompt, .logprobs = 21}).error().message, "logprobs: expected 0 to 20, found 21");
  EXPECT_EQ(engine.complete({.prompt = prompt, .sampling = {.logit_bias = {{100000, 1}}}}).error().code, Code::kInvalid);
}

TEST(EngineScores, EventsTellTheLogProbabilitiesOfThePrompt) {
  const TinyModelFile file;
  Engine engine = open(file, {.context_tokens = 256, .chunk_tokens = 16});
  Request request = request_of({}, 4);
  for (int i = 0; i < 100; ++i) request.prompt.push_back((i * 37 + 11) % 256);
  request.choices = 2;
  request.prompt_logprobs = 3;
  const auto expected = engine.log_probabilities({request.prompt[0]}, {request.prompt.begin() + 1, request.prompt.end()});
  for (const int max_tokens : {4, 0}) {  // the second time with what the prefix cache has
    request.max_tokens = max_tokens;
    std::vector<ReplyToken> of_choices[2];
    bool is_first[] = {true, true};
    const auto replies = engine.complete_all(request, [&](const Event& event) {
      auto& tokens = of_choices[event.choice];
      EXPECT_TRUE(event.prompt_tokens.empty() || std::exchange(is_first[event.choice], false));
      tokens.insert(tokens.end(), event.prompt_tokens.begin(), event.prompt_tokens.end());
      return SinkAnswer::kMore;
    });
    ASSERT_TRUE(replies) << replies.error().message;
    for (const Engine::Reply& reply : *replies) {
      EXPECT_EQ(reply.usage.completion_tokens, max_tokens);
      EXPECT_EQ(reply.reason, FinishReason::kLength);
    }
    EXPECT_EQ(values_of(of_choices[0]), expected->values);
    EXPECT_EQ(tokens_of(of_choices[0]), std::vector<Token>(request.prompt.begin() + 1, request.prompt.end()));
    for (const ReplyToken& each : of_choices[0]) {
      ASSERT_EQ(each.likeliest.size(), 3U);
      EXPECT_GE(each.likeliest[0].log_probability, each.chosen.log_probability);
    }
    EXPECT_TRUE(of_choices[1].empty());
  }
  request.keep_tokens = 1;
  EXPECT_EQ(engine.complete_all(request).error().code, Code::kInvalid);
  EXPECT_EQ(engine.complete({.prompt = {1}, .max_tokens = 0}).error().message, "max_tokens: 0 is neither -1 nor at least 1");
  EXPECT_EQ(engine.complete({.prompt = {1}, .prompt_logprobs = 21}).error().message, "prompt_logprobs: expected 0 to 20, found 21");
}

// By the definition of the softmax in double, of a Runner's logits; the engine's kernel has float exponentials.
std::vector<double> softmaxed(const TinyModelFile& file, std::span<const Token> tokens, size_t prompt) {
  ThreadPool pool(2);
  const auto model = load_model(file.path(), pool);
  EXPECT_TRUE(model) << model.error().message;
  auto runner = Runner::create(*model, pool, {.cache_tokens = static_cast<int>(tokens.size())});
  EXPECT_TRUE(runner) << runner.error().message;
  CachedSequence sequence;
  const SliceTokens slice{
      .sequence = &sequence, .tokens = tokens.first(tokens.size() - 1), .first_wanted = prompt - 1, .need = {.row = true}};
  std::vector<double> out;
  EXPECT_TRUE(runner->memory().reserve(sequence, static_cast<int>(tokens.size())));
  runner->run({&slice, 1}, [&](size_t, size_t token, const Logits& logits) {
    double sum = 0;
    for (const float logit : logits.row) sum += std::exp(static_cast<double>(logit));
    out.push_back(static_cast<double>(logits.row[static_cast<size_t>(tokens[token + 1])]) - std::log(sum));
  });
  return out;
}

TEST(EngineScores, LogProbabilitiesAreTheSoftmaxOfTheModelsLogits) {
  const TinyModelFile file;
  Engine engine = open(file, {.context_tokens = 128, .cache_tokens = 512, .chunk_tokens = 16});
  Listener listener;
  ASSERT_TRUE(engine.submit(request_of({1}, 100), listener.sink()));  // meanwhile another request runs
  for (const size_t prompt : {1U, 5U, 16U, 40U}) {
    std::vector<Token> tokens;
    for (int i = 0; i < 60; ++i) tokens.push_back((i * 37 + 11) % TinyModel::kVocabulary);
    const auto split = tokens.begin() + static_cast<std::ptrdiff_t>(prompt);
    const auto scored = engine.log_probabilities({tokens.begin(), split}, {split, tokens.end()});
    ASSERT_TRUE(scored) << scored.error().message;
    const std::vector<double> expected = softmaxed(file, tokens, prompt);
    ASSERT_EQ(scored->values.size(), expected.size());
    for (size_t i = 0; i < expected.size(); ++i) EXPECT_NEAR(scored->values[i], expected[i], 1e-6) << prompt << " " << i;
  }
  EXPECT_EQ(listener.wait(), FinishReason::kLength);
}

// Of a Runner's states, by definition.
std::vector<double> pooled(const TinyModelFile& file, std::span<const Token> tokens, Pooling pooling) {
  ThreadPool pool(1);
  const auto model = load_model(file.path(), pool);
  auto runner = Runner::create(*model, pool, {.cache_tokens = static_cast<int>(tokens.size())});
  CachedSequence sequence;
  EXPECT_TRUE(runner->memory().reserve(sequence, static_cast<int>(tokens.size())));
  const SliceTokens slice{.sequence = &sequence, .tokens = tokens, .need = {.hidden = true}};
  std::vector<double> sum;
  runner->run({&slice, 1}, [&](size_t, size_t token, const Logits& logits) {
    if ((pooling == Pooling::kFirst && token > 0) || (pooling == Pooling::kLast && token + 1 < tokens.size())) return;
    sum.resize(logits.hidden.size());
    for (size_t i = 0; i < sum.size(); ++i) sum[i] += static_cast<double>(logits.hidden[i]);
  });
  double square = 0;
  for (const double x : sum) square += x * x;
  for (double& x : sum) x /= std::sqrt(square);
  return sum;
}

TEST(EngineScores, AnEmbeddingIsTheStatesOfItsTokensPooled) {
  const TinyModelFile file;
  Engine engine = open(file, {.context_tokens = 128, .chunk_tokens = 16});
  std::vector<Token> tokens;
  for (int i = 0; i < 60; ++i) tokens.push_back((i * 37 + 11) % TinyModel::kVocabulary);
  for (const Pooling pooling : {Pooling::kMean, Pooling::kLast, Pooling::kFirst})
    for (int again = 0; again < 2; ++again) {  // the second time with what the prefix cache has
      const auto embedding = engine.embed(tokens, pooling);
      ASSERT_TRUE(embedding) << embedding.error().message;
      const std::vector<double> expected = pooled(file, tokens, pooling);
      ASSERT_EQ(embedding->size(), 64U);
      for (size_t i = 0; i < expected.size(); ++i) EXPECT_EQ((*embedding)[i], static_cast<float>(expected[i])) << i;
    }
  EXPECT_EQ(engine.embed({}, Pooling::kMean).error().message, "tokens: no tokens");
  EXPECT_EQ(engine.embed(std::vector<Token>(129, 1), Pooling::kMean).error().message, "129 tokens pass the context of 128");
}

TEST(EngineScores, AContinuationMayFillTheContextAndNotMore) {
  const TinyModelFile file;
  Engine engine = open(file, {.context_tokens = 32});
  EXPECT_EQ(engine.log_probabilities({1}, std::vector<Token>(31, 2))->values.size(), 31U);
  EXPECT_EQ(engine.log_probabilities({1}, std::vector<Token>(32, 2)).error().message,
            "prompt of 1 tokens and continuation of 32 pass the context of 32");
  EXPECT_EQ(engine.log_probabilities({}, {1}).error().message, "prompt: no tokens");
  EXPECT_EQ(engine.log_probabilities({1}, {}).error().message, "continuation: no tokens");
  EXPECT_EQ(engine.log_probabilities({1}, {999}).error().message, "continuation: token 999 at index 0 is outside the vocabulary of 258");
  EXPECT_EQ(engine.complete(request_of({1}, 3))->usage.completion_tokens, 3);  // and leaves the engine as it was
}

}  // namespace
}  // namespace halfbyte
