// Attention over one cache block against the formula of kernels/attention.h in double precision.
#include <cmath>

#include "kernels/test_cache.h"

namespace halfbyte {
namespace {

class Attend : public testing::TestWithParam<Isa> {};
INSTANTIATE_TEST_SUITE_P(Kernels, Attend, testing::ValuesIn(kAllSets), [](const auto& p) { return test_name(p.param); });

void expect_attention(const TestCache& cache, int dims, const std::vector<float>& q, const std::vector<QueryRange>& ranges,
                      double tolerance) {
  const auto out = cache.attend(q, ranges);
  const size_t n = static_cast<size_t>(dims);
  for (size_t i = 0; i < ranges.size(); ++i) {
    const float* found = out.data() + i * (n + 2);
    double top = -INFINITY, weight = 0;
    std::vector<double> score(kCacheBlock), sum(n);
    for (int j = ranges[i].first; j < ranges[i].last; ++j) {
      const size_t row = static_cast<size_t>(j);
      for (size_t d = 0; d < n; ++d) score[row] += static_cast<double>(q[i * n + d]) * static_cast<double>(cache.keys[row * n + d]);
      top = std::max(top, score[row]);
    }
    for (int j = ranges[i].first; j < ranges[i].last; ++j) {
      const size_t row = static_cast<size_t>(j);
      const double p = std::exp(score[row] - top);
      weight += p;
      for (size_t d = 0; d < n; ++d) sum[d] += p * static_cast<double>(cache.values[row * n + d]);
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
  const std::vector<QueryRange> ranges = {
      {0,   0  },
      {3,   4  },
      {0,   256},
      {100, 140},
      {101, 141},
      {240, 256},
      {256, 256},
      {0,   17 },
      {250, 251}
  };
  expect_attention(cache, dims, random_floats(ranges.size() * dims, 32, 0.2F), ranges, 2e-5);
}

TEST_P(Attend, IsCloseWithAHalfPrecisionCache) {
  SKIP_UNLESS_IT_RUNS_HERE(GetParam());
  const TestCache cache(kernels(GetParam()), CacheKind::kF16, 64, 50);
  expect_attention(cache, 64, random_floats(3 * 64, 33, 0.1F),
                   {
                       {0, 48},
                       {0, 49},
                       {0, 50}
  },
                   5e-3);
}

// TestCache fills what was never stored with NaN and leaves later pages null.
TEST_P(Attend, GivesAQueryTheSameBitsInAnyCompany) {
  SKIP_UNLESS_IT_RUNS_HERE(GetParam());
  for (const int dims : {40, 64, 128}) {
    const size_t n = static_cast<size_t>(dims);
    const TestCache cache(kernels(GetParam()), CacheKind::kF16, dims, 131);
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
  auto first = cache.attend(q,
                            {
                                {0, 90}
  }),
       second = cache.attend(q, {{90, 200}}), whole = cache.attend(q, {{0, 200}});
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
