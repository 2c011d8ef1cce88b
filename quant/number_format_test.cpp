#include "quant/number_format.h"

#include <gtest/gtest.h>

#include <bit>
#include <cstring>
#include <filesystem>
#include <limits>
#include <vector>

#include "base/file.h"
#include "base/float16.h"

namespace halfbyte {
namespace {

struct Recorded {
  std::vector<std::byte> blocks;
  std::vector<float> weights;
  size_t count = 0;
};

// tests/data/quant/make.py: n blocks, then their weights.
Recorded recorded(const NumberFormat& format) {
  const auto path = std::filesystem::path(HALFBYTE_TEST_DATA) / "quant" / (std::string(format.name) + ".bin");
  const auto text = read_text(path, 1 << 20);
  EXPECT_TRUE(text) << path;
  Recorded r;
  if (!text) return r;
  r.count = text->size() / (format.block_bytes + 4 * format.block_length);
  r.blocks.resize(r.count * format.block_bytes);
  r.weights.resize(r.count * format.block_length);
  EXPECT_EQ(text->size(), r.blocks.size() + 4 * r.weights.size());
  std::memcpy(r.blocks.data(), text->data(), r.blocks.size());
  std::memcpy(r.weights.data(), text->data() + r.blocks.size(), 4 * r.weights.size());
  return r;
}

class EveryFormat : public testing::TestWithParam<std::string_view> {
 protected:
  const NumberFormat& format() const { return *find_number_format(GetParam()); }
};

std::vector<std::string_view> names() {
  std::vector<std::string_view> out;
  for (const NumberFormat& format : number_formats()) out.push_back(format.name);
  return out;
}

INSTANTIATE_TEST_SUITE_P(Quant, EveryFormat, testing::ValuesIn(names()), [](const auto& format) { return std::string(format.param); });

}  // namespace

TEST_P(EveryFormat, DecodesToTheBitsOfTheReference) {
  const Recorded r = recorded(format());
  ASSERT_GE(r.count, 16U);
  std::vector<float> out(r.weights.size());
  format().decode(r.blocks.data(), r.count, out.data());
  for (size_t i = 0; i < out.size(); ++i)
    ASSERT_EQ(std::bit_cast<uint32_t>(out[i]), std::bit_cast<uint32_t>(r.weights[i]))
        << "weight " << i << ": " << out[i] << ", reference " << r.weights[i];
}

TEST_P(EveryFormat, DecodesFromAnyAddress) {
  const Recorded r = recorded(format());
  std::vector<std::byte> shifted(r.blocks.size() + 1);
  std::memcpy(shifted.data() + 1, r.blocks.data(), r.blocks.size());
  std::vector<float> out(r.weights.size());
  format().decode(shifted.data() + 1, r.count, out.data());
  EXPECT_EQ(std::memcmp(out.data(), r.weights.data(), 4 * out.size()), 0);
}

TEST_P(EveryFormat, FindsTheFirstBlockWhoseScaleIsNotFinite) {
  Recorded r = recorded(format());
  EXPECT_EQ(format().first_not_finite(r.blocks.data(), r.count), r.count);
  for (const size_t bad : {r.count - 1, size_t{5}}) {
    // A block of ones: every scale is a NaN.
    std::memset(r.blocks.data() + bad * format().block_bytes, 0xff, format().block_bytes);
    EXPECT_EQ(format().first_not_finite(r.blocks.data(), r.count), bad);
  }
}

TEST_P(EveryFormat, IsFoundByItsNameAndByItsId) {
  EXPECT_EQ(find_number_format(format().gguf_type), &format());
  EXPECT_FALSE(is_removed_type(format().gguf_type));
}

TEST_P(EveryFormat, MeetsQuantizedActivationsOnlyWhenItHasAPanel) {
  EXPECT_TRUE(format().panel != nullptr || format().activations == ActivationKind::kFloat);
}

TEST(NumberFormat, DecodesEveryHalfAsItsDefinitionDoes) {
  std::vector<uint16_t> halves(0x10000);
  for (size_t i = 0; i < halves.size(); ++i) halves[i] = static_cast<uint16_t>(i);
  std::vector<float> out(halves.size());
  find_number_format("F16")->decode(reinterpret_cast<const std::byte*>(halves.data()), halves.size(), out.data());
  for (const uint16_t half : halves) ASSERT_EQ(std::bit_cast<uint32_t>(out[half]), std::bit_cast<uint32_t>(half_to_float(half))) << half;
}

TEST(NumberFormat, EachScaleOfABlockIsChecked) {
  const auto refused = [](std::string_view name, size_t offset) {
    const NumberFormat& format = *find_number_format(name);
    std::vector<std::byte> block(format.block_bytes);
    block[offset + 1] = std::byte{0x7c};  // infinity
    return format.first_not_finite(block.data(), 1) == 0;
  };
  EXPECT_TRUE(refused("Q4_1", 2));
  EXPECT_TRUE(refused("Q5_1", 2));
  EXPECT_TRUE(refused("Q2_K", 80));
  EXPECT_TRUE(refused("Q2_K", 82));
  EXPECT_TRUE(refused("Q4_K", 2));
  EXPECT_TRUE(refused("Q5_K", 2));
  EXPECT_TRUE(refused("Q6_K", 208));
}

TEST(NumberFormat, AnMxfp4ExponentWhoseValuesPassFloat32IsNotFinite) {
  const NumberFormat& format = *find_number_format("MXFP4");
  std::vector<std::byte> block(17, std::byte{0x77});  // every value is 6
  const auto decoded = [&](int e) {
    block[0] = static_cast<std::byte>(e);
    std::vector<float> out(32);
    format.decode(block.data(), 1, out.data());
    return out[0];
  };
  EXPECT_EQ(decoded(252), 6 * 0x1p125F);
  EXPECT_EQ(format.first_not_finite(block.data(), 1), 1U);
  EXPECT_EQ(decoded(253), std::numeric_limits<float>::infinity());
  EXPECT_EQ(format.first_not_finite(block.data(), 1), 0U);
}

TEST(NumberFormat, UnknownAndRemovedTypesAreTold) {
  EXPECT_EQ(find_number_format(4U), nullptr);
  EXPECT_EQ(find_number_format(200U), nullptr);
  EXPECT_EQ(find_number_format("Q9_9"), nullptr);
  EXPECT_TRUE(is_removed_type(4));
  EXPECT_TRUE(is_removed_type(38));
  EXPECT_FALSE(is_removed_type(200));
}

TEST(NumberFormat, SizesFollowFromTheBlock) {
  EXPECT_EQ(find_number_format("Q4_K")->row_bytes(512), 288U);
  EXPECT_EQ(find_number_format("Q4_0")->bits_per_weight(), 4.5);
}

}  // namespace halfbyte
