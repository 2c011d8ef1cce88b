#include "base/epoch_flag.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace halfbyte {
namespace {

using namespace std::chrono_literals;

TEST(EpochFlag, WakesThoseWhoSleepAndShowsThemWhatWasWrittenBefore) {
  EpochFlag flag;
  int written = 0;
  std::atomic<int> seen{0};
  std::vector<std::thread> sleepers(3);
  for (std::thread& sleeper : sleepers)
    sleeper = std::thread([&] {
      flag.sleep_until(2);
      seen += written;
    });
  flag.publish(1);
  written = 7;
  flag.publish(2);
  for (std::thread& sleeper : sleepers) sleeper.join();
  EXPECT_EQ(seen, 21);
}

TEST(EpochFlag, DoesNotSleepForWhatHasHappened) {
  EpochFlag flag;
  flag.publish(5);
  for (uint32_t epoch = 0; epoch <= 5; ++epoch) flag.sleep_until(epoch);
  EXPECT_FALSE(flag.has_reached(6));
}

TEST(EpochFlag, CountsOnWhereItsNumbersBeginAnew) {
  constexpr uint32_t kLast = (1u << 31) - 1;
  EpochFlag flag;
  flag.publish(kLast);
  EXPECT_EQ(flag.epoch(), kLast);
  EXPECT_TRUE(flag.has_reached(kLast));
  EXPECT_FALSE(flag.has_reached(kLast + 1));
  flag.publish(kLast + 1);
  EXPECT_TRUE(flag.has_reached(kLast));
  EXPECT_TRUE(flag.has_reached(kLast + 1));
  EXPECT_FALSE(flag.has_reached(kLast + 2));
}

TEST(EpochFlag, TwoThreadsThatWaitForEachOtherInTurnWithoutPatienceFinish) {
  EpochFlag ping, pong;
  constexpr uint32_t kRounds = 2000;
  std::thread other([&] {
    Patience none;
    for (uint32_t i = 1; i <= kRounds; ++i) {
      wait_for(ping, i, none);
      pong.publish(i);
    }
  });
  Patience none;
  for (uint32_t i = 1; i <= kRounds; ++i) {
    ping.publish(i);
    wait_for(pong, i, none);
  }
  other.join();
  EXPECT_EQ(pong.epoch(), kRounds);
}

TEST(Patience, IsLostOverLongWaitsAndComesBackOverShortOnes) {
  Patience patience(64us);
  patience.learn(65us);
  EXPECT_EQ(patience.spins_for(), 32us);
  for (int i = 0; i < 20; ++i) patience.learn(1ms);
  EXPECT_EQ(patience.spins_for(), 0us);
  patience.learn(64us);
  EXPECT_EQ(patience.spins_for(), 4us);
  for (int i = 0; i < 20; ++i) patience.learn(1us);
  EXPECT_EQ(patience.spins_for(), 64us);
}

TEST(Patience, ThatIsNoneStaysNone) {
  Patience none;
  none.learn(0us);
  EXPECT_EQ(none.spins_for(), 0us);
}

}  // namespace
}  // namespace halfbyte
