#include "halfbyte/engine.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <cmath>
#include <condition_variable>
#include <cstring>
#include <future>
#include <mutex>
#include <set>

#include "engine/runner.h"
#include "kernels/attention.h"
#include "models/tiny_model.h"

namespace halfbyte {
namespace {

Engine open(const TinyModelFile& file, EngineOptions options = {}) {
  if (options.threads == 0) options.threads = 2;
  auto engine = Engine::open(file.path(), options);
  EXPECT_TRUE(engine) << engine.error().message;
  return std::move(*engine);
}

Request request_of(std::vector<Token> prompt, int max_tokens, uint64_t seed = 1) {
  return {.prompt = std::move(prompt), .max_tokens = max_tokens, .sampling = {.temperature = 1, .seed = seed}, .ignore_eos = true};
}

// Collects the events of one request from the engine's thread.
class Listener {
 public:
  TokenSink sink(SinkAnswer answer = SinkAnswer::kMore) {
    return [this, answer](const Event& event) {
      const std::lock_guard lock(mutex_);
      text_ += event.text;
      ++events_;
      if (event.finished) reason_ = event.finished;
      changed_.notify_all();
      return answer;
    };
  }
  FinishReason wait() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return reason_.has_value(); });
    return *reason_;
  }
  void wait_for_text() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return events_ > 0; });
  }
  std::string text() {
    const std::lock_guard lock(mutex_);
    return text_;
  }
  int events() {
    const std::lock_guard lock(mutex_);
    return events_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::string text_;
  int events_ = 0;
  std::optional<FinishReason> reason_;
};

TEST(Engine, TheSameSeedGivesTheSameBytes) {
  const TinyModelFile file;
  Engine engine = open(file);
  const auto a = engine.complete(request_of({1, 2, 3}, 40)), b = engine.complete(request_of({1, 2, 3}, 40)),
             c = engine.complete(request_of({1, 2, 3}, 40, 2));
  ASSERT_TRUE(a && b && c);
  EXPECT_EQ(a->text, b->text);
  EXPECT_NE(a->text, c->text);
  EXPECT_EQ(a->reason, FinishReason::kLength);
  EXPECT_EQ(a->usage.prompt_tokens, 3);
  EXPECT_EQ(a->usage.completion_tokens, 40);
}

TEST(Engine, AReplyIsATextOfItsGrammarAndEndsWithIt) {
  const TinyModelFile file;
  Engine engine = open(file);
  Request request = request_of({1, 2, 3}, 40);
  request.grammar = GrammarSource{GrammarKind::kChoice, R"(["yes", "no", "abba", "perhaps"])"};
  std::set<std::string> replies;
  for (request.sampling.seed = 0; request.sampling.seed < 30; ++*request.sampling.seed) {
    const auto reply = engine.complete(request);
    ASSERT_TRUE(reply) << reply.error().message;
    EXPECT_EQ(reply->reason, FinishReason::kEnd);
    EXPECT_TRUE((std::set<std::string>{"yes", "no", "abba", "perhaps"}.contains(reply->text))) << reply->text;
    replies.insert(reply->text);
  }
  EXPECT_GT(replies.size(), 1U);
}

TEST(Engine, PenaltiesDoNotBringBackWhatAGrammarForbids) {
  const TinyModelFile file;
  Engine engine = open(file);
  Request request = request_of({'x', 'y', 'z'}, 40);
  request.sampling.presence_penalty = -100;
  request.grammar = GrammarSource{GrammarKind::kRegex, "[ab]{20}"};
  const auto reply = engine.complete(request);
  ASSERT_TRUE(reply) << reply.error().message;
  EXPECT_EQ(reply->text.size(), 20U);
  EXPECT_EQ(reply->text.find_first_not_of("ab"), std::string::npos) << reply->text;
}

TEST(Engine, WhatAModelThinksFirstIsFree) {
  const TinyModelFile file;
  Engine engine = open(file);
  Request request = request_of({1, 2, 3}, 2000);
  request.grammar = GrammarSource{GrammarKind::kChoice, R"(["yes", "no"])"};
  request.thinking = ThinkingMarkers{.open = "a", .close = "c", .has_begun = true};
  const auto reply = engine.complete(request);
  ASSERT_TRUE(reply) << reply.error().message;
  EXPECT_EQ(reply->reason, FinishReason::kEnd);
  const size_t answer = reply->text.find('c') + 1;
  EXPECT_GT(answer, 1U);
  EXPECT_TRUE(reply->text.substr(answer) == "yes" || reply->text.substr(answer) == "no") << reply->text;
}

TEST(Engine, AGrammarThatIsNoneIsRefusedAndQueuesNothing) {
  const TinyModelFile file;
  Engine engine = open(file);
  Request request = request_of({1, 2, 3}, 4);
  request.grammar = GrammarSource{GrammarKind::kJsonSchema, R"({"items": {"not": {}}})"};
  const auto refused = engine.complete(request);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kUnsupported);
  EXPECT_NE(refused.error().message.find("#/items/not"), std::string::npos) << refused.error().message;
}

