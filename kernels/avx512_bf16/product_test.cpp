// The kernels of --fast-prompt: near the product of what was rounded to bf16, each token for itself.
#include <cmath>

#include "kernels/test_inputs.h"

namespace halfbyte {
namespace amx_bf16 {
extern const FastPromptTable kPlainTable;
}
namespace {

// The tables of this processor, and the AMX one over a plain model of its tiles.
struct Set {
  const char* name;
  const FastPromptTable* (*table)();
};
const Set kSets[] = {
    {"avx512_bf16", [] { return runs_here(Isa::kAvx512Bf16) ? fast_prompt_kernels(Isa::kAvx512Bf16) : nullptr; }},
    {"amx", [] { return runs_here(Isa::kAmx) ? fast_prompt_kernels(Isa::kAmx) : nullptr; }},
    {"plain_amx", [] { return runs_here(Isa::kAvx512Bf16) ? &amx_bf16::kPlainTable : nullptr; }},
};
constexpr const char* kFormats[] = {
#define PANEL(name, format) format,
#include "kernels/families.def"
};

uint16_t rounded(float x) {  // to nearest even
  const auto bits = std::bit_cast<uint32_t>(x);
  return static_cast<uint16_t>((bits + 0x7fffU + ((bits >> 16) & 1U)) >> 16);
}
float as_float(uint16_t bf16) { return std::bit_cast<float>(static_cast<uint32_t>(bf16) << 16); }

class FastPrompt : public testing::TestWithParam<std::tuple<Set, const char*>> {
 protected:
  void SetUp() override {
    table_ = set().table();
    if (table_ == nullptr) GTEST_SKIP() << "this processor does not have what " << set().name << " needs";
    kernel_ = panel_kernel(*table_, format_.name);
    if (kernel_ == nullptr) GTEST_SKIP() << format_.name << ": the usual kernel is taken";
  }
  static Set set() { return std::get<0>(GetParam()); }
  bool has_float_weights() const { return format_.block_length == 1; }
  // Ends of groups and of strips; for float weights also columns without a pair.
  std::vector<int> columns() const {
    if (format_.block_length == 256) return {256, 1280, 2304};
    if (format_.block_length == 32) return {32, 96, 288, 2080};
    return {1, 31, 32, 258, 2047, 4100};
  }

  std::vector<float> product(RandomPanels& weights, int panels, const std::vector<float>& x, int columns, int tokens) const {
    const ActivationRows rows(kernels(Isa::kScalar), ActivationKind::kBf16, x, columns, tokens);
    return halfbyte::product(kernel_, weights, panels, rows.view, columns, tokens);
  }

  const NumberFormat& format_ = *find_number_format(std::get<1>(GetParam()));
  const FastPromptTable* table_ = nullptr;
  PanelKernel* kernel_ = nullptr;
};
INSTANTIATE_TEST_SUITE_P(Kernels, FastPrompt, testing::Combine(testing::ValuesIn(kSets), testing::ValuesIn(kFormats)),
                         [](const auto& p) { return std::string(std::get<0>(p.param).name) + "_" + std::get<1>(p.param); });

}  // namespace

TEST_P(FastPrompt, GivesTheProductOfRoundedWeightsAndRoundedActivations) {
  for (const int columns : columns()) {
    const auto n = static_cast<size_t>(columns);
    for (const int panels : {1, 3}) {
      RandomPanels weights(format_, panels, columns, static_cast<uint32_t>(columns + panels));
      std::vector<float> w(static_cast<size_t>(panels) * kPanelRows * n);
      format_.decode(weights.rows.data(), w.size() / format_.block_length, w.data());
      for (const int tokens : {16, 17, 31, 40}) {
        const auto x = random_floats(n * static_cast<size_t>(tokens), static_cast<uint32_t>(tokens), 3.0F);
        const auto y = product(weights, panels, x, columns, tokens);
        const size_t stride = y.size() / static_cast<size_t>(tokens);
        for (size_t t = 0; t < static_cast<size_t>(tokens); ++t)
          for (size_t r = 0; r < static_cast<size_t>(panels) * kPanelRows; ++r) {
            double of_rounded = 0, exact = 0, magnitude = 0, squares = 0, greatest = 0;
            for (size_t k = 0; k < n; ++k) {
              of_rounded += static_cast<double>(as_float(rounded(w[r * n + k]))) * static_cast<double>(as_float(rounded(x[t * n + k])));
              const double wa = static_cast<double>(w[r * n + k]) * static_cast<double>(x[t * n + k]);
              exact += wa;
              magnitude += std::abs(wa);
              squares += wa * wa;
              greatest = std::max(greatest, std::abs(wa));
            }
            // Sums are float32. Decoded weights were rounded once more than those of the kernel: a few end on the other side of a
            // step of bf16.
            const double tipped = has_float_weights() ? 0.0 : 0x1p-8 * greatest;
            ASSERT_NEAR(y[t * stride + r], of_rounded, 4e-6 * magnitude + tipped + 1e-30)
                << "row " << r << ", token " << t << " of " << tokens << ", " << columns << " columns, " << panels << " panels";
            // Each factor is off by 2^-8 of itself at most, the sum by what random signs leave of that.
            ASSERT_NEAR(y[t * stride + r], exact, 4 * 0x1p-8 * std::sqrt(squares) + 4e-6 * magnitude + 1e-30)
                << "row " << r << ", token " << t;
          }
        for (size_t t = 0; t < static_cast<size_t>(tokens); ++t) ASSERT_EQ(y[t * stride + stride - 8], -7.0F) << "written past the rows";
      }
    }
  }
}

TEST_P(FastPrompt, GivesATokenTheSameBitsInAnyCompany) {
  const int columns = 2304, tokens = 40;
  RandomPanels weights(format_, 3, columns, 3);
  const auto x = random_floats(columns * tokens, 4);
  const auto together = product(weights, 3, x, columns, tokens);
  const size_t stride = together.size() / tokens;
  for (int t = 0; t < tokens; ++t) {
    const auto alone = product(weights, 3, {x.begin() + t * columns, x.begin() + (t + 1) * columns}, columns, 1);
    ASSERT_EQ(std::memcmp(alone.data(), together.data() + static_cast<size_t>(t) * stride, 3 * kPanelRows * sizeof(float)), 0)
        << "token " << t;
  }
}

TEST_P(FastPrompt, LeavesAbsentRowsAtZero) {
  const int columns = 512, tokens = 20;
  RandomPanels weights(format_, 1, columns, 6);
  format_.panel->pack(weights.rows.data(), 5, columns, weights.memory.data());
  const auto y = product(weights, 1, random_floats(columns * tokens, 7), columns, tokens);
  for (size_t t = 0; t < tokens; ++t)
    for (size_t r = 0; r < kPanelRows; ++r) ASSERT_EQ(y[t * (kPanelRows + 8) + r] == 0, r >= 5) << "row " << r << ", token " << t;
}

TEST(FastPromptTables, CoverFloatActivationsOnAvx512AndEveryFormatInTiles) {
  for (const char* format : kFormats) {
    EXPECT_NE(panel_kernel(amx_bf16::kPlainTable, format), nullptr) << format;
    const bool takes_floats = find_number_format(format)->activations == ActivationKind::kFloat;
    EXPECT_EQ(panel_kernel(*fast_prompt_kernels(Isa::kAvx512Bf16), format) != nullptr, takes_floats) << format;
  }
  for (const Isa isa : isas_known()) {
    if (isa < Isa::kAvx512Bf16) {
      EXPECT_EQ(fast_prompt_kernels(isa), nullptr) << name(isa);
    }
  }
}

}  // namespace halfbyte
