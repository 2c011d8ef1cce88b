#include "ops/program.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <deque>

#include "ops/test_weights.h"
#include "quant/panel.h"

namespace halfbyte {
namespace {

// Weights of a toy without attention: a table, a norm, a gated pair and a way down, all float32.
class ToyTest : public testing::Test, protected TestWeights {
 protected:
  static constexpr int kWidth = 32, kFfn = 48, kVocabulary = 40;

  ToyTest() {
    table_ = matrix(kVocabulary, kWidth);
    gate_ = matrix(kFfn, kWidth);
    up_ = matrix(kFfn, kWidth);
    down_ = matrix(kWidth, kFfn);
    weights.vectors.push_back(std::vector<float>(kWidth, 1.5F));
  }

  // To panels, as loading does.
  void pack_matrices() {
    for (Matrix& m : weights.matrices) {
      const PanelFormat& panel = *m.format->panel;
      const size_t bytes = panel.panel_bytes(m.columns);
      auto& memory = packed_.emplace_back(bytes * m.panels());
      for (uint32_t p = 0; p < m.panels(); ++p)
        panel.pack(m.data + p * kPanelRows * m.stride, static_cast<int>(std::min<uint32_t>(kPanelRows, m.rows - p * kPanelRows)), m.columns,
                   memory.data() + p * bytes);
      m.is_panels = true;
      m.data = memory.data();
      m.stride = bytes;
    }
  }

  // x + down(swiglu(gate x, up x)), then the norm and the tied head.
  void record(Step& s) const {
    const Tensor x = s.embed(table_);
    const Tensor h = s.linear(s.swiglu(s.linear(x, {gate_, {}}), s.linear(x, {up_, {}})), {down_, {}});
    s.logits(s.rms_norm(s.output(s.add(x, h)), {0}, 1e-5F), {table_, {}});
  }

  // The same in double precision.
  std::vector<double> expected(int token) const {
    std::vector<double> x = values_of(table_, static_cast<size_t>(token));
    std::vector<double> g = times(gate_, x), u = times(up_, x);
    for (int i = 0; i < kFfn; ++i) g[static_cast<size_t>(i)] *= u[static_cast<size_t>(i)] / (1 + std::exp(-g[static_cast<size_t>(i)]));
    const std::vector<double> d = times(down_, g);
    double squares = 0;
    for (int i = 0; i < kWidth; ++i) squares += std::pow(x[static_cast<size_t>(i)] += d[static_cast<size_t>(i)], 2);
    for (double& value : x) value *= 1.5 / std::sqrt(squares / kWidth + 1e-5);
    return times(table_, x);
  }

  // The program over `count` tokens, with visit(row, the logits expected of it) for each.
  template <class Visit>
  void run(const Program& program, int threads, int count, Visit visit) const {
    auto workspace = program.workspace();
    ASSERT_TRUE(workspace);
    ThreadPool pool(threads);
    std::vector<Token> tokens;
    std::vector<WantedRow> wanted;
    for (int t = 0; t < count; ++t) {
      tokens.push_back(t * 11 % kVocabulary);
      wanted.push_back({.row = t, .need = {.row = true}});
    }
    const SliceRows slice{.count = count};
    int rows = 0;
    program.run({.tokens = tokens, .slices = {&slice, 1}, .wanted = wanted}, pool, *workspace, [&](size_t i, const Logits& logits) {
      ++rows;
      ASSERT_EQ(logits.row.size(), static_cast<size_t>(kVocabulary));
      visit(logits.row, expected(tokens[i]));
    });
    EXPECT_EQ(rows, count);
  }

