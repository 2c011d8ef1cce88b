#include "base/thread_pool.h"

#include <gtest/gtest.h>

namespace halfbyte {
namespace {

class ThreadPoolTest : public testing::TestWithParam<int> {};

TEST_P(ThreadPoolTest, EveryThreadRunsTheWorkOnce) {
  ThreadPool pool(GetParam());
  std::vector<int> calls(static_cast<size_t>(GetParam()));
  for (int i = 0; i < 100; ++i) pool.run([&](int t) { ++calls[static_cast<size_t>(t)]; });
  for (const int n : calls) EXPECT_EQ(n, 100);
}

TEST_P(ThreadPoolTest, WritesBeforeABarrierAreSeenAfterIt) {
  ThreadPool pool(GetParam());
  std::vector<int> values(static_cast<size_t>(GetParam()));
  std::atomic<int> wrong{0};
  pool.run([&](int t) {
    for (int round = 1; round <= 200; ++round) {
      values[static_cast<size_t>(t)] = round;
      pool.barrier(t);
      for (const int v : values) wrong += v != round;
      pool.barrier(t);
    }
  });
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(pool.barriers(), 400U);
}

// 7 is more than most test machines have: threads must hand over their processor.
INSTANTIATE_TEST_SUITE_P(Threads, ThreadPoolTest, testing::Values(1, 2, 3, 7));

}  // namespace
}  // namespace halfbyte
