// The promise of the canonical order: a sequence's logits are the same bits however its tokens are cut, shared out or accompanied.
#include "engine/runner.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>

#include "engine/evaluate.h"
#include "engine/measure.h"
#include "models/tiny_model.h"

namespace halfbyte {
namespace {

using Rows = std::vector<std::vector<float>>;  // logits by position

std::vector<Token> some_tokens(int n, int step = 37) {
  std::vector<Token> out;
  for (int i = 0; i < n; ++i) out.push_back((i * step + 11) % TinyModel::kVocabulary);
  return out;
}

struct Bench {
  explicit Bench(const TinyModel& tiny, int threads = 2) : file(tiny), pool(threads), model(std::move(*load_model(file.path(), pool))) {}
  TinyModelFile file;
  ThreadPool pool;
  Model model;

  Rows logits(const std::vector<Token>& tokens, const EvaluateOptions& options = {}) {
    Rows out;
    const auto ran =
        evaluate(model, pool, tokens, options, 0, [&](size_t, std::span<const float> l) { out.emplace_back(l.begin(), l.end()); });
    EXPECT_TRUE(ran) << ran.error().message;
    return out;
  }
};

bool same_bits(const Rows& a, const Rows& b) {
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); ++i)
    if (a[i].size() != b[i].size() || std::memcmp(a[i].data(), b[i].data(), a[i].size() * sizeof(float)) != 0) return false;
  return true;
}

class RunnerTest : public testing::TestWithParam<const char*> {};

TEST_P(RunnerTest, ChunksAndThreadsDoNotChangeABit) {
  const TinyModel tiny{.format = GetParam()};
  const std::vector<Token> tokens = some_tokens(300);  // more than one cache block
  const Rows whole = Bench(tiny, 1).logits(tokens);
  ASSERT_EQ(whole.size(), tokens.size());
  for (const int threads : {1, 2, 3})
    for (const int chunk : {1, 7, 64, 512})
      EXPECT_TRUE(same_bits(whole, Bench(tiny, threads).logits(tokens, {.chunk_tokens = chunk}))) << threads << " threads, chunk " << chunk;
}

TEST_P(RunnerTest, NeitherDoTheyWithAnyCacheType) {
  const TinyModel tiny{.format = GetParam()};
  const std::vector<Token> tokens = some_tokens(300);
  for (const KvTypeName& kind : kKvTypes) {
    SCOPED_TRACE(kind.name);
    const Rows whole = Bench(tiny, 1).logits(tokens, {.kv_type = kind.type});
    EXPECT_EQ(same_bits(whole, Bench(tiny, 1).logits(tokens)), kind.type == KvType::kF16);
    for (const auto& [threads, chunk] : {std::pair(1, 1), std::pair(2, 7), std::pair(3, 64)})
      EXPECT_TRUE(same_bits(whole, Bench(tiny, threads).logits(tokens, {.chunk_tokens = chunk, .kv_type = kind.type})));
  }
}

TEST_P(RunnerTest, EveryInstructionSetComputesTheSameBits) {
  Bench bench({.format = GetParam()});
  const std::vector<Token> tokens = some_tokens(40);
  const char* forced = std::getenv("HALFBYTE_ISA");
  const std::string before = forced != nullptr ? forced : "";
  Rows scalar;
  for (const Isa isa : isas_here()) {
    ::setenv("HALFBYTE_ISA", std::string(name(isa)).c_str(), 1);
    const Rows logits = bench.logits(tokens);
    if (isa == Isa::kScalar) scalar = logits;
    EXPECT_TRUE(same_bits(logits, scalar)) << name(isa);
  }
  ::setenv("HALFBYTE_ISA", before.c_str(), 1);  // empty: the strongest
}

TEST_P(RunnerTest, ASlidingWindowDoesNotDependOnChunksEither) {
  const TinyModel tiny{.window = 40, .format = GetParam()};
  const std::vector<Token> tokens = some_tokens(300);
  Bench bench(tiny);
  const Rows whole = bench.logits(tokens);
  EXPECT_TRUE(same_bits(whole, bench.logits(tokens, {.chunk_tokens = 1})));
  EXPECT_TRUE(same_bits(whole, bench.logits(tokens, {.chunk_tokens = 23})));
  EXPECT_FALSE(same_bits(whole, Bench({.format = GetParam()}).logits(tokens)));
}

