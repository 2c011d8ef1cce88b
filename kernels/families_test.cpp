// Every float family on every set gives the bits of the scalar kernel, at sizes that are and are not multiples of 16.
// The list of families is families.def: a family without a run_ function here does not compile.
#include <cmath>

#include "kernels/test_cache.h"
#include "kernels/test_inputs.h"

namespace halfbyte {
namespace {

using Bytes = std::vector<std::byte>;

std::vector<float> numbers(int n, uint32_t seed) { return random_floats(static_cast<size_t>(n), seed, 4.0F); }
void append(Bytes& out, const Bytes& more) { out.insert(out.end(), more.begin(), more.end()); }

Bytes quantized(const KernelTable& table, ActivationKind kind, int columns) {
  auto x = numbers(columns, 4);
  for (int i = 0; i < columns; i += 5) x[static_cast<size_t>(i)] = std::ldexp(x[static_cast<size_t>(i)], -i % 40);
  const ActivationRows rows(table, kind, x, columns, 1);
  Bytes out = bytes_of(rows.q);
  append(out, bytes_of(rows.scale));
  append(out, bytes_of(rows.sum32));
  append(out, bytes_of(rows.sum16));
  return out;
}
Bytes run_quantize_per32(const KernelTable& table, int n) { return quantized(table, ActivationKind::kPer32, 32 * n); }
Bytes run_quantize_per256(const KernelTable& table, int n) { return quantized(table, ActivationKind::kPer256, 256 * n); }
Bytes run_round_bf16(const KernelTable& table, int n) {
  auto x = numbers(n, 4);
  const float odd[] = {0.0F, -0.0F,     0x1.ffp0F,         0x1.fep127F, -0x1.ffp127F, INFINITY,
                       NAN,  0x1p-126F, -0x1.fffffcp-127F, 0x1p-149F,   0x1.01p0F,    0x1.03p0F};
  for (size_t i = 0; i < std::size(odd) && i < x.size(); ++i) x[x.size() - 1 - i] = odd[i];
  const ActivationRows rows(table, ActivationKind::kBf16, x, n, 1);
  return bytes_of(rows.bf16);
}

Bytes run_rms_norm(const KernelTable& table, int n) {
  auto out = numbers(n, 5);
  table.rms_norm(numbers(n, 6).data(), numbers(n, 7).data(), 1e-5F, n, out.data());
  return bytes_of(out);
}
Bytes run_layer_norm(const KernelTable& table, int n) {
  auto out = numbers(n, 5);
  table.layer_norm(numbers(n, 6).data(), numbers(n, 7).data(), numbers(n, 8).data(), 1e-5F, n, out.data());
  auto without_bias = numbers(n, 5);
  table.layer_norm(numbers(n, 6).data(), numbers(n, 7).data(), nullptr, 1e-5F, n, without_bias.data());
  out.insert(out.end(), without_bias.begin(), without_bias.end());
  return bytes_of(out);
}
Bytes run_gelu(const KernelTable& table, int n) {
  auto out = numbers(n, 5);
  table.gelu(numbers(n, 6).data(), n, out.data());
  return bytes_of(out);
}
Bytes run_scale(const KernelTable& table, int n) {
  auto out = numbers(n, 5);
  table.scale(numbers(n, 6).data(), 0.7F, n, out.data());
  return bytes_of(out);
}
Bytes pairwise(void (*kernel)(const float*, const float*, int, float*), int n) {
  auto out = numbers(n, 5);
  kernel(numbers(n, 6).data(), numbers(n, 7).data(), n, out.data());
  return bytes_of(out);
}
Bytes run_add(const KernelTable& table, int n) { return pairwise(table.add, n); }
Bytes run_swiglu(const KernelTable& table, int n) { return pairwise(table.swiglu, n); }
Bytes run_geglu(const KernelTable& table, int n) { return pairwise(table.geglu, n); }

Bytes turned(void (*kernel)(float*, const float*, const float*, int), int n) {
  auto x = numbers(2 * n, 8);
  kernel(x.data(), numbers(n, 9).data(), numbers(n, 10).data(), 2 * n);
  return bytes_of(x);
}
Bytes run_rope_halves(const KernelTable& table, int n) { return turned(table.rope_halves, n); }
Bytes run_rope_adjacent(const KernelTable& table, int n) { return turned(table.rope_adjacent, n); }

constexpr int kPositions = 201;
int dims_of(int n) { return (n % 40 + 1) * 8; }
Bytes run_store_k_f16(const KernelTable& table, int n) { return TestCache(table, CacheKind::kF16, dims_of(n), 37).k_bytes(); }
Bytes run_store_k_bf16(const KernelTable& table, int n) { return TestCache(table, CacheKind::kBf16, dims_of(n), 37).k_bytes(); }
Bytes run_store_k_q8_0(const KernelTable& table, int n) { return TestCache(table, CacheKind::kQ8_0, dims_of(n), 37).k_bytes(); }
Bytes run_store_k_f32(const KernelTable& table, int n) { return TestCache(table, CacheKind::kF32, dims_of(n), 37).k_bytes(); }
Bytes run_store_v_f16(const KernelTable& table, int n) { return TestCache(table, CacheKind::kF16, dims_of(n), 37).v_bytes(); }
Bytes run_store_v_bf16(const KernelTable& table, int n) { return TestCache(table, CacheKind::kBf16, dims_of(n), 37).v_bytes(); }
Bytes run_store_v_q8_0(const KernelTable& table, int n) { return TestCache(table, CacheKind::kQ8_0, dims_of(n), 37).v_bytes(); }
Bytes run_store_v_f32(const KernelTable& table, int n) { return TestCache(table, CacheKind::kF32, dims_of(n), 37).v_bytes(); }

Bytes attended(const KernelTable& table, CacheKind keys, CacheKind values, int n) {
  const int dims = dims_of(n), queries = n % 19 + 1;
  const TestCache cache(table, keys, values, dims, dims, kPositions);
  std::vector<QueryRange> ranges;
  for (int i = 0; i < queries; ++i) ranges.push_back({(7 * i * n) % 100, 101 + (n + i) % 100});  // a window that slides
  ranges[0] = {n % kPositions, n % kPositions};                                                  // sees nothing
  return bytes_of(cache.attend(random_floats(static_cast<size_t>(dims * queries), 23, 0.3F), ranges));
}
Bytes run_score_f16(const KernelTable& table, int n) { return attended(table, CacheKind::kF16, CacheKind::kF16, n); }
Bytes run_score_bf16(const KernelTable& table, int n) { return attended(table, CacheKind::kBf16, CacheKind::kF16, n); }
Bytes run_score_q8_0(const KernelTable& table, int n) { return attended(table, CacheKind::kQ8_0, CacheKind::kF16, n); }
Bytes run_score_f32(const KernelTable& table, int n) { return attended(table, CacheKind::kF32, CacheKind::kF16, n); }
Bytes run_values_f16(const KernelTable& table, int n) { return attended(table, CacheKind::kF16, CacheKind::kF16, n); }
Bytes run_values_bf16(const KernelTable& table, int n) { return attended(table, CacheKind::kF16, CacheKind::kBf16, n); }
Bytes run_values_q8_0(const KernelTable& table, int n) { return attended(table, CacheKind::kF16, CacheKind::kQ8_0, n); }
Bytes run_values_f32(const KernelTable& table, int n) { return attended(table, CacheKind::kF16, CacheKind::kF32, n); }
Bytes run_attend(const KernelTable& table, int n) { return attended(table, CacheKind::kF32, CacheKind::kF32, n); }

Bytes run_merge_partial(const KernelTable& table, int n) {
  auto sum = numbers(n, 11), partial = numbers(n, 12);
  Bytes out;
  for (const float max : {-INFINITY, -1.0F, 2.5F}) {
    for (const float partial_max : {-INFINITY, 0.3F, 1e3F}) {
      float m[2] = {max, partial_max}, weight[2] = {1.25F, 3.0F};
      table.merge_partial({&m[0], &weight[0], sum.data()}, {&m[1], &weight[1], partial.data()}, n);
      append(out, bytes_of(sum));
      append(out, bytes_of(std::vector<float>{m[0], weight[0]}));
    }
  }
  return out;
}
Bytes run_finish_attend(const KernelTable& table, int n) {
  auto sum = numbers(n, 11), out = numbers(n, 12);
  float max = 0, weight = 3.7F;
  table.finish_attend({&max, &weight, sum.data()}, n, out.data());
  return bytes_of(out);
}
Bytes run_first_outside(const KernelTable& table, int n) {
  std::vector<int> found;
  for (const float odd : {0.0F, 3.0F, -3.0F, INFINITY, -INFINITY, NAN}) {
    auto x = random_floats(static_cast<size_t>(n), 15, 0.1F);
    x[static_cast<size_t>(n) * 2 / 3] = odd;
    for (const float limit : {0.3F, 3.0F, 3e38F, INFINITY}) found.push_back(table.first_outside(x.data(), n, -limit, limit));
  }
  return bytes_of(found);
}
Bytes run_sum_exp(const KernelTable& table, int n) { return bytes_of(std::vector<float>{table.sum_exp(numbers(n, 14).data(), 5.0F, n)}); }
Bytes run_softmax(const KernelTable& table, int n) {
  auto out = numbers(n, 5);
  table.softmax(numbers(n, 14).data(), n, out.data());
  return bytes_of(out);
}

struct Family {
  const char* name;
  Bytes (*run)(const KernelTable&, int n);
};
constexpr Family kFamilies[] = {
#define KERNEL(name, formula, ...) {#name, run_##name},
#include "kernels/families.def"
};

class FloatSets : public testing::TestWithParam<std::tuple<Family, Isa>> {};
INSTANTIATE_TEST_SUITE_P(Kernels, FloatSets, testing::Combine(testing::ValuesIn(kFamilies), testing::ValuesIn(isas_known())),
                         [](const auto& p) { return std::string(std::get<0>(p.param).name) + "_" + test_name(std::get<1>(p.param)); });

}  // namespace

TEST_P(FloatSets, GiveTheBitsOfTheScalarKernel) {
  const auto [family, isa] = GetParam();
  SKIP_UNLESS_IT_RUNS_HERE(isa);
  for (const int n : {1, 2, 7, 8, 15, 16, 17, 31, 33, 40, 44, 49, 64, 72, 100, 255, 256, 257, 300, 513}) {
    ASSERT_EQ(family.run(kernels(Isa::kScalar), n), family.run(kernels(isa), n)) << "size " << n;
  }
}

// One number at a time, and from below the least float32 to past the greatest: the scaling by a power of two is each set's own.
TEST(ExpSets, GiveTheBitsOfTheScalarSetOverTheWholeRange) {
  std::vector<float> x{-INFINITY, INFINITY, -0.0F, 0x1p-149F, -3.4e38F, 3.4e38F};
  for (int i = -110 * 512; i <= 90 * 512; ++i) x.push_back(static_cast<float>(i) / 512 + 1e-4F * static_cast<float>(i % 7));
  const auto exps = [&](const KernelTable& table) {
    std::vector<float> out;
    for (const float& one : x) out.push_back(table.sum_exp(&one, 0.0F, 1));
    return bytes_of(out);
  };
  const Bytes right = exps(kernels(Isa::kScalar));
  for (const Isa isa : isas_here()) {
    EXPECT_EQ(exps(kernels(isa)), right) << name(isa);
    const float not_a_number = NAN;
    EXPECT_TRUE(std::isnan(kernels(isa).sum_exp(&not_a_number, 0.0F, 1))) << name(isa);
  }
}

}  // namespace halfbyte
