#include "quant/panel.h"

#include <gtest/gtest.h>

#include <bit>
#include <cstring>
#include <random>
#include <vector>

#include "base/float16.h"
#include "quant/number_format.h"

namespace halfbyte {
namespace {

class EveryPanel : public testing::TestWithParam<std::string_view> {
 protected:
  const NumberFormat& format() const { return *find_number_format(GetParam()); }
  size_t row_bytes(size_t columns) const { return format().row_bytes(columns); }

  // Rows of random bytes with finite scales: a NaN's payload need not survive a panel, and such blocks are refused at load.
  std::vector<std::byte> random_rows(int rows, size_t columns) const {
    std::mt19937 random(static_cast<uint32_t>(columns) * 17U + static_cast<uint32_t>(rows));
    std::vector<std::byte> bytes(static_cast<size_t>(rows) * row_bytes(columns));
    for (std::byte& b : bytes) b = static_cast<std::byte>(random());
    const size_t blocks = bytes.size() / format().block_bytes;
    for (size_t i = 0; i < blocks; ++i)
      while (format().first_not_finite(bytes.data() + i * format().block_bytes, 1) == 0)
        for (size_t k = 0; k < format().block_bytes; ++k) bytes[i * format().block_bytes + k] = static_cast<std::byte>(random());
    return bytes;
  }

