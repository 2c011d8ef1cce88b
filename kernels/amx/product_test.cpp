// The AMX set's products on processors without AMX: its very source, with a plain model in place of the tile registers.
#include "kernels/test_inputs.h"

namespace halfbyte {
namespace amx {
extern const KernelTable kPlainTable;
}
namespace {

std::vector<const char*> formats_in_tiles() {
  std::vector<const char*> formats;
#define PANEL(name, format) \
  if (amx::kPlainTable.name != nullptr) formats.push_back(format);
#include "kernels/families.def"
  return formats;
}

class TileProducts : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override { SKIP_UNLESS_IT_RUNS_HERE(Isa::kAvx512Vnni); }  // all but the tiles is its own

  const NumberFormat& format_ = *find_number_format(GetParam());
  const size_t block_ = std::max<size_t>(format_.block_length, 32);

  void expect_the_bits_of_the_scalar_kernel(RandomPanels& weights, int panels, const ActivationRows& x, int columns, int tokens) const {
    const auto expected = product(kernels(Isa::kScalar), format_, weights, panels, x.view, columns, tokens);
    const auto found = product(amx::kPlainTable, format_, weights, panels, x.view, columns, tokens);
    ASSERT_EQ(std::memcmp(expected.data(), found.data(), expected.size() * sizeof(float)), 0)
        << columns << " columns, " << tokens << " tokens, " << panels << " panels";
  }
};
INSTANTIATE_TEST_SUITE_P(Kernels, TileProducts, testing::ValuesIn(formats_in_tiles()), [](const auto& p) { return std::string(p.param); });

}  // namespace

// Around one, two and three tiles of tokens; blocks that fill a group of 256 columns and such that do not; panels around what is
// unpacked at once.
TEST_P(TileProducts, GiveTheBitsOfTheScalarKernel) {
  for (const size_t blocks : {1, 3, 8, 11}) {
    const int columns = static_cast<int>(blocks * block_);
    for (const int panels : {1, 5}) {
      RandomPanels weights(format_, panels, columns, static_cast<uint32_t>(blocks));
      for (const int tokens : {1, 15, 16, 17, 31, 32, 33, 48, 63}) {
        const auto x = random_floats(static_cast<size_t>(columns * tokens), static_cast<uint32_t>(tokens), 3.0F);
        const ActivationRows rows(kernels(Isa::kScalar), format_.activations, x, columns, tokens);
        expect_the_bits_of_the_scalar_kernel(weights, panels, rows, columns, tokens);
      }
    }
  }
}

// Quants and scales of all bits set or only the highest, activations of +-127: products that need their 16 bits.
TEST_P(TileProducts, KeepTheLargestIntegersExact) {
  const int columns = 512, tokens = 32;
  for (const std::byte fill : {std::byte{0xff}, std::byte{0x80}, std::byte{0x7f}, std::byte{0x00}}) {
    RandomPanels weights(format_, 1, columns, 5);
    const auto ordinary = weights.rows;  // as it was where a fill would be a scale that is not finite
    std::fill(weights.rows.begin(), weights.rows.end(), fill);
    for (size_t at = 0; at < weights.rows.size(); at += format_.block_bytes)
      for (size_t i = 0; i < format_.block_bytes; ++i)
        if (i < 4 || i + 4 >= format_.block_bytes) weights.rows[at + i] = ordinary[at + i];
    format_.panel->pack(weights.rows.data(), kPanelRows, columns, weights.memory.data());
    std::vector<float> x(static_cast<size_t>(columns * tokens), 1.0F);
    for (size_t i = 0; i < x.size(); i += 3) x[i] = -1.0F;
    const ActivationRows rows(kernels(Isa::kScalar), format_.activations, x, columns, tokens);
    expect_the_bits_of_the_scalar_kernel(weights, 1, rows, columns, tokens);
  }
}

TEST_P(TileProducts, GiveATokenTheSameBitsInAnyCompany) {
  const int columns = 768, tokens = 50;
  RandomPanels weights(format_, 2, columns, 3);
  const auto x = random_floats(columns * tokens, 4);
  const ActivationRows all(kernels(Isa::kScalar), format_.activations, x, columns, tokens);
  const auto together = product(amx::kPlainTable, format_, weights, 2, all.view, columns, tokens);
  for (int t = 0; t < tokens; ++t) {
    const std::vector<float> row(x.begin() + t * columns, x.begin() + (t + 1) * columns);
    const ActivationRows one(kernels(Isa::kScalar), format_.activations, row, columns, 1);
    const auto alone = product(amx::kPlainTable, format_, weights, 2, one.view, columns, 1);
    ASSERT_EQ(std::memcmp(alone.data(), together.data() + static_cast<size_t>(t) * alone.size(), 2 * kPanelRows * sizeof(float)), 0)
        << "token " << t;
  }
}

}  // namespace halfbyte
