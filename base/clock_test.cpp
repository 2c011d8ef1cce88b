#include "base/clock.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>

namespace halfbyte {
namespace {

#if defined(__x86_64__)
// Cycles per second by another chain: multiplications take three cycles each on every x86-64 core since 2008. Some cores add small
// constants without taking a cycle at all; a clock counted by those would be several times too high.
double by_multiplications() {
  constexpr int kRounds = 20, kMultiplications = 250000, kCycles = 3;
  uint64_t product = 1;
  double best = 0;
  for (int round = 0; round < kRounds; ++round) {
    const auto start = std::chrono::steady_clock::now();
#pragma GCC unroll 8
    for (int i = 0; i < kMultiplications; ++i) asm volatile("imul $3, %0, %0" : "+r"(product));
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    best = std::max(best, kMultiplications * kCycles / seconds.count());
  }
  return best;
}

TEST(Clock, AgreesWithAnotherKindOfInstruction) {
  double ratio = 0;
  // A busy machine may interrupt every round of one of the two, and clocks move: some tries.
  for (int i = 0; i < 5 && (ratio < 0.85 || ratio > 1.15); ++i) ratio = measure_clock().value() / by_multiplications();
  EXPECT_NEAR(ratio, 1, 0.15);
}
#endif

TEST(Clock, DoesNotGoOnWhenAskedToStop) {
  std::stop_source stop;
  stop.request_stop();
  EXPECT_EQ(measure_clock(stop.get_token()).value_or(0), 0);
}

}  // namespace
}  // namespace halfbyte
