// The promise of the canonical order: a sequence's logits are the same bits however its tokens are cut, shared out or accompanied.
#include "engine/runner.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "models/tiny_model.h"

namespace halfbyte {
namespace {

using Rows = std::vector<std::vector<float>>;  // logits by position

std::vector<Token> some_tokens(int n, int step = 37) {
  std::vector<Token> out;
  for (int i = 0; i < n; ++i) out.push_back((i * step + 11) % TinyModel::kVocabulary);
  return out;
}

// One step of one sequence, whose tokens are final.
void step(Runner& runner, const SliceTokens& slice, const Runner::Sink& sink) {
  ASSERT_TRUE(runner.memory().reserve(*slice.sequence, static_cast<int>(slice.tokens.size())));
  runner.run({&slice, 1}, sink);
  runner.memory().commit(*slice.sequence);
}

struct Bench {
  explicit Bench(const TinyModel& tiny, int threads = 2) : file(tiny), pool(threads), model(std::move(*load_model(file.path(), pool))) {}
  TinyModelFile file;
  ThreadPool pool;
  Model model;

  // What is needed of the logits after each token.
  void run(std::span<const Token> tokens, RunnerOptions options, const LogitsNeed& need, const Runner::Sink& sink) {
    options.cache_tokens = static_cast<int>(tokens.size());
    options.chunk_tokens = std::min(options.chunk_tokens, options.cache_tokens);
    auto runner = Runner::create(model, pool, options);
    ASSERT_TRUE(runner) << runner.error().message;
    CachedSequence sequence;
    for (const auto chunk = static_cast<size_t>(options.chunk_tokens); !tokens.empty();
         tokens = tokens.subspan(std::min(chunk, tokens.size()))) {
      const SliceTokens slice{.sequence = &sequence, .tokens = tokens.first(std::min(chunk, tokens.size())), .need = need};
      step(*runner, slice, sink);
    }
  }
  Rows logits(const std::vector<Token>& tokens, const RunnerOptions& options = {}) {
    Rows out;
    run(tokens, options, {.row = true}, [&](size_t, size_t, const Logits& l) { out.emplace_back(l.row.begin(), l.row.end()); });
    return out;
  }
  std::vector<double> log_probabilities(const std::vector<Token>& tokens, const RunnerOptions& options) {
    std::vector<double> out;
    run(std::span(tokens).first(tokens.size() - 1), options, {.log_sum_exp = true, .row = true},
        [&](size_t, size_t, const Logits& l) { out.push_back(log_probability(l, tokens[out.size() + 1])); });
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
  std::vector<Rows> seen;
  for (const KvType& k : kv_types())
    for (const KvType& v : kv_types()) {
      SCOPED_TRACE(std::string(k.name) + " keys, " + std::string(v.name) + " values");
      const KvTypes types{std::string(k.name), std::string(v.name)};
      const Rows whole = Bench(tiny, 1).logits(tokens, {.kv_types = types});
      for (const Rows& other : seen) EXPECT_FALSE(same_bits(whole, other)) << "each pair has bits of its own";
      seen.push_back(whole);
      const std::pair<int, int> ways[] = {{1, 1}, {2, 7}, {3, 64}};
      const auto& [threads, chunk] = ways[seen.size() % 3];
      EXPECT_TRUE(same_bits(whole, Bench(tiny, threads).logits(tokens, {.chunk_tokens = chunk, .kv_types = types})));
    }
}

TEST_P(RunnerTest, EveryInstructionSetComputesTheSameBits) {
  Bench bench({.format = GetParam()});
  const std::vector<Token> tokens = some_tokens(40);
  Rows scalar;
  for (const Isa isa : isas_here()) {
    const Rows logits = bench.logits(tokens, {.isa = isa});
    if (isa == Isa::kScalar) scalar = logits;
    EXPECT_TRUE(same_bits(logits, scalar)) << name(isa);
  }
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
    std::vector<Token> greedy;
    bench.run(tokens, {.chunk_tokens = chunk}, {.greatest = 1},
              [&](size_t, size_t, const Logits& l) { greedy.push_back(l.greatest[0].token); });
    EXPECT_EQ(greedy, best) << threads << " threads, chunk " << chunk;
    const std::vector<double> scored = bench.log_probabilities(tokens, {.chunk_tokens = chunk});
    if (scores.empty()) scores = scored;
    EXPECT_EQ(scored, scores) << threads << " threads, chunk " << chunk;
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
  const SliceTokens slices[] = {{.sequence = &cache_a, .tokens = a, .need = {.row = true}},
                                {.sequence = &cache_b, .tokens = b, .need = {.row = true}}};
  Rows together[2];
  for (const SliceTokens& slice : slices) ASSERT_TRUE(runner->memory().reserve(*slice.sequence, static_cast<int>(slice.tokens.size())));
  runner->run(slices, [&](size_t slice, size_t, const Logits& l) { together[slice].emplace_back(l.row.begin(), l.row.end()); });
  EXPECT_TRUE(same_bits(together[0], alone_a));
  EXPECT_TRUE(same_bits(together[1], alone_b));
}

TEST(Runner, SlicesOfOneStepGetTheBitsTheyGetAlone) {
  expect_slices_get_the_bits_they_get_alone({.format = "Q4_1"});
  expect_slices_get_the_bits_they_get_alone({.experts = 8, .format = "Q4_1"});
}

TEST(Runner, SaysThatTheCacheCutsOffKeysThatItCannotHold) {
  const auto warning_of = [](float factor, std::string k, std::string v) {
    Bench bench({.change_tensors = [factor](std::vector<TinyModel::TensorBytes>& tensors) {
      for (TinyModel::TensorBytes& tensor : tensors) {
        if (tensor.name != "blk.0.attn_k.weight") continue;
        std::vector<float> weights(tensor.data.size() / sizeof(float));
        std::memcpy(weights.data(), tensor.data.data(), tensor.data.size());
        for (float& w : weights) w *= factor;
        std::memcpy(tensor.data.data(), weights.data(), tensor.data.size());
      }
    }});
    auto runner = Runner::create(bench.model, bench.pool, {.cache_tokens = 64, .kv_types = {std::move(k), std::move(v)}});
    const std::vector<Token> tokens = some_tokens(40);
    CachedSequence sequence;
    const SliceTokens slice{.sequence = &sequence, .tokens = tokens, .first_wanted = tokens.size()};
    step(*runner, slice, [](size_t, size_t, const Logits&) {});
    return runner->warning();
  };
  EXPECT_EQ(warning_of(1, "f16", "f16"), "");
  EXPECT_EQ(warning_of(3e5F, "f16", "f16"),
            "keys or values beyond 65504 were cut off: a cache of f16 holds no greater ones, kv type bf16, q8_0, f32 does");
  EXPECT_EQ(warning_of(3e5F, "q8_0", "q8_0"), "");
  EXPECT_EQ(warning_of(1e9F, "q8_0", "q8_0"),
            "keys or values beyond 8319008 were cut off: a cache of q8_0 holds no greater ones, kv type bf16, f32 does");
  for (const char* type : {"bf16", "f32"}) EXPECT_EQ(warning_of(1e9F, type, type), "");
  EXPECT_EQ(warning_of(3e5F, "bf16", "f16"), "");
  EXPECT_EQ(warning_of(3e5F, "f16", "bf16"),
            "keys beyond 65504 were cut off: a cache of f16 holds no greater ones, kv type bf16, q8_0, f32 does");
}

TEST(Runner, PagesOutsideTheWindowAreGivenBack) {
  Bench bench({.window = 32});
  auto runner = Runner::create(bench.model, bench.pool, {.cache_tokens = 96, .chunk_tokens = 16});
  ASSERT_TRUE(runner);
  ASSERT_EQ(runner->memory().size().pages, std::vector<int>{3});
  const std::vector<Token> tokens = some_tokens(320);
  CachedSequence sequence;
  for (size_t from = 0; from < tokens.size(); from += 16) {
    const SliceTokens slice{.sequence = &sequence, .tokens = std::span(tokens).subspan(from, 16), .first_wanted = 16};
    step(*runner, slice, [](size_t, size_t, const Logits&) {});
  }
  EXPECT_EQ(sequence.length, 320);
}

// The logits after every token of `tokens`, which follow what the sequence has.
Rows continued(Runner& runner, CachedSequence& sequence, std::span<const Token> tokens) {
  Rows out;
  step(runner, {.sequence = &sequence, .tokens = tokens, .need = {.row = true}},
       [&](size_t, size_t, const Logits& l) { out.emplace_back(l.row.begin(), l.row.end()); });
  return out;
}

class KeptSequence : public testing::TestWithParam<std::tuple<int, KvType>> {
 protected:
  static constexpr int kTokens = 200;
  TinyModel tiny() const { return {.window = std::get<0>(GetParam()), .format = "Q8_0"}; }
  RunnerOptions options() const {
    const std::string type(std::get<1>(GetParam()).name);
    return {.cache_tokens = 2 * kTokens, .kv_types = {type, type}};
  }
};

TEST_P(KeptSequence, RewoundAndReplayedIsNeverDrafted) {
  Bench bench(tiny());
  auto runner = Runner::create(bench.model, bench.pool, options());
  ASSERT_TRUE(runner);
  const std::vector<Token> tokens = some_tokens(kTokens), wrong = some_tokens(kTokens, 101);
  const Rows never = bench.logits(tokens, options());
  CachedSequence sequence;
  Rows found;
  const auto accept = [&](Rows rows) { found.insert(found.end(), rows.begin(), rows.end()); };
  for (const auto& [right, drafted] : {std::pair(3, 5), std::pair(60, 1), std::pair(10, 70), std::pair(1, 33), std::pair(110, 40)}) {
    accept(continued(*runner, sequence, std::span(tokens).subspan(found.size(), static_cast<size_t>(right))));
    const int committed = sequence.length;
    std::vector<Token> draft(wrong.begin(), wrong.begin() + drafted);
    const size_t taken = std::min<size_t>(2, draft.size());  // of the draft so many tokens are right
    std::copy_n(tokens.begin() + committed, taken, draft.begin());
    ASSERT_TRUE(runner->memory().reserve(sequence, drafted));
    const SliceTokens slice{.sequence = &sequence, .tokens = draft, .need = {.row = true}};
    Rows rows;
    runner->run({&slice, 1}, [&](size_t, size_t, const Logits& l) { rows.emplace_back(l.row.begin(), l.row.end()); });
    ASSERT_EQ(runner->memory().rewind(sequence, committed + static_cast<int>(taken)), committed + static_cast<int>(taken));
    runner->memory().commit(sequence);
    rows.resize(taken);
    accept(std::move(rows));
  }
  accept(continued(*runner, sequence, std::span(tokens).subspan(found.size())));
  EXPECT_TRUE(same_bits(found, never));
}

TEST_P(KeptSequence, ASharedPrefixIsThePrefixComputedAlone) {
  Bench bench(tiny());
  auto runner = Runner::create(bench.model, bench.pool, options());
  ASSERT_TRUE(runner);
  const std::vector<Token> tokens = some_tokens(kTokens);
  Rows alone = bench.logits(tokens, options());
  Memory& memory = runner->memory();
  CachedSequence first, second;
  ASSERT_TRUE(memory.reserve(first, kTokens));
  const SliceTokens slice{.sequence = &first, .tokens = tokens, .first_wanted = tokens.size()};
  runner->run({&slice, 1}, [](size_t, size_t, const Logits&) {});
  Prefix prefix{.position = 160, .pages = {{}}};
  for (int page = 0; page < 5; ++page) prefix.pages[0].push_back(memory.keep(first, 0, page));
  memory.commit(first);
  memory.release(first);
  ASSERT_TRUE(memory.share(second, prefix));
  alone.erase(alone.begin(), alone.begin() + 160);
  EXPECT_TRUE(same_bits(continued(*runner, second, std::span(tokens).subspan(160)), alone));
}

TEST_P(KeptSequence, WhatIsReadBackFromBytesIsThePrefixComputedAlone) {
  Bench bench(tiny());
  const std::vector<Token> tokens = some_tokens(kTokens);
  Rows alone = bench.logits(tokens, options());
  auto writer = Runner::create(bench.model, bench.pool, options()), reader = Runner::create(bench.model, bench.pool, options());
  ASSERT_TRUE(writer && reader);
  CachedSequence first, second;
  continued(*writer, first, std::span(tokens).first(96));
  Prefix prefix{.position = 96, .pages = {std::vector<KeptPage>(3)}};
  for (int page = 0; page < 3; ++page) {
    const KeptPage kept = writer->memory().keep(first, 0, page);
    if (kept.index < 0) continue;  // outside the window
    const auto read = reader->memory().read(0, writer->memory().bytes(0, kept));
    ASSERT_TRUE(read);
    prefix.pages[0][static_cast<size_t>(page)] = *read;
  }
  ASSERT_TRUE(reader->memory().share(second, prefix));
  alone.erase(alone.begin(), alone.begin() + 96);
  EXPECT_TRUE(same_bits(continued(*reader, second, std::span(tokens).subspan(96)), alone));
}

INSTANTIATE_TEST_SUITE_P(Windows, KeptSequence, testing::Combine(testing::Values(0, 40), testing::ValuesIn(kv_types())), [](const auto& p) {
  return std::string(std::get<0>(p.param) == 0 ? "all_" : "window_") + std::string(std::get<1>(p.param).name);
});

}  // namespace
}  // namespace halfbyte
