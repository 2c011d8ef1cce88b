#include "engine/scheduler.h"

#include <gtest/gtest.h>

namespace halfbyte {
namespace {

using Plan = std::vector<Slice>;

TEST(Scheduler, CutsAPromptIntoStepsOfTheLimit) {
  Scheduler s({.step_tokens = 4, .pages = 8});
  ASSERT_TRUE(s.add(1, 6, 1));
  const Plan first = s.plan();
  EXPECT_EQ(first, (Plan{{1, 0, 4}}));
  s.advance(first);
  EXPECT_EQ(s.plan(), (Plan{{1, 4, 2}}));
}

TEST(Scheduler, DecodesBeforeItReadsPrompts) {
  Scheduler s({.step_tokens = 4, .pages = 8});
  s.add(1, 6, 1);
  s.add(2, 1, 1);
  EXPECT_EQ(s.plan(), (Plan{{2, 0, 1}, {1, 0, 3}}));
}

TEST(Scheduler, AnIdleSequenceGetsNoSlice) {
  Scheduler s({.step_tokens = 4, .pages = 8});
  s.add(1, 2, 1);
  s.advance(s.plan());
  EXPECT_TRUE(s.plan().empty());
  s.append(1);
  EXPECT_EQ(s.plan(), (Plan{{1, 2, 1}}));
}

TEST(Scheduler, WaitsUntilItsPagesAreFree) {
  Scheduler s({.step_tokens = 8, .pages = 4});
  s.add(1, 1, 3);
  s.add(2, 1, 2);
  EXPECT_EQ(s.plan(), (Plan{{1, 0, 1}}));
  EXPECT_EQ(s.waiting(), 1);
  s.remove(1);
  EXPECT_EQ(s.plan(), (Plan{{2, 0, 1}}));
}

TEST(Scheduler, ASmallSequenceDoesNotOvertakeAWaitingOne) {
  Scheduler s({.step_tokens = 8, .pages = 4});
  s.add(1, 1, 3);
  s.add(2, 1, 4);
  s.add(3, 1, 1);
  EXPECT_EQ(s.plan(), (Plan{{1, 0, 1}}));
}

TEST(Scheduler, RefusesWhenTheQueueIsFull) {
  Scheduler s({.step_tokens = 8, .pages = 0, .queue = 1});
  EXPECT_TRUE(s.add(1, 1, 1));
  EXPECT_FALSE(s.add(2, 1, 1));
  EXPECT_EQ(s.waiting(), 1);
}

TEST(Scheduler, APausedSequenceRestsUntilResumed) {
  Scheduler s({.step_tokens = 8, .pages = 4});
  s.add(1, 1, 1);
  s.plan();
  s.pause(1, true);
  EXPECT_TRUE(s.plan().empty());
  s.pause(1, false);
  EXPECT_EQ(s.plan().size(), 1U);
}

}  // namespace
}  // namespace halfbyte