TEST(Engine, TheLastEventSaysWhatTheCacheCutOff) {
  const TinyModelFile file({.change_tensors = [](std::vector<TinyModel::TensorBytes>& tensors) {
    for (TinyModel::TensorBytes& tensor : tensors) {
      if (tensor.name != "blk.1.attn_v.weight") continue;
      const float great = 1e6F;
      for (size_t at = 0; at < tensor.data.size(); at += sizeof great) std::memcpy(tensor.data.data() + at, &great, sizeof great);
    }
  }});
  Engine half = open(file), whole = open(file, {.kv_types = {"f32", "f32"}});
  EXPECT_NE(half.complete(request_of({1, 2, 3}, 2))->warning.find("65504"), std::string::npos);
  EXPECT_NE(half.log_probabilities({1}, {2, 3})->warning.find("65504"), std::string::npos);
  EXPECT_EQ(whole.complete(request_of({1, 2, 3}, 2))->warning, "");
}

TEST(Engine, TakesTheTypesOfKeysAndValuesThatAreNamed) {
  const TinyModelFile file;
  EXPECT_EQ(Engine::open(file.path(), {.kv_types = {.v = "f8"}}).error().message,
            "kv_types.v: 'f8' is not known: expected f16, bf16, q8_0 or f32");
  EXPECT_TRUE(open(file, {.kv_types = {"q8_0", "bf16"}}).complete(request_of({1, 2, 3}, 20)));
}

TEST(Engine, TakesTheInstructionSetThatIsNamed) {
  const TinyModelFile file;
  const auto text = open(file).complete(request_of({1, 2, 3}, 20))->text;
  EXPECT_EQ(open(file, {.isa = "scalar"}).complete(request_of({1, 2, 3}, 20))->text, text);
  EXPECT_EQ(Engine::open(file.path(), {.isa = "sse9"}).error().code, Code::kInvalid);
}

TEST(Engine, ARequestIsAnsweredAlikeAloneAndInCompany) {
  const TinyModelFile file({.format = "Q4_1"});
  Engine engine = open(file, {.context_tokens = 128, .cache_tokens = 1024, .chunk_tokens = 16});
  std::vector<std::string> alone;
  for (int i = 0; i < 8; ++i)
    alone.push_back(engine.complete(request_of(std::vector<Token>(static_cast<size_t>(3 + 7 * i), 65 + i), 20 + i))->text);
  std::vector<Listener> listeners(8);
  for (int i = 0; i < 8; ++i)
    ASSERT_TRUE(engine.submit(request_of(std::vector<Token>(static_cast<size_t>(3 + 7 * i), 65 + i), 20 + i),
                              listeners[static_cast<size_t>(i)].sink()));
  for (size_t i = 0; i < 8; ++i) {
    EXPECT_EQ(listeners[i].wait(), FinishReason::kLength);
    EXPECT_EQ(listeners[i].text(), alone[i]) << i;
  }
}

TEST(Engine, ARequestThatBeginsLikeAnEarlierOneComputesOnlyWhatIsNew) {
  const TinyModelFile file({.window = 40});
  Engine engine = open(file, {.context_tokens = 512}), without = open(file, {.context_tokens = 512, .prefix_cache = false});
  std::vector<Token> prompt;
  for (int i = 0; i < 130; ++i) prompt.push_back(i * 37 % 256);
  for (const int cached : {0, 128}) {
    const auto reply = engine.complete(request_of(prompt, 30));
    ASSERT_TRUE(reply) << reply.error().message;
    EXPECT_EQ(reply->usage.cached_tokens, cached);
    EXPECT_EQ(reply->text, without.complete(request_of(prompt, 30))->text);
  }
  Request others = request_of(prompt, 30);
  others.principal = "another";
  EXPECT_EQ(engine.complete(others)->usage.cached_tokens, 0);
  EXPECT_EQ(without.complete(request_of(prompt, 30))->usage.cached_tokens, 0);
}

TEST(Engine, WhatWasComputedSurvivesInAFolderForTheSameModelAndSettings) {
  const auto folder = std::filesystem::path(testing::TempDir()) / ("engine_prefixes_" + std::to_string(::getpid()));
  std::filesystem::remove_all(folder);
  const TinyModelFile file, other({.seed = 2});
  const std::vector<Token> prompt(130, 7);
  const auto cached = [&](const TinyModelFile& model, const KvTypes& types, std::string isa = "") {
    Engine engine = open(model, {.context_tokens = 256, .kv_types = types, .prefix_cache_folder = folder, .isa = std::move(isa)});
    Engine without = open(model, {.context_tokens = 256, .kv_types = types, .prefix_cache = false});
    const auto reply = engine.complete(request_of(prompt, 20));
    EXPECT_EQ(reply->text, without.complete(request_of(prompt, 20))->text);
    return reply->usage.cached_tokens;
  };
  EXPECT_EQ(cached(file, {}), 0);
  EXPECT_EQ(cached(file, {}), 128);
  EXPECT_EQ(cached(file, {}, "scalar"), 128);  // the bits are the same
  EXPECT_EQ(cached(file, {"f16", "q8_0"}), 0);
  EXPECT_EQ(cached(other, {}), 0);
  std::filesystem::remove_all(folder);
  EXPECT_EQ(Engine::open(file.path(), {.prefix_cache = false, .prefix_cache_folder = folder}).error().code, Code::kInvalid);
}

