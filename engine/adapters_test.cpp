#include "engine/adapters.h"

#include <gtest/gtest.h>

#include <limits>

#include "models/tiny_adapter.h"

namespace halfbyte {
namespace {

namespace fs = std::filesystem;

constexpr int kTokens = 100;  // of a prompt: three pages and more

Request about(std::vector<AdapterUse> adapters) {
  Request request{.max_tokens = 12, .adapters = std::move(adapters), .ignore_eos = true};
  for (int i = 0; i < kTokens; ++i) request.prompt.push_back((i * 37 + 11) % 256);
  request.sampling.temperature = 0;
  return request;
}

class EngineAdapters : public testing::Test {
 protected:
  static constexpr const char* kNames[] = {"one", "two"};
  EngineOptions options() const { return {.context_tokens = 256, .threads = 2, .adapters = {{"one", one_.path()}, {"two", two_.path()}}}; }
  Engine opened(const EngineOptions& options) const {
    auto engine = Engine::open(file_.path(), options);
    EXPECT_TRUE(engine) << engine.error().message;
    return std::move(*engine);
  }
  std::string refusal(std::vector<AdapterUse> asked) const {
    Engine engine = opened(options());
    const auto reply = engine.complete(about(std::move(asked)));
    return reply ? "answered" : reply.error().message;
  }

  TinyModel model_;
  TinyModelFile file_;
  TinyAdapterFile one_{model_, {.rank = 4}}, two_{model_, {.rank = 9, .seed = 2}};
};

TEST_F(EngineAdapters, GiveTheReplyOfTheMergedModel) {
  const TinyModelFile merged(TinyAdapter{.rank = 4}.merged(model_));
  EngineOptions options = this->options();
  options.kv_types = {"f32", "f32"};
  Engine engine = opened(options);
  options.adapters.clear();
  auto of_merged = Engine::open(merged.path(), options);
  ASSERT_TRUE(of_merged);
  const std::string plain = engine.complete(about({}))->text, expected = of_merged->complete(about({}))->text;
  EXPECT_NE(plain, expected);
  EXPECT_EQ(engine.complete(about({{"one", 1}}))->text, expected);
  EXPECT_EQ(engine.complete(about({{"one", 0}}))->text, plain);
  EXPECT_NE(engine.complete(about({{"two", 1}}))->text, expected);
  EXPECT_EQ(opened(options).complete(about({}))->text, plain);
}

TEST_F(EngineAdapters, ShareNoPageOfAPrefixWithOthers) {
  Engine engine = opened(options());
  const std::vector<std::vector<AdapterUse>> uses = {
      {}, {{"one", 1}}, {{"two", 1}}, {{"one", 0.5F}}, {{"one", 1}, {"two", 1}}, {{"two", 1}, {"one", 1}}};
  for (const auto& use : uses) EXPECT_EQ(engine.complete(about(use))->usage.cached_tokens, 0);
  for (const auto& use : uses) EXPECT_EQ(engine.complete(about(use))->usage.cached_tokens, 96);
  EXPECT_EQ(engine.complete(about({{"one", 0}}))->usage.cached_tokens, 96) << "as without it";
  Request forged = about({});
  forged.principal = "\n";
  EXPECT_EQ(engine.complete(forged)->usage.cached_tokens, 0);
}

TEST_F(EngineAdapters, ShareNoPageOnDiskUnlessTheirBitsAreTheSame) {
  const fs::path folder = fs::path(testing::TempDir()) / "halfbyte-adapters-test-prefixes";
  fs::remove_all(folder);
  EngineOptions options = this->options();
  options.prefix_cache_folder = folder;
  const std::string expected = opened(options).complete(about({{"one", 1}}))->text;
  {
    Engine engine = opened(options);
    EXPECT_EQ(engine.complete(about({}))->usage.cached_tokens, 0);
    const auto again = engine.complete(about({{"one", 1}}));
    EXPECT_EQ(again->usage.cached_tokens, 96);
    EXPECT_EQ(again->text, expected);
  }
  options.adapters = {{"one", two_.path()}, {"other", one_.path()}};
  Engine engine = opened(options);
  EXPECT_EQ(engine.complete(about({{"one", 1}}))->usage.cached_tokens, 0) << "the name alone says nothing";
  EXPECT_EQ(engine.complete(about({{"other", 1}}))->usage.cached_tokens, 96);
  fs::remove_all(folder);
}

TEST_F(EngineAdapters, AreThoseThatASessionWasComputedWith) {
  const fs::path path = fs::path(testing::TempDir()) / "halfbyte-adapters-test-session";
  const std::vector<AdapterUse> one = {{"one", 1}};
  Session session{.tokens = about({}).prompt};
  {
    Engine engine = opened(options());
    EXPECT_TRUE(engine.complete(about(one)));
    EXPECT_EQ(*engine.save_session(path, session, {}, one), 96);
  }
  Engine engine = opened(options());
  EXPECT_EQ(*engine.load_session(path, session), 0) << "without the adapter there is nothing";
  EXPECT_EQ(engine.complete(about({}))->usage.cached_tokens, 0);
  EXPECT_EQ(*engine.load_session(path, session, {}, one), 96);
  EXPECT_EQ(engine.complete(about(one))->usage.cached_tokens, 96);
  fs::remove(path);
}

TEST_F(EngineAdapters, ScoreAndEmbedToo) {
  Engine engine = opened(options());
  const std::vector<Token> prompt = about({}).prompt, continuation = {1, 2, 3};
  EXPECT_NE(engine.log_probabilities(prompt, continuation)->values, engine.log_probabilities(prompt, continuation, {{"one", 1}})->values);
  EXPECT_NE(*engine.embed(prompt, Pooling::kMean), *engine.embed(prompt, Pooling::kMean, {{"two", 1}}));
}

TEST_F(EngineAdapters, AreCountedAmongTheWeights) {
  EngineOptions without = options();
  without.adapters.clear();
  const uint64_t base = opened(without).memory().weights, with = opened(options()).memory().weights;
  // A and B of both, of 7 matrices in each of two layers: rows in panels of 16.
  const uint64_t rank = 16, inputs = 6 * 64 + 96, outputs = 64 + 32 + 32 + 64 + 96 + 96 + 64;
  EXPECT_EQ(with - base, 2 * sizeof(float) * (2 * rank * inputs + (4 + 9) * outputs));
}

TEST_F(EngineAdapters, AreAskedForByNamesThatAreKnown) {
  EXPECT_EQ(refusal({{"three", 1}}), "adapters: no 'three'; this engine has one, two");
  EXPECT_EQ(refusal({{"one", 1}, {"one", 1}}), "adapters: 'one' is asked for twice");
  EXPECT_EQ(refusal({{"one", std::numeric_limits<float>::infinity()}}), "adapters: the scale of 'one' is not finite");
  EXPECT_EQ(refusal(std::vector<AdapterUse>(5, {"one", 1})), "adapters: 5 asked for, at most 4");
  EngineOptions twice = options();
  twice.adapters[1].name = "one";
  EXPECT_EQ(Engine::open(file_.path(), twice).error().message, "adapters: two are called 'one'");
  EngineOptions missing = options();
  missing.adapters[1].path = "/nowhere/adapter.gguf";
  EXPECT_EQ(Engine::open(file_.path(), missing).error().code, Code::kNotFound);
}

}  // namespace
}  // namespace halfbyte
