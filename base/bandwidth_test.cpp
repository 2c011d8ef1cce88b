#include "base/bandwidth.h"

#include <gtest/gtest.h>

namespace halfbyte {
namespace {

TEST(Bandwidth, IsAPlausibleRateForOneAndForMoreThreads) {
  for (const int threads : {1, 2}) {
    ThreadPool pool(threads);
    const auto rate = measure_read_bandwidth(pool, size_t{16} << 20, 2);
    ASSERT_TRUE(rate) << rate.error().message;
    EXPECT_GT(*rate, 1e6);
    EXPECT_LT(*rate, 1e13);
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
