#include "measure/calibration.h"

#include <gtest/gtest.h>

#include <cmath>

namespace halfbyte {
namespace {

std::vector<PoolSpeed> pools(std::vector<std::pair<double, double>> bytes_and_macs) {
  std::vector<PoolSpeed> all;
  for (const auto& [bytes, macs] : bytes_and_macs)
    all.push_back({.threads = static_cast<int>(all.size()) + 1, .bytes_per_second = bytes, .macs_per_second = macs});
  return all;
}

TEST(ThreadChoice, IsTheFewestThreadsThatReadAtNearlyTheBestRateAndTheMostMultiplyAdds) {
  const ThreadChoice expected{.generation = 3, .prompt = 4, .pool = 4};
  EXPECT_EQ(choose_threads(pools({{10, 1}, {19, 2}, {29.2, 3}, {30, 4}})), expected);
}

TEST(ThreadChoice, IsOnePoolForBothWherePromptsLoseAlmostNothing) {
  const ThreadChoice expected{.generation = 2, .prompt = 4, .pool = 2};  // four processors, siblings of two cores
  EXPECT_EQ(choose_threads(pools({{15, 1}, {30, 1.96}, {29, 1.98}, {29, 2}})), expected);
}

TEST(ThreadChoice, LeavesOutThreadsThatMakeItSlower) {
  const ThreadChoice expected{.generation = 2, .prompt = 2, .pool = 2};  // a control group lets two run
  EXPECT_EQ(choose_threads(pools({{15, 1}, {30, 2}, {20, 1.5}, {15, 1.2}})), expected);
}

TEST(ThreadChoice, OfOneProcessorIsOne) { EXPECT_EQ(choose_threads(pools({{1, 1}})), ThreadChoice()); }

TEST(PoolSizes, AreAllSmallOnesThenTwoPerDoublingAndTheMost) {
  EXPECT_EQ(pool_sizes(1), (std::vector{1}));
  EXPECT_EQ(pool_sizes(6), (std::vector{1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(pool_sizes(40), (std::vector{1, 2, 3, 4, 5, 6, 7, 8, 12, 16, 24, 32, 40}));
}

TEST(Calibrate, MeasuresEveryPoolAndKernelOnEverySet) {
  for (const Isa isa : isas_here()) {
    std::vector<std::string> told;
    const auto found = calibrate(
        {.isa = isa, .most_threads = 2, .bytes = size_t{16} << 20, .tell = [&](std::string_view doing) { told.emplace_back(doing); }});
    ASSERT_TRUE(found) << found.error().message;
    EXPECT_EQ(told.size(), 3U);
    ASSERT_EQ(found->pools.size(), 2U);
    for (int threads = 1; threads <= 2; ++threads) {
      const PoolSpeed& pool = found->pools[static_cast<size_t>(threads) - 1];
      EXPECT_EQ(pool.threads, threads);
      for (const double figure : {pool.bytes_per_second, pool.macs_per_second, pool.barrier_seconds})
        EXPECT_TRUE(std::isfinite(figure) && figure > 0) << figure;
    }
    ASSERT_FALSE(found->kernels.empty());
    for (const KernelSpeed& kernel : found->kernels) EXPECT_TRUE(std::isfinite(kernel.macs_per_second) && kernel.macs_per_second > 0);
  }
}

TEST(Calibrate, GivesNothingOnceItIsAskedToStop) {
  std::stop_source stop;
  for (const int told_before : {0, 1, 2}) {
    stop = std::stop_source();
    int told = 0;
    const auto found = calibrate({.most_threads = 2,
                                  .bytes = size_t{16} << 20,
                                  .tell =
                                      [&](std::string_view) {
                                        if (told++ == told_before) stop.request_stop();
                                      },
                                  .stop = stop.get_token()});
    ASSERT_FALSE(found);
    EXPECT_EQ(found.error().code, Code::kBusy);
    EXPECT_EQ(told, told_before + 1);
  }
}

TEST(Calibrate, SaysSoWhenTheMemoryCannotBeHad) {
  const auto found = calibrate({.bytes = size_t{1} << 62});
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code, Code::kIo);
}

}  // namespace
}  // namespace halfbyte
