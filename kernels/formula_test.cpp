// The scalar float kernels against their formulas in double precision.
#include <cfloat>
#include <cmath>

#include "base/float16.h"
#include "kernels/test_inputs.h"

namespace halfbyte {
namespace {

const KernelTable& scalar() { return kernels(Isa::kScalar); }

void expect_near(const std::vector<float>& found, const std::vector<double>& expected, double relative) {
  ASSERT_EQ(found.size(), expected.size());
  for (size_t i = 0; i < found.size(); ++i) ASSERT_NEAR(found[i], expected[i], relative * std::abs(expected[i]) + 1e-37) << "element " << i;
}

// exp as a kernel shows it: the weight of a partial result whose maximum lies x below the other's.
float exp_of(float x) {
  float max[2] = {0.0F, x}, weight[2] = {0.0F, 1.0F}, sum[2] = {0.0F, 0.0F};
  scalar().merge_partial({&max[0], &weight[0], &sum[0]}, {&max[1], &weight[1], &sum[1]}, 1);
  return weight[0];
}

}  // namespace

TEST(Exp, IsWithinTwoUnitsInTheLastPlace) {
  for (float x = -103.5F; x < 0.0F; x += 0.0137F) {
    const double exact = std::exp(static_cast<double>(x));
    const float nearest = static_cast<float>(exact);
    const double unit = static_cast<double>(std::nextafter(nearest, INFINITY)) - static_cast<double>(nearest);
    ASSERT_NEAR(exp_of(x), exact, 2 * unit) << x;
  }
}

TEST(Exp, IsZeroFarBelow) {
  EXPECT_EQ(exp_of(-104.1F), 0.0F);
  EXPECT_EQ(exp_of(-3e38F), 0.0F);
}

TEST(Swiglu, FollowsItsFormulaFromEndToEnd) {
  std::vector<float> g, u;
  std::vector<double> expected;
  for (double x = -80; x < 200; x += 0.37) {
    g.push_back(static_cast<float>(x));
    u.push_back(static_cast<float>(1 + x / 7));
    expected.push_back(static_cast<double>(g.back()) / (1 + std::exp(-static_cast<double>(g.back()))) * static_cast<double>(u.back()));
  }
  std::vector<float> out(g.size());
  scalar().swiglu(g.data(), u.data(), static_cast<int>(g.size()), out.data());
  expect_near(out, expected, 6e-7);
}

TEST(Swiglu, KeepsNanAndTheSignOfHugeGates) {
  const float g[] = {NAN, 3e38F, -3e38F, INFINITY}, u[] = {1, 1, 1, 1};
  float out[4];
  scalar().swiglu(g, u, 4, out);
  EXPECT_TRUE(std::isnan(out[0]));
  EXPECT_EQ(out[1], 3e38F);
  EXPECT_EQ(out[2], 0.0F);
  EXPECT_EQ(out[3], INFINITY);
}

TEST(Geglu, FollowsItsFormulaFromEndToEnd) {
  std::vector<float> g, u;
  std::vector<double> expected;
  for (double x = -4; x < 30; x += 0.037) {
    g.push_back(static_cast<float>(x));
    u.push_back(static_cast<float>(1 - x / 3));
    const double v = static_cast<double>(g.back());
    expected.push_back(0.5 * v * (1 + std::tanh(std::sqrt(2 / M_PI) * (v + 0.044715 * v * v * v))) * static_cast<double>(u.back()));
  }
  std::vector<float> out(g.size());
  scalar().geglu(g.data(), u.data(), static_cast<int>(g.size()), out.data());
  expect_near(out, expected, 3e-6);
}

TEST(Gelu, IsGegluWithNothingToGate) {
  const auto x = random_floats(77, 1, 3.0F);
  const std::vector<float> ones(x.size(), 1.0F);
  std::vector<float> out(x.size()), gated(x.size());
  scalar().gelu(x.data(), 77, out.data());
  scalar().geglu(x.data(), ones.data(), 77, gated.data());
  EXPECT_EQ(out, gated);
}

TEST(LayerNorm, TakesTheMeanOffAndDividesByTheDeviation) {
  for (const int n : {5, 16, 577}) {
    const auto count = static_cast<size_t>(n);
    auto x = random_floats(count, 1, 5.0F);
    const auto w = random_floats(count, 2), b = random_floats(count, 3);
    for (float& v : x) v += 20;
    double mean = 0, squares = 0;
    for (const float v : x) mean += static_cast<double>(v) / n;
    for (const float v : x) squares += (static_cast<double>(v) - mean) * (static_cast<double>(v) - mean);
    std::vector<float> out(count);
    scalar().layer_norm(x.data(), w.data(), b.data(), 1e-5F, n, out.data());
    for (size_t i = 0; i < count; ++i) {
      const double exact = (static_cast<double>(x[i]) - mean) / std::sqrt(squares / n + 1e-5) * static_cast<double>(w[i]);
      ASSERT_NEAR(out[i], exact + static_cast<double>(b[i]), 2e-5) << "element " << i << " of " << n;
    }
    scalar().layer_norm(x.data(), w.data(), nullptr, 1e-5F, n, out.data());
    for (size_t i = 0; i < count; ++i) {
      const double exact = (static_cast<double>(x[i]) - mean) / std::sqrt(squares / n + 1e-5) * static_cast<double>(w[i]);
      ASSERT_NEAR(out[i], exact, 2e-5) << "without a bias, element " << i << " of " << n;
    }
  }
}

TEST(RmsNorm, DividesByTheRootOfTheMeanSquare) {
  const int n = 577;
  const auto x = random_floats(n, 1, 5.0F), w = random_floats(n, 2);
  double squares = 0;
  for (const float v : x) squares += static_cast<double>(v) * static_cast<double>(v);
  std::vector<double> expected;
  for (size_t i = 0; i < n; ++i) expected.push_back(static_cast<double>(x[i]) / std::sqrt(squares / n + 1e-6) * static_cast<double>(w[i]));
  std::vector<float> out(n);
  scalar().rms_norm(x.data(), w.data(), 1e-6F, n, out.data());
  expect_near(out, expected, 1e-6);
}

TEST(RmsNorm, MayWriteOverItsInput) {
  const auto w = random_floats(40, 2);
  auto x = random_floats(40, 1), out = x;
  scalar().rms_norm(x.data(), w.data(), 1e-6F, 40, out.data());
  scalar().rms_norm(x.data(), w.data(), 1e-6F, 40, x.data());
  EXPECT_EQ(x, out);
}

TEST(Rope, TurnsPairsAHalfApart) {
  std::vector<float> x = {1, 2, 3, 4, 5, 6};
  const float c[] = {0, 1, 0.6F}, s[] = {1, 0, 0.8F};
  scalar().rope_halves(x.data(), c, s, 6);
  expect_near(x, {-4, 2, 3 * 0.6 - 6 * 0.8, 1, 5, 3 * 0.8 + 6 * 0.6}, 1e-6);
}

TEST(Rope, TurnsNeighbouringPairs) {
  std::vector<float> x = {1, 2, 3, 4, 5, 6};
  const float c[] = {0, 1, 0.6F}, s[] = {1, 0, 0.8F};
  scalar().rope_adjacent(x.data(), c, s, 6);
  expect_near(x, {-2, 1, 3, 4, 5 * 0.6 - 6 * 0.8, 5 * 0.8 + 6 * 0.6}, 1e-6);
}

TEST(Quantize, GivesTheNearestEighthBitOfEachBlock) {
  for (const size_t block : {32, 256}) {
    const int columns = 768;
    const auto x = random_floats(columns, 3);
    const auto kind = block == 32 ? ActivationKind::kPer32 : ActivationKind::kPer256;
    const ActivationRows rows(scalar(), kind, x, columns, 1);
    for (size_t i = 0; i < columns; ++i) {
      float amax = 0;
      for (size_t k = i / block * block; k < (i / block + 1) * block; ++k) amax = std::max(amax, std::abs(x[k]));
      ASSERT_EQ(rows.scale[i / block], amax / 127);
      ASSERT_EQ(rows.q[i], static_cast<int8_t>(std::nearbyint(x[i] * (127 / amax)))) << i;
    }
    for (size_t i = 0; i < columns; i += 32) {
      int sum[2] = {0, 0};
      for (size_t k = 0; k < 32; ++k) sum[k / 16] += rows.q[i + k];
      ASSERT_EQ(rows.sum16[i / 16], sum[0]);
      ASSERT_EQ(rows.sum16[i / 16 + 1], sum[1]);
      ASSERT_EQ(rows.sum32[i / 32], sum[0] + sum[1]);
    }
  }
}

TEST(Quantize, GivesZerosForABlockOfZerosAndForOneTooSmallToScale) {
  for (const float value : {0.0F, 1e-40F}) {
    const ActivationRows rows(scalar(), ActivationKind::kPer32, std::vector<float>(32, value), 32, 1);
    EXPECT_EQ(rows.scale[0], value / 127);
    EXPECT_EQ(rows.q, std::vector<int8_t>(rows.q.size(), 0));
    EXPECT_EQ(rows.sum32[0], 0);
  }
}

TEST(Quantize, NeverHidesAValueThatIsNotFinite) {
  for (const float bad : {NAN, INFINITY, -INFINITY}) {
    std::vector<float> x(32, 1.0F);
    x[7] = bad;
    const ActivationRows rows(scalar(), ActivationKind::kPer32, x, 32, 1);
    EXPECT_FALSE(std::isfinite(rows.scale[0]));
  }
}

TEST(FirstOutside, IsTheLowestIndexBeyondALimitNotAtIt) {
  std::vector<float> x(1000, 1.0F);
  x[130] = x[999] = 2.0F;
  x[500] = -2.0F;
  EXPECT_EQ(scalar().first_outside(x.data(), 1000, -1.0F, 1.0F), 130);
  EXPECT_EQ(scalar().first_outside(x.data(), 130, -1.0F, 1.0F), 130);
  EXPECT_EQ(scalar().first_outside(x.data() + 131, 869, -1.0F, 1.0F), 369);
  EXPECT_EQ(scalar().first_outside(x.data() + 501, 499, -1.0F, 1.0F), 498);
  EXPECT_EQ(scalar().first_outside(x.data(), 1000, -2.0F, 2.0F), 1000);
}

TEST(FirstOutside, FindsWhatIsNotFiniteWithinTheLimitsOfFloats) {
  for (const float odd : {INFINITY, -INFINITY, NAN}) {
    for (const size_t at : {0U, 15U, 40U, 48U}) {
      std::vector<float> x(50, 3e38F);
      x[at] = odd;
      EXPECT_EQ(scalar().first_outside(x.data(), 50, -FLT_MAX, FLT_MAX), static_cast<int>(at)) << odd;
    }
  }
}

TEST(SumExp, IsExactToSixDigits) {
  for (const int n : {1, 15, 16, 250, 256}) {
    const auto x = random_floats(static_cast<size_t>(n), 9, 6.0F);
    double sum = 0;
    for (const float v : x) sum += std::exp(static_cast<double>(v) - 4);
    EXPECT_NEAR(static_cast<double>(scalar().sum_exp(x.data(), 4.0F, n)), sum, 1e-6 * sum) << n;
  }
}

TEST(Softmax, FollowsItsFormulaAtEveryLength) {
  for (const int n : {1, 8, 16, 37, 1000}) {
    const auto x = random_floats(static_cast<size_t>(n), 10, 4.0F);
    double top = -1e9, sum = 0;
    for (const float v : x) top = std::max(top, static_cast<double>(v));
    for (const float v : x) sum += std::exp(static_cast<double>(v) - top);
    std::vector<double> expected;
    for (const float v : x) expected.push_back(std::exp(static_cast<double>(v) - top) / sum);
    std::vector<float> out(x.size());
    scalar().softmax(x.data(), n, out.data());
    expect_near(out, expected, 2e-6);
  }
}

TEST(StoreF16, SaturatesAndKeepsNan) {
  for (const Isa isa : isas_here()) {
    const std::vector<float> v = {1e9F, -1e9F, INFINITY, NAN, 65504.0F, 0.1F, -0.0F, 65519.0F};
    uint16_t row[8];
    kernels(isa).store_v_f16(v.data(), 8, 0, row);
    EXPECT_EQ(half_to_float(row[0]), 65504.0F);
    EXPECT_EQ(half_to_float(row[1]), -65504.0F);
    EXPECT_EQ(half_to_float(row[2]), 65504.0F);
    EXPECT_TRUE(std::isnan(half_to_float(row[3])));
    EXPECT_EQ(half_to_float(row[4]), 65504.0F);
    EXPECT_EQ(row[5], float_to_half(0.1F));
    EXPECT_EQ(row[6], 0x8000);
    EXPECT_EQ(half_to_float(row[7]), 65504.0F);
  }
}

}  // namespace halfbyte
