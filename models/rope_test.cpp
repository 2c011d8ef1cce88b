#include "models/rope.h"

#include <gtest/gtest.h>

#include <cmath>

namespace halfbyte {
namespace {

TEST(Rope, FrequenciesFallGeometrically) {
  const Rope rope = make_rope({.dims = 8, .base = 10000}, nullptr);
  ASSERT_EQ(rope.inverse_frequency.size(), 4U);
  EXPECT_FLOAT_EQ(rope.inverse_frequency[0], 1);
  EXPECT_FLOAT_EQ(rope.inverse_frequency[1], 0.1F);
  EXPECT_FLOAT_EQ(rope.inverse_frequency[3], 0.001F);
  EXPECT_EQ(rope.magnitude, 1);
}

TEST(Rope, LinearScalingDividesEveryFrequency) {
  const Rope rope = make_rope({.dims = 4, .base = 100, .scaling = RopeScaling::kLinear, .factor = 4}, nullptr);
  EXPECT_FLOAT_EQ(rope.inverse_frequency[0], 0.25F);
  EXPECT_FLOAT_EQ(rope.inverse_frequency[1], 0.025F);
}

TEST(Rope, FactorsDivideTheirOwnFrequency) {
  const float factors[] = {1, 8};
  const Rope rope = make_rope({.dims = 4, .base = 100}, factors);
  EXPECT_FLOAT_EQ(rope.inverse_frequency[0], 1);
  EXPECT_FLOAT_EQ(rope.inverse_frequency[1], 0.1F / 8);
}

TEST(Rope, YarnKeepsFastPairsStretchesSlowOnesAndRaisesTheMagnitude) {
  const Rope rope = make_rope({.dims = 64, .base = 10000, .scaling = RopeScaling::kYarn, .factor = 4, .original_context = 4096}, nullptr);
  EXPECT_FLOAT_EQ(rope.inverse_frequency[0], 1);
  EXPECT_FLOAT_EQ(rope.inverse_frequency[31], static_cast<float>(std::pow(10000.0, -62.0 / 64) / 4));
  EXPECT_FLOAT_EQ(rope.magnitude, static_cast<float>(0.1 * std::log(4.0) + 1));
}

}  // namespace
}  // namespace halfbyte
