// A mixture of experts, compiled, against its formula in double precision, and against itself cut in other ways.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <deque>
#include <limits>
#include <numeric>
#include <random>

#include "base/float16.h"
#include "ops/program.h"
#include "quant/panel.h"

namespace halfbyte {
namespace {

// x + sum of weight_e * down_e swiglu(gate_e x, up_e x), then a head. The experts are panels of one format; table, router and head are
// float32.
class MixtureTest : public testing::TestWithParam<const char*> {
 protected:
  static constexpr int kWidth = 256, kFfn = 256, kExperts = 5, kUsed = 2, kVocabulary = 40, kTokens = 300;

  MixtureTest() {
    table_ = matrix("F32", kVocabulary, kWidth);
    router_ = matrix("F32", kExperts, kWidth);
    for (int e = 0; e < kExperts; ++e) {
      experts_.gate.push_back(matrix(GetParam(), kFfn, kWidth));
      experts_.up.push_back(matrix(GetParam(), kFfn, kWidth));
      experts_.down.push_back(matrix(GetParam(), kWidth, kFfn));
    }
    for (int t = 0; t < kTokens; ++t) tokens_.push_back(t * 11 % kVocabulary);
  }

  // Random weights of about 1 / sqrt(columns).
  MatrixId matrix(std::string_view format_name, uint32_t rows, uint32_t columns) {
    const NumberFormat& format = *find_number_format(format_name);
    const float deviation = 1 / std::sqrt(static_cast<float>(columns));
    const size_t row_bytes = format.row_bytes(columns);
    std::vector<std::byte> raw(rows * row_bytes);
    std::normal_distribution<float> normal(0, deviation);
    for (size_t block = 0; block < raw.size(); block += format.block_bytes) {
      for (size_t i = 0; i < format.block_bytes; ++i) raw[block + i] = static_cast<std::byte>(random_());
      const uint16_t scale = float_to_half(format_name == "Q4_K" ? deviation / 200 : deviation / 64), none = 0;
      const float weight = normal(random_);
      if (format_name == "F32")
        std::memcpy(&raw[block], &weight, sizeof weight);
      else
        std::memcpy(&raw[block], &scale, sizeof scale);
      if (format_name == "Q4_K") std::memcpy(&raw[block + 2], &none, sizeof none);
    }
    Matrix out{.format = &format, .rows = rows, .columns = columns, .is_panels = true, .stride = format.panel->panel_bytes(columns)};
    auto& panels = storage_.emplace_back(*Buffer::allocate(out.bytes()));
    for (uint32_t r = 0; r < rows; r += 16)
      format.panel->pack(&raw[r * row_bytes], static_cast<int>(std::min(16U, rows - r)), columns, panels.data() + r / 16 * out.stride);
    out.data = panels.data();
    weights_.matrices.push_back(out);
    return {static_cast<int32_t>(weights_.matrices.size()) - 1};
  }

  struct Way {
    int threads, chunk;
    Isa isa = isas_here().back();
    ActivationMode activations = ActivationMode::kInt8;
  };
  // The logits of all tokens.
  std::vector<std::vector<float>> logits(const Way& way) const {
    Step s(weights_);
    const Tensor x = s.embed(table_);
    const Tensor mixed = s.experts(x, s.route(s.linear(x, {router_, {}}), kUsed), experts_);
    s.logits(s.output(s.add(x, mixed)), {table_, {}});
    const auto program = Program::compile(
        s, StateLayout(StateList()), {.isa = way.isa, .threads = way.threads, .max_tokens = way.chunk, .activations = way.activations});
    EXPECT_TRUE(program) << program.error().message;
    auto workspace = program->workspace();
    ThreadPool pool(way.threads);
    std::vector<std::vector<float>> out;
    for (size_t from = 0; from < tokens_.size(); from += static_cast<size_t>(way.chunk)) {
      const auto chunk = std::span(tokens_).subspan(from, std::min(static_cast<size_t>(way.chunk), tokens_.size() - from));
      std::vector<WantedRow> wanted;
      for (size_t t = 0; t < chunk.size(); ++t) wanted.push_back({.row = static_cast<int>(t), .need = {.row = true}});
      const SliceRows slice{.count = static_cast<int>(chunk.size())};
      program->run({.tokens = chunk, .slices = {&slice, 1}, .wanted = wanted}, pool, *workspace,
                   [&](size_t, const Logits& logits) { out.emplace_back(logits.row.begin(), logits.row.end()); });
    }
    return out;
  }

  std::vector<double> row_of(MatrixId id, uint32_t row) const {
    const Matrix& m = weights_[id];
    std::vector<std::byte> raw(m.format->row_bytes(m.columns));
    std::vector<float> decoded(m.columns);
    m.decode_row(row, raw.data(), decoded.data());
    return {decoded.begin(), decoded.end()};
  }
  std::vector<double> times(MatrixId id, const std::vector<double>& x) const {
    std::vector<double> y;
    for (uint32_t r = 0; r < weights_[id].rows; ++r) {
      const std::vector<double> w = row_of(id, r);
      y.push_back(std::inner_product(w.begin(), w.end(), x.begin(), 0.0));
    }
    return y;
  }
  // As the papers write it: softmax over all experts, the greatest kUsed, divided by their sum.
  std::vector<double> expected(Token token) const {
    const std::vector<double> x = row_of(table_, static_cast<uint32_t>(token));
    std::vector<double> p = times(router_, x), y = x;
    for (double& v : p) v = std::exp(v);
    const double all = std::accumulate(p.begin(), p.end(), 0.0);
    for (double& v : p) v /= all;
    std::vector<size_t> chosen(kExperts);
    std::iota(chosen.begin(), chosen.end(), size_t{0});
    std::ranges::sort(chosen, [&](size_t a, size_t b) { return p[a] != p[b] ? p[a] > p[b] : a < b; });
    chosen.resize(kUsed);
    double sum = 0;
    for (const size_t e : chosen) sum += p[e];
    for (const size_t e : chosen) {
      std::vector<double> g = times(experts_.gate[e], x);
      const std::vector<double> u = times(experts_.up[e], x);
      for (size_t i = 0; i < g.size(); ++i) g[i] *= u[i] / (1 + std::exp(-g[i]));
      const std::vector<double> d = times(experts_.down[e], g);
      for (size_t i = 0; i < y.size(); ++i) y[i] += p[e] / sum * d[i];
    }
    return times(table_, y);
  }

