// Attention through a compiled step against its formula in double precision.
#include <gtest/gtest.h>

#include <cmath>

#include "ops/program.h"
#include "ops/test_weights.h"

namespace halfbyte {
namespace {

constexpr int kWidth = 32, kVocabulary = 40, kHeads = 4, kKvHeads = 2, kKeyDims = 24, kValueDims = 16;

// logits(embed + o(attend(q, k, v))), all float32; a key is wider than a value.
class AttentionTest : public testing::Test, protected TestWeights {
 protected:
  AttentionTest()
      : table_(matrix(kVocabulary, kWidth)),
        q_(matrix(kHeads * kKeyDims, kWidth)),
        k_(matrix(kKvHeads * kKeyDims, kWidth)),
        v_(matrix(kKvHeads * kValueDims, kWidth)),
        o_(matrix(kWidth, kHeads * kValueDims)) {}

  void record(Step& s) const {
    const Tensor x = s.embed(table_);
    const Tensor h = s.attend({.layer = 0, .scale = kScale}, s.heads(s.linear(x, {q_, {}}), kKeyDims),
                              s.heads(s.linear(x, {k_, {}}), kKeyDims), s.heads(s.linear(x, {v_, {}}), kValueDims));
    s.logits(s.output(s.add(x, s.linear(h, {o_, {}}))), {table_, {}});
  }

  // Logits after the last of the tokens.
  std::vector<double> expected(std::span<const Token> tokens) const {
    std::vector<std::vector<double>> x, k, v;
    for (const Token token : tokens) {
      x.push_back(values_of(table_, static_cast<size_t>(token)));
      k.push_back(times(k_, x.back()));
      v.push_back(times(v_, x.back()));
    }
    const std::vector<double> q = times(q_, x.back());
    std::vector<double> attended;
    for (size_t head = 0; head < kHeads; ++head) {
      const size_t kv_head = head / (kHeads / kKvHeads);
      std::vector<double> sum(kValueDims);
      double weight = 0;
      for (size_t j = 0; j < tokens.size(); ++j) {
        double score = 0;
        for (size_t d = 0; d < kKeyDims; ++d) score += q[head * kKeyDims + d] * k[j][kv_head * kKeyDims + d];
        const double p = std::exp(score * static_cast<double>(kScale));
        weight += p;
        for (size_t d = 0; d < kValueDims; ++d) sum[d] += p * v[j][kv_head * kValueDims + d];
      }
      for (const double value : sum) attended.push_back(value / weight);
    }
    std::vector<double> out = times(o_, attended);
    for (size_t c = 0; c < kWidth; ++c) out[c] += x.back()[c];
    return times(table_, out);
  }

  static constexpr float kScale = 1.5F;
  MatrixId table_, q_, k_, v_, o_;
};

// A long prompt in two steps, then single tokens: whole pages, parts of blocks, and the stage that merges them.
TEST_F(AttentionTest, KeysMayBeWiderThanValues) {
  Step step(weights);
  record(step);
  StateList list;
  list.paged(0, {.heads = kKvHeads, .k_dims = kKeyDims, .v_dims = kValueDims});
  const StateLayout layout(list, **find_kv_type("k", "f32"), **find_kv_type("v", "f32"));
  std::vector<Token> tokens;
  for (int t = 0; t < 300; ++t) tokens.push_back(t * t % kVocabulary);
  for (const int threads : {1, 2}) {
    const auto program = Program::compile(step, layout, {.isa = isas_here().back(), .threads = threads, .max_tokens = 200});
    ASSERT_TRUE(program) << program.error().message;
    auto workspace = program->workspace();
    ASSERT_TRUE(workspace);
    ThreadPool pool(threads);
    std::vector<std::vector<std::byte>> pages;
    std::vector<std::byte*> table;
    for (size_t page = 0; page < 10; ++page) table.push_back(pages.emplace_back(layout.page_bytes()).data());
    int known = 0;
    for (const int count : {200, 97, 1, 1, 1}) {
      const SliceRows slice{.count = count, .first_position = known, .pages = {table.data()}};
      const WantedRow wanted{.row = count - 1, .need = {.row = true}};
      known += count;
      program->run({.tokens = std::span(tokens).subspan(static_cast<size_t>(known - count), static_cast<size_t>(count)),
                    .slices = {&slice, 1},
                    .wanted = {&wanted, 1}},
                   pool, *workspace, [&](size_t, const Logits& logits) {
                     const std::vector<double> right = expected(std::span(tokens).first(static_cast<size_t>(known)));
                     for (size_t v = 0; v < right.size(); ++v) EXPECT_NEAR(static_cast<double>(logits.row[v]), right[v], 1e-5) << known;
                   });
    }
  }
}

}  // namespace
}  // namespace halfbyte
