#include "base/bandwidth.h"

#include <gtest/gtest.h>

#include <chrono>

namespace halfbyte {
namespace {

constexpr size_t kMegabyte = size_t{1} << 20;

double seconds_of(const auto& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

TEST(Bandwidth, IsNoLessThanAllPassesTogetherTook) {
  constexpr size_t kBytes = size_t{32} << 20;
  constexpr int kPasses = 4;
  for (const int threads : {1, 2, 3}) {
    ThreadPool pool(threads);
    double rate = 0;
    const double seconds = seconds_of([&] { rate = measure_read_bandwidth(pool, kBytes, kPasses).value(); });
    const double read =
        static_cast<double>(kBytes / static_cast<size_t>(threads) / kMegabyte * kMegabyte * static_cast<size_t>(threads)) * kPasses;
    EXPECT_GE(rate, read / seconds) << threads;
  }
}

TEST(Bandwidth, IsNotGivenWhenAskedToStop) {
  ThreadPool pool(2);
  std::stop_source stop;
  stop.request_stop();
  const auto rate = measure_read_bandwidth(pool, size_t{16} << 20, 2, stop.get_token());
  ASSERT_FALSE(rate);
  EXPECT_EQ(rate.error().code, Code::kBusy);
}

TEST(Bandwidth, SaysSoWhenTheMemoryCannotBeHad) {
  ThreadPool pool(1);
  const auto rate = measure_read_bandwidth(pool, size_t{1} << 62, 1);
  ASSERT_FALSE(rate);
  EXPECT_EQ(rate.error().code, Code::kIo);
}

}  // namespace
}  // namespace halfbyte