  std::mt19937 random_{5};
  std::deque<Buffer> storage_;
  Weights weights_;
  MatrixId table_, router_;
  Experts experts_;
  std::vector<Token> tokens_;
};

void expect_equal(const std::vector<std::vector<float>>& a, const std::vector<std::vector<float>>& b) {
  ASSERT_EQ(a.size(), b.size());
  for (size_t t = 0; t < a.size(); ++t) ASSERT_EQ(std::memcmp(a[t].data(), b[t].data(), a[t].size() * sizeof(float)), 0) << "token " << t;
}

TEST_P(MixtureTest, FollowsItsFormula) {
  const struct {
    ActivationMode activations;
    double tolerance;
  } rows[] = {
      {ActivationMode::kFloat, 1e-5},
      {ActivationMode::kInt8, 2e-2},
  };
  std::vector<std::vector<double>> right;
  for (size_t t = 0; t < kVocabulary; ++t) right.push_back(expected(tokens_[t]));
  for (const auto& row : rows)
    for (const int chunk : {1, 8, kTokens}) {
      const auto found = logits({.threads = 2, .chunk = chunk, .activations = row.activations});
      ASSERT_EQ(found.size(), static_cast<size_t>(kTokens));
      for (size_t t = 0; t < right.size(); ++t)
        for (size_t v = 0; v < right[t].size(); ++v)
          ASSERT_NEAR(static_cast<double>(found[t][v]), right[t][v], row.tolerance) << "token " << t;
    }
}

TEST_P(MixtureTest, HasTheSameBitsWhateverTheThreadsAndTheChunk) {
  const auto one_by_one = logits({.threads = 1, .chunk = 1});
  for (const auto& [threads, chunk] :
       {std::pair(1, kTokens), std::pair(2, 1), std::pair(2, 7), std::pair(2, 8), std::pair(2, 9), std::pair(3, 64), std::pair(3, kTokens),
        std::pair(20, kTokens)}) {  // more threads than panels: some rest
    SCOPED_TRACE(std::to_string(threads) + " threads, chunks of " + std::to_string(chunk));
    expect_equal(logits({.threads = threads, .chunk = chunk}), one_by_one);
  }
}

TEST_P(MixtureTest, HasTheSameBitsOnEverySet) {
  const auto scalar = logits({.threads = 2, .chunk = kTokens, .isa = Isa::kScalar});
  for (const Isa isa : isas_here()) {
    SCOPED_TRACE(name(isa));
    expect_equal(logits({.threads = 2, .chunk = kTokens, .isa = isa}), scalar);
  }
}

TEST_P(MixtureTest, ATokenThatIsNoNumberSpoilsItsOwnLogitsOnly) {
  const auto clean = logits({.threads = 2, .chunk = kTokens});
  std::vector<std::byte> raw(kWidth * sizeof(float));
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const auto spoilt = static_cast<size_t>(tokens_[1]);
  for (size_t c = 0; c < kWidth; ++c)  // lane of the row in its panel
    std::memcpy(storage_[0].data() + spoilt / 16 * weights_[table_].stride + (c * 16 + spoilt % 16) * sizeof(float), &nan, sizeof nan);
  const auto found = logits({.threads = 2, .chunk = kTokens});
  for (size_t t = 0; t < found.size(); ++t)
    for (size_t v = 0; v < found[t].size(); ++v) {
      if (v == spoilt || tokens_[t] == tokens_[1])
        ASSERT_TRUE(std::isnan(found[t][v])) << t << " " << v;
      else
        ASSERT_EQ(found[t][v], clean[t][v]) << t << " " << v;
    }
}

INSTANTIATE_TEST_SUITE_P(Of, MixtureTest, testing::Values("F32", "Q8_0", "Q4_K"),
                         [](const auto& which) { return std::string(which.param); });

TEST_P(MixtureTest, ATokenReadsItsOwnExpertsOnly) {
  Step s(weights_);
  const Tensor x = s.embed(table_);
  s.logits(s.output(s.experts(x, s.route(s.linear(x, {router_, {}}), kUsed), experts_)), {table_, {}});
  const auto program = Program::compile(s, StateLayout(StateList()), {.max_tokens = 4});
  ASSERT_TRUE(program);
  const size_t expert = 3 * weights_[experts_.gate[0]].bytes();
  EXPECT_EQ(program->bytes_per_token(), weights_[router_].bytes() + kUsed * expert + weights_[table_].bytes() + kWidth * sizeof(float));
  EXPECT_EQ(program->macs_per_token(), kExperts * kWidth + uint64_t{kUsed} * 3 * kFfn * kWidth);
}

}  // namespace
}  // namespace halfbyte
