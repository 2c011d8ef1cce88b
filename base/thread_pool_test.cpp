#include "base/thread_pool.h"

#include <gtest/gtest.h>

#include "base/cpu.h"
#include "base/machine_facts.h"

namespace halfbyte {
namespace {

class ThreadPoolTest : public testing::TestWithParam<int> {
 protected:
  static size_t threads() { return static_cast<size_t>(GetParam()); }
};

TEST_P(ThreadPoolTest, EveryThreadRunsTheWorkOnce) {
  ThreadPool pool(GetParam());
  std::vector<int> calls(threads());
  for (int i = 0; i < 100; ++i) pool.run([&](int t) { ++calls[static_cast<size_t>(t)]; });
  for (const int n : calls) EXPECT_EQ(n, 100);
}

TEST_P(ThreadPoolTest, WritesBeforeABarrierAreSeenAfterIt) {
  ThreadPool pool(GetParam());
  std::vector<int> values(threads());
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

TEST_P(ThreadPoolTest, WhatARunWroteIsSeenByItsCallerAndByTheNextRun) {
  ThreadPool pool(GetParam());
  std::vector<int> values(threads());
  std::atomic<int> wrong{0};
  for (int round = 1; round <= 500; ++round) {
    pool.run([&](int t) {
      for (const int v : values) wrong += v != round - 1;
      pool.barrier(t);
      values[static_cast<size_t>(t)] = round;
    });
    for (const int v : values) wrong += v != round;
  }
  EXPECT_EQ(wrong, 0);
}

TEST_P(ThreadPoolTest, ServesDifferentCallersInTurn) {
  ThreadPool pool(GetParam());
  int sum = 0;
  std::vector<int> shares(threads());
  for (int caller = 0; caller < 20; ++caller)
    std::thread([&] {
      for (int i = 0; i < 10; ++i) {
        pool.run([&](int t) {
          shares[static_cast<size_t>(t)] = t + 1;
          pool.barrier(t);
        });
        for (const int share : shares) sum += share;
      }
    }).join();
  EXPECT_EQ(sum, 200 * GetParam() * (GetParam() + 1) / 2);
}

TEST_P(ThreadPoolTest, ThreadsThatAreLateAreWaitedFor) {
  ThreadPool pool(GetParam());
  std::vector<int> values(threads());
  std::atomic<int> wrong{0};
  pool.run([&](int t) {
    for (int round = 1; round <= 20; ++round) {
      // Each in turn is late by more than others spin, and by enough to be let off its processor.
      if (round % GetParam() == t) std::this_thread::sleep_for(std::chrono::milliseconds(2));
      values[static_cast<size_t>(t)] = round;
      pool.barrier(t);
      for (const int v : values) wrong += v != round;
      pool.barrier(t);
    }
  });
  EXPECT_EQ(wrong, 0);
}

TEST_P(ThreadPoolTest, PoolsRunBesideEachOther) {
  std::atomic<int> sum{0};
  std::vector<std::thread> callers(3);
  for (std::thread& caller : callers)
    caller = std::thread([&] {
      ThreadPool pool(GetParam());
      for (int i = 0; i < 50; ++i)
        pool.run([&](int t) {
          for (int b = 0; b < 5; ++b) pool.barrier(t);
          ++sum;
        });
    });
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(sum, 150 * GetParam());
}

// 7 is more than most test machines have: threads must hand over their processor.
INSTANTIATE_TEST_SUITE_P(Threads, ThreadPoolTest, testing::Values(1, 2, 3, 7));

TEST(ThreadPool, LeavesItsCallerOnAllProcessors) {
  const auto before = allowed_processors();
  ThreadPool pool(processors_available());
  std::vector<size_t> found(static_cast<size_t>(pool.threads()));
  pool.run([&](int t) { found[static_cast<size_t>(t)] = allowed_processors().size(); });
  EXPECT_EQ(found[0], before.size());
  EXPECT_EQ(allowed_processors(), before);
}

}  // namespace
}  // namespace halfbyte
