#include "halfbyte/engine.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstring>

#include "engine/test_engine.h"
#include "kernels/attention.h"

namespace halfbyte {
namespace {

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

TEST(Engine, RequestsThatDoNotFitTheCacheTogetherWaitForEachOther) {
  const TinyModelFile file;
  Engine engine = open(file, {.context_tokens = 64});  // room for one sequence
  std::vector<Listener> listeners(3);
  for (Listener& listener : listeners) ASSERT_TRUE(engine.submit(request_of({5, 6}, 60), listener.sink()));
  for (Listener& listener : listeners) EXPECT_EQ(listener.wait(), FinishReason::kLength);
  EXPECT_EQ(listeners[0].text(), listeners[2].text());
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