TEST(Engine, ASessionInAFileGoesOnWhereItWas) {
  const auto path = std::filesystem::path(testing::TempDir()) / ("engine_session_" + std::to_string(::getpid()));
  for (const int window : {0, 40}) {
    const TinyModelFile file({.window = window}), other({.window = window, .seed = 2});
    std::vector<Token> tokens;
    for (int i = 0; i < 200; ++i) tokens.push_back(i * 37 % 256);
    std::string expected;
    {
      Engine engine = open(file, {.context_tokens = 512});
      ASSERT_TRUE(engine.complete(request_of({tokens.begin(), tokens.begin() + 170}, 1)));
      const auto saved = engine.save_session(path, {.tokens = tokens, .note = "hello"});
      ASSERT_TRUE(saved) << saved.error().message;
      EXPECT_EQ(*saved, 160);
      expected = engine.complete(request_of(tokens, 30))->text;
    }
    const auto cached = [&](const TinyModelFile& model, const EngineOptions& options, const std::string& principal = {}) {
      Engine engine = open(model, options);
      Session session;
      const auto loaded = engine.load_session(path, session);
      EXPECT_TRUE(loaded) << loaded.error().message;
      EXPECT_EQ(session.tokens, tokens);
      EXPECT_EQ(session.note, "hello");
      Request request = request_of(tokens, 30);
      request.principal = principal;
      const auto reply = engine.complete(request);
      EXPECT_EQ(reply->text == expected, &model == &file && options.kv_types.k == "f16");
      if (principal.empty()) {
        EXPECT_EQ(reply->usage.cached_tokens, *loaded);
      }
      return reply->usage.cached_tokens;
    };
    EXPECT_EQ(cached(file, {.context_tokens = 512}), 160);
    EXPECT_EQ(cached(file, {.context_tokens = 512, .isa = "scalar"}), 160);
    EXPECT_EQ(cached(file, {.context_tokens = 512}, "another"), 0);
    EXPECT_EQ(cached(file, {.context_tokens = 512, .prefix_cache = false}), 0);
    EXPECT_EQ(cached(file, {.context_tokens = 512, .kv_types = {"q8_0", "q8_0"}}), 0);
    EXPECT_EQ(cached(other, {.context_tokens = 512}), 0);
  }
  const TinyModelFile file;
  Engine engine = open(file);
  ASSERT_TRUE(engine.save_session(path, {.tokens = {1, 999}}));
  Session session{.note = "mine"};
  EXPECT_EQ(engine.load_session(path, session).error().code, Code::kCorrupt);
  EXPECT_EQ(session.note, "mine");
  std::filesystem::remove(path);
  EXPECT_FALSE(engine.load_session(path, session));
}

TEST(Engine, LogProbabilitiesAreTheSameBehindWhatIsKnown) {
  const TinyModelFile file;
  Engine engine = open(file, {.context_tokens = 512}), without = open(file, {.context_tokens = 512, .prefix_cache = false});
  std::vector<Token> prompt(100, 3), continuation;
  for (int i = 0; i < 100; ++i) continuation.push_back(i * 37 % 256);
  const auto expected = without.log_probabilities(prompt, continuation);
  for (int i = 0; i < 2; ++i) EXPECT_EQ(engine.log_probabilities(prompt, continuation)->values, expected->values);
}

