// Attention over one cache block against the formula of kernels/attention.h in double precision.
#include <cmath>
#include <span>

#include "base/float16.h"
#include "kernels/test_cache.h"

namespace halfbyte {
namespace {

class Attend : public testing::TestWithParam<Isa> {};
INSTANTIATE_TEST_SUITE_P(Kernels, Attend, testing::ValuesIn(isas_known()), [](const auto& p) { return test_name(p.param); });

// `out` is the attention of rows q to rows of keys and values.
void expect_attention(const std::vector<float>& out, int k_dims, int v_dims, const std::vector<float>& q, const std::vector<float>& keys,
                      const std::vector<float>& values, const std::vector<QueryRange>& ranges, double tolerance) {
  const size_t m = static_cast<size_t>(k_dims), n = static_cast<size_t>(v_dims);
  for (size_t i = 0; i < ranges.size(); ++i) {
    const float* found = out.data() + i * (n + 2);
    double top = -INFINITY, weight = 0;
    std::vector<double> score(kCacheBlock), sum(n);
    for (int j = ranges[i].first; j < ranges[i].last; ++j) {
      const size_t row = static_cast<size_t>(j);
      for (size_t d = 0; d < m; ++d) score[row] += static_cast<double>(q[i * m + d]) * static_cast<double>(keys[row * m + d]);
      top = std::max(top, score[row]);
    }
    for (int j = ranges[i].first; j < ranges[i].last; ++j) {
      const size_t row = static_cast<size_t>(j);
      const double p = std::exp(score[row] - top);
      weight += p;
      for (size_t d = 0; d < n; ++d) sum[d] += p * static_cast<double>(values[row * n + d]);
    }
    if (ranges[i].first == ranges[i].last) {
      ASSERT_EQ(found[0], -INFINITY) << "query " << i;
    } else {
      ASSERT_NEAR(found[0], top, tolerance) << "query " << i;
    }
    // The three values share the unknown exact maximum: compare what does not depend on it.
    for (size_t d = 0; d < n; ++d) {
      if (weight == 0) {
        ASSERT_EQ(found[2 + d], 0.0F);
      } else {
        ASSERT_NEAR(found[2 + d] / found[1], sum[d] / weight, tolerance) << "query " << i << ", dim " << d;
      }
    }
    ASSERT_NEAR(found[1], weight, tolerance * (1 + weight)) << "query " << i;
  }
}
void expect_attention(const TestCache& cache, int dims, const std::vector<float>& q, const std::vector<QueryRange>& ranges,
                      double tolerance) {
  expect_attention(cache.attend(q, ranges), dims, dims, q, cache.keys, cache.values, ranges, tolerance);
}

// Rows of q after the rule of quant/activation.h, blocks of 32 dims and what is left of each row.
std::vector<float> quantized(std::vector<float> q, int dims) {
  for (size_t row = 0; row < q.size(); row += static_cast<size_t>(dims)) {
    for (int d = 0; d < dims; d += kScaleDims) {
      const std::span<float> block(q.data() + row + static_cast<size_t>(d), static_cast<size_t>(std::min(kScaleDims, dims - d)));
      float amax = 0;
      for (const float x : block) amax = std::max(amax, std::abs(x));
      for (float& x : block) x = std::nearbyint(x * (127.0F / amax)) * (amax / 127.0F);
    }
  }
  return q;
}

}  // namespace

TEST_P(Attend, FollowsItsFormulaForCausalQueries) {
  SKIP_UNLESS_IT_RUNS_HERE(GetParam());
  for (const int dims : {8, 64, 72, 128, 256}) {
    const TestCache cache(kernels(GetParam()), CacheKind::kF32, dims, 77);
    for (const int queries : {1, 3, 9, 20}) {
      std::vector<QueryRange> ranges;
      for (int i = 0; i < queries; ++i) ranges.push_back({0, 77 - queries + 1 + i});
      expect_attention(cache, dims, random_floats(static_cast<size_t>(queries * dims), 31, 0.2F), ranges, 2e-5);
    }
  }
}

TEST_P(Attend, FollowsItsFormulaForSlidingWindowsAndQueriesThatSeeNothing) {
  SKIP_UNLESS_IT_RUNS_HERE(GetParam());
  const int dims = 64;
  const TestCache cache(kernels(GetParam()), CacheKind::kF32, dims, 256);
  const std::vector<QueryRange> ranges = {{0, 0}, {3, 4}, {0, 256}, {100, 140}, {101, 141}, {240, 256}, {256, 256}, {0, 17}, {250, 251}};
  expect_attention(cache, dims, random_floats(ranges.size() * dims, 32, 0.2F), ranges, 2e-5);
}

TEST_P(Attend, IsCloseWithAShorterCache) {
  SKIP_UNLESS_IT_RUNS_HERE(GetParam());
  const std::vector<QueryRange> ranges = {{0, 48}, {0, 49}, {0, 50}};
  for (const auto& [kind, tolerance] :
       {std::pair(CacheKind::kF16, 5e-3), std::pair(CacheKind::kBf16, 2e-2), std::pair(CacheKind::kQ8_0, 4e-2)})
    for (const int dims : {64, 72, 88}) {
      SCOPED_TRACE(std::to_string(dims) + " dims");
      const TestCache cache(kernels(GetParam()), kind, dims, 50);
      expect_attention(cache, dims, random_floats(static_cast<size_t>(3 * dims), 33, 0.1F), ranges, tolerance);
    }
}

// Far nearer than what quantizing loses: the offset of the products, every scale and the last, shorter block count.
TEST_P(Attend, FollowsItsFormulaOfIntegersWithAnEightBitCache) {
  SKIP_UNLESS_IT_RUNS_HERE(GetParam());
  for (const int dims : {8, 40, 64, 72, 80, 128, 256, 512}) {
    SCOPED_TRACE(std::to_string(dims) + " dims");
    const TestCache cache(kernels(GetParam()), CacheKind::kQ8_0, dims, 77);
    for (const int queries : {1, 2, 3, 7, 25}) {
      std::vector<QueryRange> ranges;
      for (int i = 0; i < queries; ++i) ranges.push_back({i, 77 - queries + 1 + i});
      const auto q = random_floats(static_cast<size_t>(queries * dims), 36, 0.2F);
      expect_attention(cache.attend(q, ranges), dims, dims, quantized(q, dims), cache.stored_keys(), cache.stored_values(), ranges, 2e-5);
    }
  }
}

TEST_P(Attend, KeysAndValuesMayDifferInSizeAndType) {
  SKIP_UNLESS_IT_RUNS_HERE(GetParam());
  for (const auto& [k_dims, v_dims] : {std::pair(192, 128), std::pair(40, 72), std::pair(512, 256), std::pair(64, 8)}) {
    SCOPED_TRACE(std::to_string(k_dims) + " and " + std::to_string(v_dims) + " dims");
    const auto q = random_floats(static_cast<size_t>(9 * k_dims), 38, 0.2F);
    std::vector<QueryRange> ranges;
    for (int i = 0; i < 9; ++i) ranges.push_back({i, 69 + i});
    const TestCache floats(kernels(GetParam()), CacheKind::kF32, CacheKind::kF32, k_dims, v_dims, 77);
    expect_attention(floats.attend(q, ranges), k_dims, v_dims, q, floats.keys, floats.values, ranges, 2e-5);
    const TestCache mixed(kernels(GetParam()), CacheKind::kQ8_0, CacheKind::kF32, k_dims, v_dims, 77);
    expect_attention(mixed.attend(q, ranges), k_dims, v_dims, quantized(q, k_dims), mixed.stored_keys(), mixed.values, ranges, 2e-5);
    const TestCache other(kernels(GetParam()), CacheKind::kF32, CacheKind::kQ8_0, k_dims, v_dims, 77);
    expect_attention(other.attend(q, ranges), k_dims, v_dims, q, other.keys, other.stored_values(), ranges, 2e-5);
  }
}

// A block whose scale is not finite has zeros for q, and the scale still shows.
TEST_P(Attend, ShowsWhatIsNotFiniteInAQuery) {
  SKIP_UNLESS_IT_RUNS_HERE(GetParam());
  constexpr int kDims = 72;
  for (const CacheKind kind : {CacheKind::kF16, CacheKind::kBf16, CacheKind::kQ8_0, CacheKind::kF32}) {
    const TestCache cache(kernels(GetParam()), kind, kDims, 40);
    for (const float x : {NAN, -NAN, INFINITY, -INFINITY}) {
      for (const size_t d : {3, 70}) {
        auto q = random_floats(2 * kDims, 37);
        q[d] = x;
        const auto out = cache.attend(q, {{0, 40}, {0, 40}});
        EXPECT_TRUE(std::isnan(out[1]) && std::isnan(out[2])) << x << " in dim " << d;
        EXPECT_TRUE(std::isfinite(out[kDims + 3])) << "the query beside it";
      }
    }
  }
}

TEST_P(Attend, TakesQueriesTooSmallToScaleForZero) {
  SKIP_UNLESS_IT_RUNS_HERE(GetParam());
  const TestCache cache(kernels(GetParam()), CacheKind::kQ8_0, 40, 33);
  const auto out = cache.attend(std::vector<float>(40, 1e-40F), {{0, 33}});
  EXPECT_EQ(out[0], 0.0F);
  EXPECT_EQ(out[1], 33.0F);
}

// The greatest of 32 is exact but for the scale's 11 bits, and its neighbours keep their own block's precision.
TEST_P(Attend, ScalesA8BitCacheBy32Dims) {
  SKIP_UNLESS_IT_RUNS_HERE(GetParam());
  const KernelTable& table = kernels(GetParam());
  constexpr int kDims = 40;
  std::vector<float> v(kDims);
  for (size_t d = 0; d < kDims; ++d) v[d] = d < 32 ? -1000.0F + static_cast<float>(d) : 0.001F * static_cast<float>(d - 31);
  std::vector<std::byte> page(kPagePositions * (kDims + 4));
  table.store_v_q8_0(v.data(), kDims, 3, page.data());
  const auto* q = reinterpret_cast<const int8_t*>(page.data()) + 3 * kDims;
  const auto scale = [&](size_t block) {
    uint16_t half;
    std::memcpy(&half, page.data() + kPagePositions * kDims + (block * kPagePositions + 3) * sizeof half, sizeof half);
    return half_to_float(half);
  };
  EXPECT_EQ(q[0], -127);
  EXPECT_EQ(q[39], 127);
  for (size_t d = 0; d < kDims; ++d) {
    const float greatest = d < 32 ? 1000.0F : 0.008F;
    EXPECT_NEAR(static_cast<float>(q[d]) * scale(d / 32), v[d], greatest * (0.5F / 127 + 0.001F)) << "dim " << d;
  }
}

// Infinity saturates as in a half-precision cache, what is not a number shows, and zeros and the least numbers stay small.
TEST_P(Attend, KeepsWhatIsNotANumberInEveryCache) {
  SKIP_UNLESS_IT_RUNS_HERE(GetParam());
  const KernelTable& table = kernels(GetParam());
  std::vector<uint16_t> page(kPagePositions * 8);
  const auto stored = [&](float x) {
    const std::vector<float> v(8, x);
    table.store_v_bf16(v.data(), 8, 0, page.data());
    return bfloat_to_float(page[7]);
  };
  EXPECT_TRUE(std::isnan(stored(NAN)));
  EXPECT_EQ(stored(INFINITY), 0x1.fep127F);
  EXPECT_EQ(stored(1.0F + 0x1p-8F), 1.0F);              // ties to even
  EXPECT_EQ(stored(1.0F + 0x1.8p-7F), 1.0F + 0x1p-6F);  // ties to even
  const auto byte = [&](float x) {
    const std::vector<float> v(8, x);
    table.store_v_q8_0(v.data(), 8, 0, page.data());
    return static_cast<float>(reinterpret_cast<const int8_t*>(page.data())[7]) * half_to_float(page[kPagePositions * 8 / 2]);
  };
  EXPECT_TRUE(std::isnan(byte(NAN)));
  EXPECT_EQ(byte(-INFINITY), -127 * 65504.0F);
  EXPECT_EQ(byte(0.0F), 0.0F);
  EXPECT_NEAR(byte(1e-40F), 0.0F, 1e-6F);
}

// TestCache fills what was never stored with NaN and leaves later pages null.
TEST_P(Attend, GivesAQueryTheSameBitsInAnyCompany) {
  SKIP_UNLESS_IT_RUNS_HERE(GetParam());
  for (const auto& [dims, kind] :
       {std::pair(40, CacheKind::kF16), std::pair(64, CacheKind::kF16), std::pair(128, CacheKind::kF16), std::pair(64, CacheKind::kBf16),
        std::pair(40, CacheKind::kQ8_0), std::pair(80, CacheKind::kQ8_0), std::pair(128, CacheKind::kQ8_0)}) {
    const size_t n = static_cast<size_t>(dims);
    const TestCache cache(kernels(GetParam()), kind, dims, 131);
    std::vector<QueryRange> ranges;
    for (int i = 0; i < 21; ++i) ranges.push_back({i < 4 ? 0 : 3 * i, 111 + i});
    const auto q = random_floats(21 * n, 34, 0.3F);
    const auto together = cache.attend(q, ranges);
    for (size_t i = 0; i < 21; ++i) {
      const auto alone = cache.attend({q.begin() + static_cast<long>(i * n), q.begin() + static_cast<long>((i + 1) * n)}, {ranges[i]});
      ASSERT_EQ(std::memcmp(alone.data(), together.data() + i * (n + 2), alone.size() * sizeof(float)), 0) << "query " << i;
      for (const float x : alone) ASSERT_TRUE(std::isfinite(x));
    }
  }
}

TEST_P(Attend, OfTwoHalvesMergesToTheWhole) {
  SKIP_UNLESS_IT_RUNS_HERE(GetParam());
  const KernelTable& table = kernels(GetParam());
  const TestCache cache(table, CacheKind::kF32, 64, 200);
  const auto q = random_floats(64, 35, 0.4F);
  auto first = cache.attend(q, {{0, 90}}), second = cache.attend(q, {{90, 200}}), whole = cache.attend(q, {{0, 200}});
  std::vector<float> merged(66), out(64), expected(64);
  merged[0] = -INFINITY;
  const auto state = [](std::vector<float>& v) { return AttendState{v.data(), v.data() + 1, v.data() + 2}; };
  table.merge_partial(state(merged), state(first), 64);
  EXPECT_EQ(merged, first);
  table.merge_partial(state(merged), state(second), 64);
  table.finish_attend(state(merged), 64, out.data());
  table.finish_attend(state(whole), 64, expected.data());
  for (size_t d = 0; d < 64; ++d) EXPECT_NEAR(out[d], expected[d], 1e-5);
}

}  // namespace halfbyte