  std::vector<std::byte> packed(const std::vector<std::byte>& rows, int count, size_t columns) const {
    std::vector<std::byte> panel(format().panel->panel_bytes(columns), std::byte{0xa5});
    format().panel->pack(rows.data(), count, columns, panel.data());
    return panel;
  }
};

std::vector<std::string_view> names() {
  std::vector<std::string_view> out;
  for (const NumberFormat& format : number_formats())
    if (format.panel != nullptr) out.push_back(format.name);
  return out;
}

INSTANTIATE_TEST_SUITE_P(Quant, EveryPanel, testing::ValuesIn(names()), [](const auto& format) { return std::string(format.param); });

std::vector<std::byte> constant_block(size_t bytes, size_t at, std::byte value) {
  std::vector<std::byte> block(bytes);
  block[at] = value;
  return block;
}

}  // namespace

TEST_P(EveryPanel, GivesBackTheBytesOfEveryRow) {
  for (int rows = 1; rows <= kPanelRows; ++rows) {
    for (const size_t blocks : {1, 2, 3, 8, 9, 15, 18}) {
      const size_t columns = blocks * format().block_length;
      const auto source = random_rows(rows, columns);
      const auto panel = packed(source, rows, columns);
      std::vector<std::byte> row(row_bytes(columns));
      for (int r = 0; r < rows; ++r) {
        format().panel->unpack_row(panel.data(), r, columns, row.data());
        ASSERT_EQ(std::memcmp(row.data(), source.data() + static_cast<size_t>(r) * row.size(), row.size()), 0)
            << "row " << r << " of " << rows << ", " << blocks << " blocks";
      }
    }
  }
}

TEST_P(EveryPanel, HoldsZeroBlocksWhereRowsAreAbsent) {
  const size_t columns = size_t{3} * format().block_length;
  const auto panel = packed(random_rows(5, columns), 5, columns);
  std::vector<std::byte> row(row_bytes(columns));
  for (int lane = 5; lane < kPanelRows; ++lane) {
    format().panel->unpack_row(panel.data(), lane, columns, row.data());
    EXPECT_EQ(row, std::vector<std::byte>(row.size()));
  }
}

TEST_P(EveryPanel, IsAMultipleOfACacheLineAndWritesAllOfIt) {
  for (const size_t blocks : {1, 2, 7, 8, 11}) {
    const size_t columns = blocks * format().block_length;
    EXPECT_EQ(format().panel->panel_bytes(columns) % 64, 0U);
    const auto rows = random_rows(kPanelRows, columns);
    std::vector<std::byte> other(format().panel->panel_bytes(columns), std::byte{0x5a});
    format().panel->pack(rows.data(), kPanelRows, columns, other.data());
    EXPECT_EQ(packed(rows, kPanelRows, columns), other);  // nothing of what was there before shows through
  }
}

TEST(Panel, GroupsHaveTheSizesThatKernelsCountOn) {
  const auto bytes = [](std::string_view name, size_t columns) { return find_number_format(name)->panel->panel_bytes(columns); };
  EXPECT_EQ(bytes("Q4_0", 256), 256U + 8 * 256);
  EXPECT_EQ(bytes("Q4_0", 96), 128U + 3 * 256);  // 2 x 32 bytes of scales, 32 and padding
  EXPECT_EQ(bytes("Q4_1", 256), 2 * 256U + 8 * 256);
  EXPECT_EQ(bytes("Q5_0", 256), 256U + 8 * 64 + 8 * 256);
  EXPECT_EQ(bytes("Q5_1", 256), 2 * 256U + 8 * 64 + 8 * 256);
  EXPECT_EQ(bytes("Q8_0", 256), 256U + 8 * 512);
  EXPECT_EQ(bytes("Q4_K", 512), 2 * 2304U);
  EXPECT_EQ(bytes("Q5_K", 256), 2816U);
  EXPECT_EQ(bytes("Q6_K", 256), 3392U);
  EXPECT_EQ(bytes("Q2_K", 256), 1344U);
  EXPECT_EQ(bytes("Q3_K", 256), 1792U);
  EXPECT_EQ(bytes("IQ4_XS", 256), 2176U);
  EXPECT_EQ(bytes("IQ4_NL", 256), 256U + 8 * 256);
  EXPECT_EQ(bytes("MXFP4", 256), 128U + 8 * 256);
  EXPECT_EQ(bytes("MXFP4", 96), 64U + 3 * 256);  // 3 x 16 bytes of exponents, padded
  EXPECT_EQ(bytes("F32", 300), 300 * 64U);
  EXPECT_EQ(bytes("F16", 256), 256 * 32U);
  EXPECT_EQ(bytes("BF16", 255), 256 * 32U);  // padded
}

TEST(Panel, KeepsFourBytesOfARowInOneLane) {
  const NumberFormat& format = *find_number_format("Q4_0");
  std::vector<std::byte> rows(576);                     // 16 rows of 2 blocks of 18 bytes
  rows[3 * 36 + 18 + 2 + 4 * 1 + 2] = std::byte{0x7e};  // row 3, block 1, qs byte 6
  rows[3 * 36 + 18] = std::byte{0x11};                  // its scale
  std::vector<std::byte> panel(format.panel->panel_bytes(64));
  format.panel->pack(rows.data(), 16, 64, panel.data());
  EXPECT_EQ(panel[1 * 32 + 3 * 2], std::byte{0x11});                     // half 3 of block 1
  EXPECT_EQ(panel[64 + 1 * 256 + 1 * 64 + 3 * 4 + 2], std::byte{0x7e});  // vector 1 of block 1, lane 3, byte 2
}

TEST(Panel, TurnsHighBitsSoThatAShiftSelectsFourColumns) {
  const NumberFormat& format = *find_number_format("Q5_0");
  for (int column = 0; column < 32; ++column) {
    const auto block = constant_block(22, 2 + static_cast<size_t>(column) / 8, static_cast<std::byte>(1 << column % 8));
    std::vector<std::byte> panel(format.panel->panel_bytes(32));
    format.panel->pack(block.data(), 1, 32, panel.data());
    uint32_t word = 0;
    std::memcpy(&word, panel.data() + 64, 4);
    EXPECT_EQ(word >> (column / 4) & 0x01010101U, 1U << 8 * (column % 4));
    EXPECT_EQ(std::popcount(word), 1);
  }
}

TEST(Panel, WidensTheScaleOfQ6KToFloat32) {
  const NumberFormat& format = *find_number_format("Q6_K");
  auto block = constant_block(210, 209, std::byte{0x3e});  // 1.5
  std::vector<std::byte> panel(format.panel->panel_bytes(256));
  format.panel->pack(block.data(), 1, 256, panel.data());
  float d = 0;
  std::memcpy(&d, panel.data(), 4);
  EXPECT_EQ(d, 1.5F);
}

}  // namespace halfbyte
