#include "base/float16.h"

#include <gtest/gtest.h>

#include <cmath>

namespace halfbyte {

TEST(Float16, EveryHalfSurvivesTheRoundTrip) {
  for (uint32_t h = 0; h < 0x10000; ++h) {
    const float f = half_to_float(static_cast<uint16_t>(h));
    if (std::isnan(f)) continue;
    ASSERT_EQ(float_to_half(f), h);
  }
}

TEST(Float16, RoundsToNearestEven) {
  EXPECT_EQ(float_to_half(1.0F + 0x1p-11F), 0x3c00);      // tie: to even
  EXPECT_EQ(float_to_half(1.0F + 3 * 0x1p-11F), 0x3c02);  // tie: to even
  EXPECT_EQ(float_to_half(1.0F + 0x1p-11F + 0x1p-20F), 0x3c01);
  EXPECT_EQ(float_to_half(65519.0F), 0x7bff);
  EXPECT_EQ(float_to_half(65520.0F), 0x7c00);
  EXPECT_EQ(float_to_half(0x1p-25F), 0);  // half of the least subnormal: to even
  EXPECT_TRUE(std::isnan(half_to_float(float_to_half(NAN))));
}

TEST(Float16, BfloatIsTheUpperHalfOfAFloat) { EXPECT_EQ(bfloat_to_float(0x3fc0), 1.5F); }

}  // namespace halfbyte