TEST(Engine, EventsTellTheLogProbabilitiesThatTheModelHas) {
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

// A reply with what its events told.
struct Told {
  std::string text;
  FinishReason reason = FinishReason::kEnd;
  Usage usage;
  std::vector<ReplyToken> tokens, prompt_tokens;
  double sum = 0;
};

Told told(Engine& engine, const Request& request) {
  Told all;
  const auto reply = engine.complete(request, [&](const Event& event) {
    all.tokens.insert(all.tokens.end(), event.tokens.begin(), event.tokens.end());
    all.prompt_tokens.insert(all.prompt_tokens.end(), event.prompt_tokens.begin(), event.prompt_tokens.end());
    return SinkAnswer::kMore;
  });
  EXPECT_TRUE(reply) << reply.error().message;
  if (!reply) return all;
  all.text = reply->text;
  all.reason = reply->reason;
  all.usage = reply->usage;
  all.sum = reply->cumulative_logprob.value_or(0);
  return all;
}

std::vector<Token> tokens_of(const std::vector<ReplyToken>& told) {
  std::vector<Token> tokens;
  for (const ReplyToken& each : told) tokens.push_back(each.chosen.token);
  return tokens;
}

std::vector<double> values_of(const std::vector<ReplyToken>& told) {
  std::vector<double> values;
  for (const ReplyToken& each : told) values.push_back(each.chosen.log_probability);
  return values;
}

TEST(Engine, AReplyThatMustBeginAsItWouldGoesOnAsItWould) {
  const TinyModelFile file;
  Engine engine = open(file);
  for (const SamplingOptions& sampling :
       {SamplingOptions{.temperature = 0}, SamplingOptions{.temperature = 1, .top_k = 0}, SamplingOptions{.presence_penalty = 1}}) {
    Request request{.prompt = {1, 2, 3}, .max_tokens = 50, .sampling = sampling, .ignore_eos = true, .logprobs = 2};
    const Told whole = told(engine, request);
    ASSERT_EQ(whole.tokens.size(), 50U);
    for (const std::ptrdiff_t forced : {1, 7, 40}) {
      const std::vector<Token> tokens = tokens_of(whole.tokens);
      request.forced_prefix.assign(tokens.begin(), tokens.begin() + forced);
      const Told begun = told(engine, request);
      EXPECT_EQ(begun.text, whole.text);
      EXPECT_EQ(tokens_of(begun.tokens), tokens);
      EXPECT_EQ(values_of(begun.tokens), values_of(whole.tokens));
      EXPECT_EQ(begun.usage.completion_tokens, 50);
      EXPECT_EQ(begun.usage.prompt_tokens, 3);
    }
  }
}

TEST(Engine, AForcedPrefixObeysWhatEndsAReplyAndWhatItIsHeldTo) {
  const TinyModelFile file;
  Engine engine = open(file, {.context_tokens = 64});
  Request request = request_of({1, 2, 3}, 20);
  request.forced_prefix = {'x', 'y', 'z'};
  request.stop = {"y"};
  EXPECT_EQ(told(engine, request).reason, FinishReason::kStop);
  EXPECT_EQ(told(engine, request).text, "x");
  request.stop.clear();
  request.max_tokens = 2;
  EXPECT_EQ(told(engine, request).text, "xy");
  request.max_tokens = 20;
  request.grammar = GrammarSource{GrammarKind::kChoice, R"(["yes", "no", "perhaps"])"};
  request.forced_prefix = {'p'};
  EXPECT_EQ(told(engine, request).text, "perhaps");
  request.forced_prefix = {'p', 'q'};
  EXPECT_EQ(engine.complete(request).error().message, "forced_prefix: the grammar does not allow token 113 at index 1");
  request.forced_prefix = {'n', 'o'};
  EXPECT_EQ(engine.complete(request).error().message,
            "forced_prefix: the grammar's text is whole with token 111 at index 1, and nothing may follow");
  request.grammar.reset();
  request.ignore_eos = false;
  request.forced_prefix = {TinyModel::kEndToken};
  EXPECT_EQ(engine.complete(request).error().message, "forced_prefix: token 257 ends the reply");
  request.forced_prefix = {999};
  EXPECT_EQ(engine.complete(request).error().message, "forced_prefix: token 999 at index 0 is outside the vocabulary of 258");
  request.forced_prefix.assign(61, 'x');
  EXPECT_EQ(engine.complete(request).error().message, "prompt of 3 tokens and forced_prefix of 61 leave no room in the context of 64");
}

TEST(Engine, ThinkingEndsWhenItsBudgetIsUsedUpAndTheAnswerFollows) {
  const TinyModelFile file;
  Engine engine = open(file);
  Request request = request_of({1, 2, 3}, 60);
  request.logprobs = 0;
  const std::vector<Token> free = tokens_of(told(engine, request).tokens);
  request.thinking = ThinkingMarkers{.open = "<t>", .close = "</t>", .has_begun = true};
  for (const int budget : {0, 1, 5, 20}) {
    request.thinking_budget = budget;
    request.forced_prefix.clear();
    const Told cut = told(engine, request);
    std::vector<Token> expected(free.begin(), free.begin() + budget);
    for (const char c : request.thinking->close) expected.push_back(c);
    const std::vector<Token> tokens = tokens_of(cut.tokens);
    ASSERT_EQ(tokens.size(), 60U);
    EXPECT_EQ(std::vector<Token>(tokens.begin(), tokens.begin() + budget + 4), expected);
    EXPECT_EQ(values_of(cut.tokens), engine.log_probabilities(request.prompt, tokens)->values);
    request.forced_prefix = expected;  // the answer is what follows such a beginning
    EXPECT_EQ(told(engine, request).text, cut.text);
  }
  request.thinking->has_begun = false;
  request.thinking_budget = 2;
  request.forced_prefix = {'<', 't', '>', '.', '<'};  // half of the marker is there
  EXPECT_TRUE(told(engine, request).text.starts_with("<t>.</t>"));
  request.forced_prefix = {'.'};  // an answer is no thought
  EXPECT_EQ(told(engine, request).text.find("</t>"), std::string::npos);
  request.thinking_budget = -1;
  EXPECT_EQ(engine.complete(request).error().message, "thinking_budget: expected 0 to 1073741824, found -1");
  request.thinking->close.clear();
  request.thinking_budget = 1;
  EXPECT_EQ(engine.complete(request).error().message, "thinking: a marker of 0 bytes, expected 1 to 64");
}

TEST(Engine, TheAnswerBehindABudgetOfThinkingIsHeldToItsGrammar) {
  const TinyModelFile file;
  Engine engine = open(file);
  Request request = request_of({1, 2, 3}, 2000);
  request.grammar = GrammarSource{GrammarKind::kChoice, R"(["yes", "no"])"};
  request.thinking = ThinkingMarkers{.open = "a", .close = "</t>", .has_begun = true};
  for (const int budget : {0, 9}) {
    request.thinking_budget = budget;
    const Told reply = told(engine, request);
    EXPECT_EQ(reply.reason, FinishReason::kEnd);
    const size_t answer = reply.text.find("</t>") + 4;
    EXPECT_TRUE(reply.text.substr(answer) == "yes" || reply.text.substr(answer) == "no") << reply.text;
    EXPECT_LE(reply.usage.completion_tokens, budget + 4 + 3);
  }
}

TEST(Engine, EventsTellTheLogProbabilitiesOfThePrompt) {
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

TEST(Engine, AReplyThatGoesInCirclesEndsWhereThatIsAskedFor) {
  const TinyModelFile file;
  Engine engine = open(file);
  Request request = request_of({1, 2, 3}, 60);
  request.forced_prefix = {'a', 'b', 'c', 'd', 'b', 'c', 'd', 'b', 'c', 'd', 'x'};
  request.repetition_detection = RepetitionDetection{.max_pattern_size = 3, .min_count = 3};
  const Told reply = told(engine, request);
  EXPECT_EQ(reply.reason, FinishReason::kRepetition);
  EXPECT_EQ(reply.text, "abcdbcdbcd");
  request.repetition_detection->max_pattern_size = 2;
  EXPECT_EQ(told(engine, request).reason, FinishReason::kLength);
  request.repetition_detection->min_pattern_size = 3;
  EXPECT_EQ(engine.complete(request).error().message, "repetition_detection.min_pattern_size: 3 is outside 1 to 2");
  request.repetition_detection = RepetitionDetection{.min_count = 1};
  EXPECT_EQ(engine.complete(request).error().message, "repetition_detection.min_count: 1 is outside 2 to 1024");
}

TEST(Engine, TheBestOfSeveralRepliesAreTheLikeliestPerToken) {
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

TEST(Engine, ABeamSearchFindsWhatStepByStepRequestsFind) {
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

TEST(Engine, ABeamSearchOfWidthOneIsGreedy) {
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

TEST(Engine, ABeamSearchIsCancelledTimedOutAndRefusedAsOneRequest) {
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

TEST(Engine, RequestsThatDoNotFitTheCacheTogetherWaitForEachOther) {
  const TinyModelFile file;
  Engine engine = open(file, {.context_tokens = 64});  // room for one sequence
  std::vector<Listener> listeners(3);
  for (Listener& listener : listeners) ASSERT_TRUE(engine.submit(request_of({5, 6}, 60), listener.sink()));
  for (Listener& listener : listeners) EXPECT_EQ(listener.wait(), FinishReason::kLength);
  EXPECT_EQ(listeners[0].text(), listeners[2].text());
}

TEST(Engine, GreedyChoosesTheSameTokensEveryTime) {
  const TinyModelFile file;
  Engine engine = open(file);
  Request request = request_of({9}, 30);
  request.sampling.temperature = 0;
  EXPECT_EQ(engine.complete(request)->text, engine.complete(request)->text);
}

TEST(Engine, TextEndsBeforeAStopString) {
  const TinyModelFile file;
  Engine engine = open(file);
  const std::string whole = engine.complete(request_of({1, 2, 3}, 40))->text;
  Request request = request_of({1, 2, 3}, 40);
  request.stop = {whole.substr(whole.size() / 2, 3)};
  const auto reply = engine.complete(request);
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->reason, FinishReason::kStop);
  EXPECT_EQ(reply->text, whole.substr(0, whole.find(request.stop[0])));
}

TEST(Engine, AReplyEndsWithAStopToken) {
  const TinyModelFile file;
  Engine engine = open(file);
  Request request = request_of({1, 2, 3}, 40);
  request.logprobs = 0;
  const Told whole = told(engine, request);
  const std::vector<Token> tokens = tokens_of(whole.tokens);
  const auto first = std::ranges::find(tokens, tokens[20]) - tokens.begin();
  request.stop_tokens = {tokens[20]};
  const Told stopped = told(engine, request);
  EXPECT_EQ(stopped.reason, FinishReason::kStop);
  EXPECT_EQ(tokens_of(stopped.tokens), std::vector<Token>(tokens.begin(), tokens.begin() + first));
  EXPECT_EQ(stopped.usage.completion_tokens, first + 1);
  request.max_tokens = static_cast<int>(first);
  EXPECT_EQ(told(engine, request).text, stopped.text);
  request.max_tokens = 40;
  request.min_tokens = 30;
  EXPECT_GT(told(engine, request).usage.completion_tokens, 30);
  request.stop_tokens = {258};
  EXPECT_EQ(engine.complete(request).error().message, "stop_tokens: token 258 at index 0 is outside the vocabulary of 258");
}

TEST(Engine, AForcedPrefixStaysWhereAPromptHasToSlide) {
  const TinyModelFile file;
  Engine engine = open(file, {.context_tokens = 64});
  std::vector<Token> prompt;
  for (int i = 0; i < 100; ++i) prompt.push_back(i);
  Request slid = request_of(prompt, 12), remains = request_of({}, 12);
  slid.sampling.temperature = remains.sampling.temperature = 0;
  slid.keep_tokens = 60;
  slid.forced_prefix = remains.forced_prefix = {'x', 'y', 'z'};
  slid.logprobs = remains.logprobs = 1;
  // Of the 48 that are to be left, the last is the prompt's, and three are forced.
  remains.prompt.assign(prompt.begin(), prompt.begin() + 44);
  remains.prompt.push_back(prompt.back());
  const Told of_slid = told(engine, slid), of_remains = told(engine, remains);
  EXPECT_EQ(of_slid.usage.dropped_tokens, 103 - 48);
  EXPECT_EQ(of_slid.text, of_remains.text);
  EXPECT_EQ(values_of(of_slid.tokens), values_of(of_remains.tokens));
  slid.forced_prefix.assign(9, 'x');
  EXPECT_EQ(engine.complete(slid).error().message, "forced_prefix of 9 tokens: with keep_tokens an eighth of the context of 64 at most");
}

TEST(Engine, AnEndTokenEndsTheReplyAndIsNotShown) {
  // A head of zeros and a bias: whatever the state, the end token's logit is the greatest.
  const TinyModelFile file({.change_tensors = [](auto& tensors) {
    std::string bias(TinyModel::kVocabulary * 4, '\0');
    const float much = 10;
    std::memcpy(bias.data() + TinyModel::kEndToken * 4, &much, 4);
    tensors.push_back({"output.weight", {TinyModel::kVocabulary, 64}, std::string(TinyModel::kVocabulary * 64 * 4, '\0'), true});
    tensors.push_back({"output.bias", {TinyModel::kVocabulary}, bias, false});
  }});
  Engine engine = open(file);
  Request request{.prompt = {1}, .max_tokens = 5, .sampling = {.temperature = 0}};
  const auto reply = engine.complete(request);
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->reason, FinishReason::kEnd);
  EXPECT_EQ(reply->text, "");
  EXPECT_EQ(reply->usage.completion_tokens, 1);
  request.min_tokens = 3;
  EXPECT_EQ(engine.complete(request)->usage.completion_tokens, 4) << "the end token comes behind three others";
  request.ignore_eos = true;
  request.min_tokens = 0;
  EXPECT_EQ(engine.complete(request)->reason, FinishReason::kLength);
  EXPECT_EQ(engine.complete(request)->text, "");
  request.shows_control_tokens = true;
  EXPECT_EQ(engine.complete(request)->text, "<|end|><|end|><|end|><|end|><|end|>");
}

TEST(Engine, ACancelledRequestEndsOnceAndSaysSo) {
  const TinyModelFile file({.context = 1024});
  Engine engine = open(file, {.context_tokens = 1024});
  Listener listener;
  const auto id = engine.submit(request_of({1}, 1000), listener.sink());
  ASSERT_TRUE(id);
  listener.wait_for_text();
  engine.cancel(*id);
  EXPECT_EQ(listener.wait(), FinishReason::kCancelled);
  engine.cancel(*id);  // after the end: no effect
  EXPECT_EQ(engine.complete(request_of({1}, 3))->usage.completion_tokens, 3);
}

TEST(Engine, AReplyEndsInTimeWithWhatCameUntilThen) {
  const TinyModelFile file;
  Engine engine = open(file, {.context_tokens = 1024});
  const std::string whole = engine.complete(request_of({1}, 1000))->text;
  Request request = request_of({1}, 1000);
  request.timeout_ms = 5;
  const auto reply = engine.complete(request);
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->reason, FinishReason::kTimeout);
  EXPECT_LT(reply->usage.completion_tokens, 1000);
  const std::string kept = reply->text.substr(0, reply->text.find_last_not_of("\xEF\xBF\xBD") + 1);  // half a character is shown as U+FFFD
  EXPECT_TRUE(whole.starts_with(kept));
  Listener listener;  // also while its reader pauses and nothing else happens
  request.timeout_ms = 20;
  ASSERT_TRUE(engine.submit(request, listener.sink(SinkAnswer::kPause)));
  EXPECT_EQ(listener.wait(), FinishReason::kTimeout);
  request.timeout_ms = -1;
  EXPECT_EQ(engine.complete(request).error().code, Code::kInvalid);
}

TEST(Engine, AFullContextLetsTheOldestGoWhereItMayAndSaysHowMany) {
  const TinyModelFile file;
  Engine engine = open(file, {.context_tokens = 64});
  std::vector<Token> prompt;
  for (int i = 0; i < 100; ++i) prompt.push_back(i);
  EXPECT_EQ(engine.complete(request_of(prompt, 10)).error().code, Code::kTooLong);
  Request request = request_of(prompt, 5);
  request.keep_tokens = 4;
  const auto reply = engine.complete(request);
  ASSERT_TRUE(reply) << reply.error().message;
  EXPECT_EQ(reply->usage.dropped_tokens, 100 - 48);
  // The same as asking with what remains: its first 4 and latest 44.
  std::vector<Token> remains(prompt.begin(), prompt.begin() + 4);
  remains.insert(remains.end(), prompt.end() - 44, prompt.end());
  Request greedy = request_of(prompt, 5), of_remains = request_of(remains, 5);
  greedy.sampling.temperature = of_remains.sampling.temperature = 0;
  greedy.keep_tokens = 4;
  EXPECT_EQ(engine.complete(greedy)->text, engine.complete(of_remains)->text);
  // And the reply goes on as long as it likes.
  request = request_of({1, 2, 3}, 200);
  request.keep_tokens = 3;
  const auto longer = engine.complete(request);
  ASSERT_TRUE(longer);
  EXPECT_EQ(longer->usage.completion_tokens, 200);
  EXPECT_EQ(longer->usage.dropped_tokens % 32, 0);
  EXPECT_GT(longer->usage.dropped_tokens, 100);
  request.keep_tokens = -1;
  EXPECT_EQ(engine.complete(request).error().message, "keep_tokens: expected 0 to 1073741824, found -1");
}

TEST(Engine, ChoicesAreTheRepliesOfTheSeedsAndReadThePromptOnce) {
  const TinyModelFile file;
  Engine engine = open(file, {.context_tokens = 256});
  std::vector<Token> prompt;
  for (int i = 0; i < 100; ++i) prompt.push_back(i);
  std::vector<std::string> alone;
  for (const uint64_t seed : {7U, 8U, 9U})
    alone.push_back(open(file, {.context_tokens = 256}).complete(request_of(prompt, 20, seed))->text);
  Request request = request_of(prompt, 20, 7);
  request.choices = 3;
  const auto replies = engine.complete_all(request);
  ASSERT_TRUE(replies) << replies.error().message;
  ASSERT_EQ(replies->size(), 3U);
  for (size_t i = 0; i < 3; ++i) EXPECT_EQ((*replies)[i].text, alone[i]) << i;
  EXPECT_EQ((*replies)[0].usage.cached_tokens, 0);
  EXPECT_EQ((*replies)[1].usage.cached_tokens, 96);  // whole pages
  EXPECT_EQ((*replies)[2].usage.cached_tokens, 96);
  EXPECT_EQ(engine.complete(request).error().message, "choices: 3 where one is expected");
  request.choices = 9;
  EXPECT_EQ(engine.complete_all(request).error().message, "choices: expected 1 to 8, found 9");
}

TEST(Engine, CancellingARequestEndsAllItsChoices) {
  const TinyModelFile file;
  Engine engine = open(file, {.context_tokens = 1024});
  Request request = request_of({1}, 1000);
  request.choices = 3;
  std::atomic<int> cancelled = 0;
  std::promise<void> began, over;
  const auto id = engine.submit(request, [&, has_begun = std::make_shared<std::atomic<bool>>(false)](const Event& event) {
    if (!has_begun->exchange(true)) began.set_value();
    if (event.finished == FinishReason::kCancelled && ++cancelled == 3) over.set_value();
    return SinkAnswer::kMore;
  });
  ASSERT_TRUE(id);
  began.get_future().wait();
  engine.cancel(*id);
  over.get_future().wait();
}

TEST(Engine, ASinkThatWantsNoMoreEndsItsRequest) {
  const TinyModelFile file;
  Engine engine = open(file);
  Listener listener;
  ASSERT_TRUE(engine.submit(request_of({1}, 1000), listener.sink(SinkAnswer::kStop)));
  EXPECT_EQ(listener.wait(), FinishReason::kCancelled);
}

TEST(Engine, APausedRequestWaitsForResumeAndThenGivesTheSameText) {
  const TinyModelFile file;
  Engine engine = open(file, {.context_tokens = 128, .cache_tokens = 512});
  const std::string whole = engine.complete(request_of({1}, 10))->text;
  Listener listener;
  const auto id = engine.submit(request_of({1}, 10), listener.sink(SinkAnswer::kPause));
  ASSERT_TRUE(id);
  listener.wait_for_text();
  const int events = listener.events();
  ASSERT_TRUE(engine.complete(request_of({2}, 20)));  // others go on meanwhile
  EXPECT_EQ(listener.events(), events);
  for (int i = 0; i < 10; ++i) {
    const int before = listener.events();
    engine.resume(*id);
    ASSERT_TRUE(engine.complete(request_of({2}, 2)));
    if (listener.events() == before) break;
  }
  EXPECT_EQ(listener.wait(), FinishReason::kLength);
  EXPECT_EQ(listener.text(), whole);
}

TEST(Engine, RefusesWhatItCannotAnswerAndNamesTheField) {
  const TinyModelFile file;
  Engine engine = open(file, {.context_tokens = 32});
  EXPECT_EQ(engine.complete({.prompt = {}}).error().message, "prompt: no tokens");
  EXPECT_EQ(engine.complete({.prompt = {1, 258}}).error().message, "prompt: token 258 at index 1 is outside the vocabulary of 258");
  EXPECT_EQ(engine.complete({.prompt = {1}, .max_tokens = 0}).error().message, "max_tokens: 0 is neither -1 nor at least 1");
  EXPECT_EQ(engine.complete({.prompt = {1}, .stop = {""}}).error().message, "stop: a string of 0 bytes, expected 1 to 256");
  EXPECT_EQ(engine.complete({.prompt = {1}, .sampling = {.top_p = 2}}).error().code, Code::kInvalid);
  const auto too_long = engine.complete({.prompt = std::vector<Token>(32, 1)});
  EXPECT_EQ(too_long.error().code, Code::kTooLong);
  EXPECT_EQ(too_long.error().message, "prompt of 32 tokens leaves no room in the context of 32");
}

TEST(Engine, AFullQueueIsBusyAndEmptiesAgain) {
  const TinyModelFile file;
  Engine engine = open(file, {.context_tokens = 1024});
  std::vector<Listener> listeners(64);
  std::vector<RequestId> ids;
  for (Listener& listener : listeners) {
    const auto id = engine.submit(request_of({1}, 1000), listener.sink());
    ASSERT_TRUE(id);
    ids.push_back(*id);
  }
  EXPECT_EQ(engine.complete(request_of({1}, 1)).error().code, Code::kBusy);
  EXPECT_EQ(engine.stats().refused, 1U);
  for (const RequestId id : ids) engine.cancel(id);
  for (Listener& listener : listeners) EXPECT_EQ(listener.wait(), FinishReason::kCancelled);
}

TEST(Engine, WhoHasTheReplyFindsItCounted) {
  const TinyModelFile file;
  Engine engine = open(file);
  for (uint64_t requests = 1; requests <= 3; ++requests) {
    ASSERT_TRUE(engine.complete(request_of({1, 2, 3}, 5)));
    const EngineStats stats = engine.stats();
    EXPECT_EQ(stats.requests, requests);
    EXPECT_EQ(stats.generated_tokens, 5 * requests);
    EXPECT_EQ(stats.tokens, (3 + 4) * requests);
    EXPECT_EQ(stats.request.count(), requests);
  }
}

TEST(Engine, ClosingTheEngineEndsWhatStillRuns) {
  const TinyModelFile file;
  Listener listener;
  {
    Engine engine = open(file, {.context_tokens = 1024});
    ASSERT_TRUE(engine.submit(request_of({1}, 1000), listener.sink()));
  }
  EXPECT_EQ(listener.wait(), FinishReason::kCancelled);
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

TEST(Engine, LogProbabilitiesAreTheSoftmaxOfTheModelsLogits) {
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

TEST(Engine, AnEmbeddingIsTheStatesOfItsTokensPooled) {
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

TEST(Engine, AContinuationMayFillTheContextAndNotMore) {
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

TEST(Engine, ALogitThatIsNotFiniteEndsTheRequestHoweverItSamples) {
  // Row 200 of the head is so large that its products leave float32; the other logits are 0.
  const TinyModelFile file({.change_tensors = [](auto& tensors) {
    std::string head(TinyModel::kVocabulary * 64 * 4, '\0');
    const float much = 3e38F;
    for (size_t i = 200 * 64; i < 201 * 64; ++i) std::memcpy(head.data() + i * 4, &much, 4);
    tensors.push_back({"output.weight", {TinyModel::kVocabulary, 64}, head, true});
  }});
  Engine engine = open(file);
  for (const SamplingOptions& sampling :
       {SamplingOptions{.temperature = 0}, SamplingOptions{}, SamplingOptions{.top_k = 0}, SamplingOptions{.presence_penalty = 1}}) {
    const auto reply = engine.complete({.prompt = {1, 2}, .max_tokens = 5, .sampling = sampling});
    ASSERT_FALSE(reply);
    EXPECT_EQ(reply.error().code, Code::kNumeric);
    EXPECT_EQ(reply.error().message, "token 2: the logit of token id 200 is not finite");
  }
  EXPECT_EQ(engine.log_probabilities({1}, {2, 3}).error().message, "token 1: the logit of token id 200 is not finite");
}

TEST(Engine, ADraftModelsMemoryIsPlannedWithTheModels) {
  const TinyModelFile file;
  const EngineOptions options{.kv_memory_bytes = 64 << 20};
  EngineOptions drafted = options;
  drafted.draft_model = file.path();
  const EngineMemory alone = open(file, options).memory(), both = open(file, drafted).memory();
  EXPECT_EQ(both.weights, 2 * alone.weights);
  EXPECT_EQ(both.workspace, 2 * alone.workspace);
  EXPECT_EQ(both.cache_tokens, alone.cache_tokens / 2 / kPagePositions * kPagePositions);
  EXPECT_LE(both.cache, options.kv_memory_bytes);
}

TEST(Engine, AContextBeyondTheModelsIsRefused) {
  const TinyModelFile file({.context = 64});
  const auto engine = Engine::open(file.path(), {.context_tokens = 65});
  ASSERT_FALSE(engine);
  EXPECT_EQ(engine.error().code, Code::kTooLong);
}

}  // namespace
}  // namespace halfbyte
