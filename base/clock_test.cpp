#include "base/clock.h"

#include <gtest/gtest.h>

namespace halfbyte {
namespace {

TEST(Clock, IsThatOfAProcessor) {
  const auto clock = measure_clock();
  if (!clock) GTEST_SKIP() << "this build does not know how to measure it";
  EXPECT_GT(*clock, 1e8);
  EXPECT_LT(*clock, 1e10);
}

}  // namespace
}  // namespace halfbyte