TEST_P(RunnerTest, ArgMaxAndLogProbabilitiesAreThoseOfTheRows) {
  const TinyModel tiny{.format = GetParam()};
  const std::vector<Token> tokens = some_tokens(80);
  const Rows rows = Bench(tiny, 1).logits(tokens);
  std::vector<Token> best;
  for (const std::vector<float>& row : rows) best.push_back(static_cast<Token>(std::ranges::max_element(row) - row.begin()));
  std::vector<double> scores;
  for (const auto& [threads, chunk] : {std::pair(1, 512), std::pair(2, 1), std::pair(3, 7), std::pair(2, 64)}) {
    Bench bench(tiny, threads);
    auto runner = Runner::create(bench.model, bench.pool, {.cache_tokens = 128, .chunk_tokens = chunk});
    CachedSequence sequence;
    std::vector<Token> greedy;
    for (size_t from = 0; from < tokens.size(); from += static_cast<size_t>(chunk)) {
      const auto piece = std::span(tokens).subspan(from, std::min<size_t>(static_cast<size_t>(chunk), tokens.size() - from));
      const Runner::Slice slice{.sequence = &sequence, .tokens = piece, .need = {.greatest = 1}};
      ASSERT_TRUE(runner->run({&slice, 1}, [&](size_t, size_t, const Logits& l) { greedy.push_back(l.greatest[0].token); }));
    }
    EXPECT_EQ(greedy, best) << threads << " threads, chunk " << chunk;
    const auto scored = log_probabilities(bench.model, bench.pool, tokens, {.chunk_tokens = chunk});
    ASSERT_TRUE(scored) << scored.error().message;
    if (scores.empty()) scores = *scored;
    EXPECT_EQ(*scored, scores) << threads << " threads, chunk " << chunk;
  }
  ASSERT_EQ(scores.size(), tokens.size() - 1);
  for (size_t i = 0; i < scores.size(); ++i) {
    double sum = 0;
    for (const float logit : rows[i]) sum += std::exp(static_cast<double>(logit));
    EXPECT_NEAR(scores[i], static_cast<double>(rows[i][static_cast<size_t>(tokens[i + 1])]) - std::log(sum), 1e-6);
  }
}

TEST_P(RunnerTest, NorDoesAMixtureOfExperts) {
  const TinyModel tiny{.experts = 8, .format = GetParam()};
  const std::vector<Token> tokens = some_tokens(400);  // of an expert, more than are gathered at once
  const Rows whole = Bench(tiny, 1).logits(tokens);
  for (const auto& [threads, chunk] : {std::pair(1, 1), std::pair(2, 8), std::pair(2, 512), std::pair(3, 9), std::pair(3, 512)})
    EXPECT_TRUE(same_bits(whole, Bench(tiny, threads).logits(tokens, {.chunk_tokens = chunk}))) << threads << " threads, chunk " << chunk;
  const TinyModel fewer{.experts = 8, .experts_used = 2, .format = GetParam()};
  EXPECT_FALSE(same_bits(whole, Bench(fewer).logits(tokens)));
}

INSTANTIATE_TEST_SUITE_P(Formats, RunnerTest, testing::Values("F32", "F16", "BF16", "Q8_0", "Q4_1", "MXFP4"));

void expect_slices_get_the_bits_they_get_alone(const TinyModel& tiny) {
  Bench bench(tiny);
  const std::vector<Token> a = some_tokens(50), b = some_tokens(5, 101);
  const Rows alone_a = bench.logits(a), alone_b = bench.logits(b);
  auto runner = Runner::create(bench.model, bench.pool, {.cache_tokens = 128, .chunk_tokens = 64});
  ASSERT_TRUE(runner);
  CachedSequence cache_a, cache_b;
  const Runner::Slice slices[] = {{.sequence = &cache_a, .tokens = a, .need = {.row = true}},
                                  {.sequence = &cache_b, .tokens = b, .need = {.row = true}}};
  Rows together[2];
  ASSERT_TRUE(
      runner->run(slices, [&](size_t slice, size_t, const Logits& l) { together[slice].emplace_back(l.row.begin(), l.row.end()); }));
  EXPECT_TRUE(same_bits(together[0], alone_a));
  EXPECT_TRUE(same_bits(together[1], alone_b));
}

TEST(Runner, SlicesOfOneStepGetTheBitsTheyGetAlone) {
  expect_slices_get_the_bits_they_get_alone({.format = "Q4_1"});
  expect_slices_get_the_bits_they_get_alone({.experts = 8, .format = "Q4_1"});
}

