#include "base/percentile.h"

#include <gtest/gtest.h>

namespace halfbyte {
namespace {

TEST(Percentile, IsInterpolatedBetweenTheTwoNearest) {
  EXPECT_DOUBLE_EQ(percentile({40, 10, 30, 20}, 50), 25);
  EXPECT_DOUBLE_EQ(percentile({40, 10, 30, 20}, 90), 37);
}

TEST(Percentile, ReachesFromTheLeastToTheGreatest) {
  EXPECT_DOUBLE_EQ(percentile({3, 1, 2}, 0), 1);
  EXPECT_DOUBLE_EQ(percentile({3, 1, 2}, 100), 3);
  EXPECT_DOUBLE_EQ(percentile({7}, 99), 7);
}

}  // namespace
}  // namespace halfbyte