  std::deque<std::vector<std::byte>> packed_;
  MatrixId table_, gate_, up_, down_;
};

TEST_F(ToyTest, ComputesTheFormulaForFewAndForManyTokens) {
  Step step(weights);
  record(step);
  for (const int threads : {1, 2}) {
    const auto program =
        Program::compile(step, StateLayout(StateList()), {.isa = isas_here().back(), .threads = threads, .max_tokens = 32});
    ASSERT_TRUE(program) << program.error().message;
    for (const int count : {1, 8, 9, 32})
      run(*program, threads, count, [](std::span<const float> row, const std::vector<double>& right) {
        for (size_t v = 0; v < row.size(); ++v) EXPECT_NEAR(static_cast<double>(row[v]), right[v], 1e-5);
      });
  }
}

// Rows that are no multiple of 16, columns that are no multiple of a group.
TEST_F(ToyTest, ComputesItFromPanelsToo) {
  pack_matrices();
  Step step(weights);
  record(step);
  for (const Isa isa : isas_here()) {
    const auto program = Program::compile(step, StateLayout(StateList()), {.isa = isa, .threads = 2, .max_tokens = 40});
    ASSERT_TRUE(program) << program.error().message;
    for (const int count : {1, 16, 23, 40})
      run(*program, 2, count, [&](std::span<const float> row, const std::vector<double>& right) {
        for (size_t v = 0; v < row.size(); ++v) EXPECT_NEAR(static_cast<double>(row[v]), right[v], 1e-5) << name(isa);
      });
  }
}

TEST_F(ToyTest, LayerNormWithAndWithoutABiasLearnedPositionsAndGeluFollowTheirFormulas) {
  const MatrixId positions = matrix(20, kWidth);
  weights.vectors.push_back(std::vector<float>(kWidth, 0.25F));
  const VectorId scale{0}, shift{1};
  for (const VectorId bias : {shift, VectorId{}}) {
    Step step(weights);
    const Tensor embedded = step.add(step.embed(table_), step.embed_position(positions));
    const Tensor fused = step.gelu(step.linear(step.layer_norm(embedded, scale, bias, 1e-5F), {gate_, {}}));
    const Tensor alone = step.gelu(step.add(embedded, step.linear(fused, {down_, {}})));
    step.logits(step.output(alone), {table_, {}});
    const auto program = Program::compile(step, StateLayout(StateList()), {.isa = isas_here().back(), .threads = 2, .max_tokens = 16});
    ASSERT_TRUE(program) << program.error().message;

    const auto gelu = [](double v) { return 0.5 * v * (1 + std::tanh(std::sqrt(2 / M_PI) * (v + 0.044715 * v * v * v))); };
    const auto expected_at = [&](int token, int position) {
      std::vector<double> x = values_of(table_, static_cast<size_t>(token));
      const std::vector<double> p = values_of(positions, static_cast<size_t>(position));
      double mean = 0, squares = 0;
      for (size_t i = 0; i < x.size(); ++i) mean += (x[i] += p[i]) / kWidth;
      for (const double v : x) squares += (v - mean) * (v - mean) / kWidth;
      std::vector<double> h;
      for (const double v : x) h.push_back((v - mean) / std::sqrt(squares + 1e-5) * 1.5 + (bias ? 0.25 : 0.0));
      h = times(gate_, h);
      for (double& v : h) v = gelu(v);
      h = times(down_, h);
      for (size_t i = 0; i < x.size(); ++i) x[i] = gelu(x[i] + h[i]);
      return times(table_, x);
    };

    auto workspace = program->workspace();
    ASSERT_TRUE(workspace);
    ThreadPool pool(2);
    for (const int count : {1, 12}) {
      const int first_position = 20 - count;
      std::vector<Token> tokens;
      std::vector<WantedRow> wanted;
      for (int t = 0; t < count; ++t) {
        tokens.push_back(t * 11 % kVocabulary);
        wanted.push_back({.row = t, .need = {.row = true}});
      }
      const SliceRows slice{.count = count, .first_position = first_position};
      program->run({.tokens = tokens, .slices = {&slice, 1}, .wanted = wanted}, pool, *workspace, [&](size_t i, const Logits& logits) {
        const std::vector<double> right = expected_at(tokens[i], first_position + static_cast<int>(i));
        for (size_t v = 0; v < logits.row.size(); ++v) EXPECT_NEAR(static_cast<double>(logits.row[v]), right[v], 1e-4);
      });
    }
  }
}

TEST_F(ToyTest, EqualScoresGoToTheFirstExperts) {
  Experts experts;
  for (int e = 0; e < 3; ++e) {
    experts.gate.push_back(matrix(40, kWidth));
    experts.up.push_back(matrix(40, kWidth));
    experts.down.push_back(matrix(kWidth, 40));
  }
  const MatrixId router = matrix(3, kWidth), first_two = matrix(2, kWidth);
  for (const MatrixId all_equal : {router, first_two}) std::ranges::fill(values(all_equal), 0.0F);
  const auto logits = [&](MatrixId scored_by) {
    Step step(weights);
    const Tensor x = step.embed(table_);
    step.logits(step.output(step.experts(x, step.route(step.linear(x, {scored_by, {}}), 2), experts)), {table_, {}});
    const auto program = Program::compile(step, StateLayout(StateList()), {.isa = isas_here().back(), .max_tokens = 4});
    auto workspace = program->workspace();
    ThreadPool pool(1);
    const std::vector<Token> tokens{7};
    const std::vector<WantedRow> wanted{{.row = 0, .need = {.row = true}}};
    const SliceRows slice{.count = 1};
    std::vector<float> out;
    program->run({.tokens = tokens, .slices = {&slice, 1}, .wanted = wanted}, pool, *workspace,
                 [&](size_t, const Logits& l) { out.assign(l.row.begin(), l.row.end()); });
    return out;
  };
  EXPECT_EQ(logits(router), logits(first_two));
}

TEST_F(ToyTest, OnlyTheRowsAskedForGetLogits) {
  Step step(weights);
  record(step);
  const auto program = Program::compile(step, StateLayout(StateList()), {.isa = Isa::kScalar, .max_tokens = 4});
  ASSERT_TRUE(program);
  auto workspace = program->workspace();
  ThreadPool pool(1);
  const std::vector<Token> tokens{3, 4, 5};
  const std::vector<WantedRow> wanted{{.row = 1, .need = {.row = true}}};
  const SliceRows slice{.count = 3};
  std::vector<size_t> seen;
  program->run({.tokens = tokens, .slices = {&slice, 1}, .wanted = wanted}, pool, *workspace, [&](size_t i, const Logits& logits) {
    seen.push_back(i);
    EXPECT_NEAR(static_cast<double>(logits.row[0]), expected(4)[0], 1e-5);
  });
  EXPECT_EQ(seen, std::vector<size_t>{0});
}

TEST_F(ToyTest, AGenerationStepReadsEveryMatrixOnceAndOneRowOfTheTable) {
  Step step(weights);
  record(step);
  const auto program = Program::compile(step, StateLayout(StateList()), {.isa = Isa::kScalar, .max_tokens = 4});
  ASSERT_TRUE(program);
  EXPECT_EQ(program->bytes_per_token(), sizeof(float) * (3 * kFfn * kWidth + kVocabulary * kWidth + kWidth));
}

TEST_F(ToyTest, ARecordWithoutLogitsIsRefused) {
  Step step(weights);
  step.output(step.embed(table_));
  const auto program = Program::compile(step, StateLayout(StateList()), {.isa = Isa::kScalar, .max_tokens = 4});
  ASSERT_FALSE(program);
  EXPECT_EQ(program.error().message, "step: the record has no output or no logits");
}

TEST_F(ToyTest, HeadsOutsideAnAttentionAreRefused) {
  Step step(weights);
  const Tensor x = step.heads(step.embed(table_), 16);
  step.logits(step.output(x), {table_, {}});
  EXPECT_FALSE(Program::compile(step, StateLayout(StateList()), {.isa = Isa::kScalar, .max_tokens = 4}));
}

TEST_F(ToyTest, ExpertsWithoutARouteAreRefused) {
  Step step(weights);
  const Tensor x = step.embed(table_);
  step.logits(step.output(step.experts(x, x, {{gate_}, {up_}, {down_}})), {table_, {}});
  const auto program = Program::compile(step, StateLayout(StateList()), {.isa = Isa::kScalar, .max_tokens = 4});
  ASSERT_FALSE(program);
  EXPECT_EQ(program.error().message, "step: node 1: experts are only known after a route");
}

}  // namespace
}  // namespace halfbyte
