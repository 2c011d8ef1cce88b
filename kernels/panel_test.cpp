// Matrix products of every panel family: the scalar kernel is near the exact product, every other set gives its very bits.
#include <cmath>

#include "kernels/test_inputs.h"

namespace halfbyte {
namespace {

struct Family {
  const char* name;
  const char* format;
};
constexpr Family kFamilies[] = {
#define PANEL(name, format) {#name, format},
#include "kernels/families.def"
};

// Sizes around the tiles of all sets, and columns that end in a partial group.
constexpr int kTokens[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 25, 37};
std::vector<int> columns_of(const NumberFormat& format) {
  if (format.block_length == 256) return {256, 512, 1280};
  if (format.block_length == 1) return {1, 31, 256, 258, 1000};
  return {32, 64, 256, 288, 576, 1504};
}

class PanelSets : public testing::TestWithParam<std::tuple<Family, Isa>> {};
INSTANTIATE_TEST_SUITE_P(Kernels, PanelSets, testing::Combine(testing::ValuesIn(kFamilies), testing::ValuesIn(isas_known())),
                         [](const auto& p) { return std::string(std::get<0>(p.param).name) + "_" + test_name(std::get<1>(p.param)); });

class PanelFormulas : public testing::TestWithParam<Family> {};
INSTANTIATE_TEST_SUITE_P(Kernels, PanelFormulas, testing::ValuesIn(kFamilies), [](const auto& p) { return std::string(p.param.name); });

}  // namespace

TEST_P(PanelSets, GiveTheBitsOfTheScalarKernel) {
  const auto [family, isa] = GetParam();
  SKIP_UNLESS_IT_RUNS_HERE(isa);
  const NumberFormat& format = *find_number_format(family.format);
  const KernelTable& scalar = kernels(Isa::kScalar);
  for (const int columns : columns_of(format)) {
    RandomPanels weights(format, 3, columns, static_cast<uint32_t>(columns));
    for (const int tokens : kTokens) {
      const auto x = random_floats(static_cast<size_t>(columns) * static_cast<size_t>(tokens), static_cast<uint32_t>(tokens), 3.0F);
      const ActivationRows rows(scalar, format.activations, x, columns, tokens);
      const auto expected = product(scalar, format, weights, 3, rows.view, columns, tokens);
      const auto found = product(kernels(isa), format, weights, 3, rows.view, columns, tokens);
      ASSERT_EQ(std::memcmp(expected.data(), found.data(), expected.size() * sizeof(float)), 0)
          << columns << " columns, " << tokens << " tokens";
    }
  }
}

TEST_P(PanelSets, KeepTheLargestIntegersExact) {
  const auto [family, isa] = GetParam();
  SKIP_UNLESS_IT_RUNS_HERE(isa);
  const NumberFormat& format = *find_number_format(family.format);
  const int columns = 512;
  // All weights at the end of their range, all activations at +-127: what narrow accumulators would not survive.
  for (const std::byte fill : {std::byte{0xff}, std::byte{0x80}, std::byte{0x7f}}) {
    RandomPanels weights(format, 1, columns, 5);
    for (size_t b = 0; b < weights.rows.size(); b += format.block_bytes)
      for (size_t i = 0; i < format.block_bytes; ++i)
        weights.rows[b + i] = i % 2 == 1 && (i < 4 || i + 4 >= format.block_bytes) ? std::byte{0x3c} : fill;
    if (format.name == "MXFP4")  // its exponent is a byte of its own
      for (size_t b = 0; b < weights.rows.size(); b += format.block_bytes) weights.rows[b] = std::byte{0x7f};
    format.panel->pack(weights.rows.data(), kPanelRows, columns, weights.memory.data());
    for (const int tokens : {1, 13, 40}) {
      std::vector<float> x(static_cast<size_t>(columns * tokens), 1.0F);
      for (size_t i = 0; i < x.size(); i += 3) x[i] = fill == std::byte{0xff} ? 1.0F : -1.0F;
      const ActivationRows rows(kernels(Isa::kScalar), format.activations, x, columns, tokens);
      const auto expected = product(kernels(Isa::kScalar), format, weights, 1, rows.view, columns, tokens);
      const auto found = product(kernels(isa), format, weights, 1, rows.view, columns, tokens);
      ASSERT_EQ(std::memcmp(expected.data(), found.data(), expected.size() * sizeof(float)), 0) << tokens << " tokens";
    }
  }
}

TEST_P(PanelSets, GiveATokenTheSameBitsInAnyCompany) {
  const auto [family, isa] = GetParam();
  SKIP_UNLESS_IT_RUNS_HERE(isa);
  const NumberFormat& format = *find_number_format(family.format);
  const int columns = 768, tokens = 43;
  RandomPanels weights(format, 2, columns, 3);
  const auto x = random_floats(columns * tokens, 4);
  const ActivationRows all(kernels(isa), format.activations, x, columns, tokens);
  const auto together = product(kernels(isa), format, weights, 2, all.view, columns, tokens);
  for (int t = 0; t < tokens; ++t) {
    const ActivationRows one(kernels(isa), format.activations, {x.begin() + t * columns, x.begin() + (t + 1) * columns}, columns, 1);
    const auto alone = product(kernels(isa), format, weights, 2, one.view, columns, 1);
    ASSERT_EQ(std::memcmp(alone.data(), together.data() + static_cast<size_t>(t) * alone.size(), 2 * kPanelRows * sizeof(float)), 0)
        << "token " << t;
  }
}

TEST_P(PanelFormulas, AreTheProductOfDecodedWeightsAndTheActivationsTheyMeet) {
  const Family family = GetParam();
  const NumberFormat& format = *find_number_format(family.format);
  const KernelTable& scalar = kernels(Isa::kScalar);
  for (const int columns : columns_of(format)) {
    const int tokens = 3, panels = 2;
    RandomPanels weights(format, panels, columns, 11);
    const auto x = random_floats(static_cast<size_t>(columns * tokens), 12);
    const ActivationRows rows(scalar, format.activations, x, columns, tokens);
    const auto y = product(scalar, format, weights, panels, rows.view, columns, tokens);
    const size_t n = static_cast<size_t>(columns), block = format.activations == ActivationKind::kPer32 ? 32 : 256;
    std::vector<float> w(n);
    for (size_t r = 0; r < panels * kPanelRows; ++r) {
      format.decode(weights.rows.data() + r * format.row_bytes(n), n / format.block_length, w.data());
      for (size_t t = 0; t < tokens; ++t) {
        double exact = 0, magnitude = 0;
        for (size_t k = 0; k < n; ++k) {
          const double a = rows.value(t, k, block);
          exact += static_cast<double>(w[k]) * a;
          magnitude += std::abs(static_cast<double>(w[k]) * a);
        }
        // Decoded weights are rounded to float32 and so is each of the few steps per block; minima may cancel against scales; what is
        // subnormal may be 0.
        ASSERT_NEAR(y[t * (panels * kPanelRows + 8) + r], exact, 2e-6 * magnitude + 1e-5 * std::abs(exact) + 0x1p-126)
            << "row " << r << ", token " << t << ", " << columns << " columns";
      }
    }
  }
}

// The slow way decodes a format's rows to a panel of F32: halves give the same bits without that detour.
TEST(PanelKernels, OfHalvesGiveTheBitsOfTheirDecodedWeights) {
  const int columns = 700, tokens = 29;
  const size_t n = columns;
  const NumberFormat &f32 = *find_number_format("F32"), &f16 = *find_number_format("F16");
  for (const Isa isa : isas_here()) {
    const ActivationRows x(kernels(isa), ActivationKind::kFloat, random_floats(n * tokens, 21), columns, tokens);
    RandomPanels weights(f16, 1, columns, 22);
    RandomPanels decoded(f32, 1, columns, 23);
    f16.decode(weights.rows.data(), kPanelRows * n, reinterpret_cast<float*>(decoded.rows.data()));
    f32.panel->pack(decoded.rows.data(), kPanelRows, n, decoded.memory.data());
    const auto expected = product(kernels(isa), f32, decoded, 1, x.view, columns, tokens);
    const auto found = product(kernels(isa), f16, weights, 1, x.view, columns, tokens);
    EXPECT_EQ(std::memcmp(expected.data(), found.data(), expected.size() * sizeof(float)), 0) << test_name(isa);
  }
}

// As VDPBF16PS has it: 0 for a weight, an activation or a sum that is subnormal.
TEST(PanelKernels, OfPairsTakeSubnormalNumbersForZero) {
  const NumberFormat& format = *find_number_format("BF16");
  const uint16_t tiny = 0x0040, least = 0x0080, one = 0x3f80, minus_half = 0xbf00;  // 2^-127, 2^-126, 1, -1/2
  const struct {
    uint16_t weights[2];
    float x[2], expected;
  } cases[] = {
      {{tiny, one}, {1.0F, 1.0F}, 1.0F},       {{one, one}, {0x1p-127F, 1.0F}, 1.0F},
      {{least, one}, {1.0F, 0.0F}, 0x1p-126F}, {{minus_half, one}, {0x1p-126F, 0x1p-126F}, 0.0F},  // 2^-126 - 2^-127
      {{tiny, 0}, {0x1p100F, 0.0F}, 0.0F},
  };
  for (const Isa isa : isas_here())
    for (const auto& c : cases)
      for (const int tokens : {1, 13}) {
        RandomPanels weights(format, 1, 2, 1);
        for (size_t r = 0; r < kPanelRows; ++r) std::memcpy(weights.rows.data() + 4 * r, c.weights, sizeof c.weights);
        format.panel->pack(weights.rows.data(), kPanelRows, 2, weights.memory.data());
        std::vector<float> x;
        for (int t = 0; t < tokens; ++t) x.insert(x.end(), c.x, c.x + 2);
        const ActivationRows rows(kernels(isa), format.activations, x, 2, tokens);
        const auto y = product(kernels(isa), format, weights, 1, rows.view, 2, tokens);
        EXPECT_EQ(y[0], c.expected) << test_name(isa) << ", " << tokens << " tokens";
      }
}

TEST(PanelKernels, OfPairsAreTheOnlyOnesThatAvx512Bf16HasForItself) {
  if (!runs_here(Isa::kAvx512Bf16)) GTEST_SKIP() << "this processor does not have " << name(Isa::kAvx512Bf16);
  for (const Family& family : kFamilies) {
    const bool is_own = panel_kernel(kernels(Isa::kAvx512Bf16), family.format) != panel_kernel(kernels(Isa::kAvx512Vnni), family.format);
    EXPECT_EQ(is_own, family.format == std::string_view("BF16")) << family.format;
  }
}

TEST(PanelKernels, AreFoundByTheNameOfTheirFormat) {
  for (const Family& family : kFamilies) EXPECT_NE(panel_kernel(kernels(Isa::kScalar), family.format), nullptr) << family.format;
  EXPECT_EQ(panel_kernel(kernels(Isa::kScalar), "Q9_9"), nullptr);
}

TEST(PanelKernels, ExistForEveryFormatWithAPanelLayout) {
  for (const NumberFormat& format : number_formats()) {
    if (format.panel != nullptr) {
      EXPECT_NE(panel_kernel(kernels(Isa::kScalar), format.name), nullptr) << format.name;
    }
  }
}

}  // namespace halfbyte