TEST(Runner, PagesOutsideTheWindowAreGivenBack) {
  Bench bench({.window = 32});
  auto runner = Runner::create(bench.model, bench.pool, {.cache_tokens = 96, .chunk_tokens = 16});
  ASSERT_TRUE(runner);
  ASSERT_EQ(runner->pages(), 3);
  const std::vector<Token> tokens = some_tokens(320);
  CachedSequence sequence;
  for (size_t from = 0; from < tokens.size(); from += 16) {
    const Runner::Slice slice{.sequence = &sequence, .tokens = std::span(tokens).subspan(from, 16), .first_wanted = 16};
    ASSERT_TRUE(runner->run({&slice, 1}, [](size_t, size_t, const Logits&) {})) << from;
  }
  EXPECT_EQ(sequence.length, 320);
}

TEST(Runner, AFullCacheIsBusyNotWrong) {
  Bench bench({});
  auto runner = Runner::create(bench.model, bench.pool, {.cache_tokens = 32, .chunk_tokens = 64});
  const std::vector<Token> tokens = some_tokens(33);
  CachedSequence sequence;
  const Runner::Slice slice{.sequence = &sequence, .tokens = tokens};
  const auto ran = runner->run({&slice, 1}, [](size_t, size_t, const Logits&) {});
  ASSERT_FALSE(ran);
  EXPECT_EQ(ran.error().code, Code::kBusy);
  EXPECT_EQ(sequence.length, 0);
}

TEST(Runner, ALayerNeedsAtMostSixBarriersAtOneTokenAndOneMoreWithExperts) {
  Bench bench({.layers = 4});
  const auto measured = measure(bench.model, bench.pool, {.generated_tokens = 8}, {});
  ASSERT_TRUE(measured);
  EXPECT_GT(measured->barriers_per_layer, 1);
  EXPECT_LE(measured->barriers_per_layer, 6);
  Bench mixture({.layers = 4, .experts = 8});
  const auto measured_mixture = measure(mixture.model, mixture.pool, {.generated_tokens = 8}, {});
  ASSERT_TRUE(measured_mixture);
  EXPECT_LE(measured_mixture->barriers_per_layer, 7);
}

TEST(Measure, StepsAndDepthAreRunAsAsked) {
  Bench bench({.context = 64});
  const auto measured = measure(bench.model, bench.pool, {.prompt_tokens = 8, .depth = 20, .step_sizes = {1, 4}}, {});
  ASSERT_TRUE(measured);
  EXPECT_GT(measured->prompt_seconds, 0);
  EXPECT_EQ(measured->generation_seconds, 0);
  ASSERT_EQ(measured->step_seconds.size(), 2U);
  EXPECT_GT(measured->step_seconds[1], 0);
  const auto too_deep = measure(bench.model, bench.pool, {.generated_tokens = 8, .depth = 57}, {});
  ASSERT_FALSE(too_deep);
  EXPECT_EQ(too_deep.error().message, "65 tokens, the model's context is 64");
}

TEST(Evaluate, ATokenOutsideTheVocabularyIsRefusedByIndex) {
  Bench bench({});
  const std::vector<Token> tokens{1, 2, TinyModel::kVocabulary};
  const auto ran = evaluate(bench.model, bench.pool, tokens, {}, 0, [](size_t, std::span<const float>) {});
  ASSERT_FALSE(ran);
  EXPECT_EQ(ran.error().message, "tokens: token 258 at index 2 is outside the vocabulary of 258");
}

TEST(Evaluate, TheLastTokenOfAScoreIsCheckedThoughItIsNotRun) {
  Bench bench({});
  const std::vector<Token> tokens{1, 2, TinyModel::kVocabulary};
  EXPECT_EQ(log_probabilities(bench.model, bench.pool, tokens, {}).error().message,
            "tokens: token 258 at index 2 is outside the vocabulary of 258");
}

TEST(Evaluate, MoreTokensThanTheContextAreTooLong) {
  Bench bench({.context = 16});
  const auto ran = evaluate(bench.model, bench.pool, some_tokens(17), {}, 0, [](size_t, std::span<const float>) {});
  ASSERT_FALSE(ran);
  EXPECT_EQ(ran.error().code, Code::kTooLong);
}

TEST(Evaluate, LogitsThatAreNotFiniteAreAnErrorWithThePosition) {
  Bench bench({.change_tensors = [](auto& tensors) {
    for (float value = 3e38F; auto& t : tensors)
      if (t.name == "blk.0.ffn_down.weight")
        for (size_t i = 0; i < t.data.size(); i += 4) std::memcpy(t.data.data() + i, &value, 4);
  }});
  const auto ran = evaluate(bench.model, bench.pool, some_tokens(3), {}, 0, [](size_t, std::span<const float>) {});
  ASSERT_FALSE(ran);
  EXPECT_EQ(ran.error().code, Code::kNumeric);
  EXPECT_NE(ran.error().message.find("logits after token 0 are not finite"), std::string::npos);
}

}  // namespace
}  // namespace halfbyte
