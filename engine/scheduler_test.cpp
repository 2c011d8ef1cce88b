#include "engine/scheduler.h"

#include <gtest/gtest.h>

namespace halfbyte {
namespace {

using Slices = std::vector<Slice>;
constexpr int kMany = 1000;

// The slices of the next plan; admits on the way, and tells who lost its pages.
Slices planned(Scheduler& scheduler, const StepRoom& room, std::vector<SequenceId>* preempted = nullptr) {
  for (;;) {
    Plan plan = scheduler.plan(room);
    if (plan.admitted)
      scheduler.admit(*plan.admitted, 0);
    else if (plan.preempted && preempted != nullptr)
      preempted->push_back(*plan.preempted);
    else
      return plan.slices;
  }
}

StepRoom tokens(int count, int pages = kMany) { return {.tokens = count, .prompt_tokens = count, .pages = pages}; }

TEST(Scheduler, CutsAPromptIntoStepsOfTheLimit) {
  Scheduler s;
  s.add(1, 6);
  const Slices first = planned(s, tokens(4));
  EXPECT_EQ(first, (Slices{{1, 0, 4}}));
  s.advance(first);
  EXPECT_EQ(planned(s, tokens(4)), (Slices{{1, 4, 2}}));
}

TEST(Scheduler, DecodesBeforeItReadsPrompts) {
  Scheduler s;
  s.add(1, 6);
  s.add(2, 1);
  EXPECT_EQ(planned(s, tokens(4)), (Slices{{1, 0, 4}}));
  s.advance(planned(s, tokens(7)));
  s.append(2);
  s.append(1, 9);
  EXPECT_EQ(planned(s, tokens(4)), (Slices{{2, 1, 1}, {1, 6, 3}}));
}

TEST(Scheduler, PromptsTakeNoMoreOfAStepThanIsAllowedWhileOthersDecode) {
  Scheduler s;
  s.add(1, 1);
  s.advance(planned(s, tokens(8)));
  s.append(1);
  s.add(2, 100);
  EXPECT_EQ(planned(s, {.tokens = 64, .prompt_tokens = 16, .pages = kMany}), (Slices{{1, 1, 1}, {2, 0, 16}}));
  s.remove(1);
  EXPECT_EQ(planned(s, {.tokens = 64, .prompt_tokens = 16, .pages = kMany}), (Slices{{2, 0, 64}}));
}

TEST(Scheduler, GuessesAreCheckedWhereThereIsRoomForThem) {
  Scheduler s;
  s.add(1, 31);
  s.add(2, 1);
  s.advance(planned(s, tokens(64)));
  s.append(1);
  s.append(2);
  s.draft(1, 5);
  EXPECT_EQ(s.plan(tokens(64)).slices, (Slices{{1, 31, 6}, {2, 1, 1}}));
  EXPECT_EQ(s.plan(tokens(3)).slices, (Slices{{1, 31, 2}, {2, 1, 1}}));      // the others' tokens go first
  EXPECT_EQ(s.plan(tokens(64, 0)).slices, (Slices{{1, 31, 1}, {2, 1, 1}}));  // and nobody is stopped for a guess
  s.advance({{1, 31, 3}, {2, 1, 1}});                                        // two were right
  s.append(1, 3);
  EXPECT_EQ(s.plan(tokens(64)).slices, (Slices{{1, 34, 1}}));
}

TEST(Scheduler, AnIdleSequenceGetsNoSlice) {
  Scheduler s;
  EXPECT_FALSE(s.has_work());
  s.add(1, 2);
  EXPECT_TRUE(s.has_work());
  s.advance(planned(s, tokens(4)));
  EXPECT_FALSE(s.has_work());
  EXPECT_TRUE(planned(s, tokens(4)).empty());
  s.append(1);
  EXPECT_EQ(planned(s, tokens(4)), (Slices{{1, 2, 1}}));
}

TEST(Scheduler, WhatIsInTheCacheAlreadyIsNotComputed) {
  Scheduler s;
  s.add(1, 100);
  const Plan plan = s.plan(tokens(64));
  ASSERT_EQ(plan.admitted, 1U);
  s.admit(1, 96);
  EXPECT_EQ(s.plan(tokens(64)).slices, (Slices{{1, 96, 4}}));
}

TEST(Scheduler, ASequenceWaitsUntilThePagesOfItsPromptAreFree) {
  Scheduler s;
  s.add(1, 60);
  s.add(2, 60);
  EXPECT_EQ(planned(s, tokens(512, 4)), (Slices{{1, 0, 60}}));  // 2 and 2 pages, and one for the first to grow
  EXPECT_EQ(s.waiting(), 1);
  EXPECT_EQ(planned(s, tokens(512, 5)), (Slices{{1, 0, 60}, {2, 0, 60}}));
}

TEST(Scheduler, ASmallSequenceDoesNotOvertakeAWaitingOne) {
  Scheduler s;
  s.add(1, 60);
  s.add(2, 200);
  s.add(3, 1);
  EXPECT_EQ(planned(s, tokens(512, 6)), (Slices{{1, 0, 60}}));
}

TEST(Scheduler, TheYoungestLosesItsPagesWhenTheyRunOutAndStartsAgain) {
  Scheduler s;
  s.add(1, 32);
  s.add(2, 32);
  s.advance(planned(s, tokens(512, 5)));
  s.append(1);
  s.append(2);
  std::vector<SequenceId> preempted;
  Plan plan = s.plan(tokens(512, 1));  // each needs a page, one is there
  EXPECT_EQ(plan.preempted, 2U);
  s.append(2, 0);
  EXPECT_EQ(planned(s, tokens(512, 2)), (Slices{{1, 32, 1}}));  // one page came back; 2 would need two and room to grow
  EXPECT_EQ(s.waiting(), 1);
  s.remove(1);
  EXPECT_EQ(planned(s, tokens(512, 4)), (Slices{{2, 0, 33}}));
}

TEST(Scheduler, ThePagesOfASlowReaderGoFirst) {
  Scheduler s;
  for (const SequenceId id : {1, 2, 3}) s.add(id, 32);
  s.advance(planned(s, tokens(512, 9)));
  for (const SequenceId id : {1, 2, 3}) s.append(id);
  s.pause(1, true);
  EXPECT_EQ(s.plan(tokens(512, 0)).preempted, 1U);
  EXPECT_EQ(planned(s, tokens(512, 2)), (Slices{{2, 32, 1}, {3, 32, 1}}));  // and rests while it is paused
  s.pause(1, false);
  EXPECT_EQ(planned(s, tokens(512, 8)), (Slices{{2, 32, 1}, {3, 32, 1}, {1, 0, 33}}));
}

TEST(Scheduler, OneThatWaitsIsNotKeptOutByPausedOnes) {
  Scheduler s;
  s.add(1, 64);
  s.advance(planned(s, tokens(512, 2)));
  s.append(1);
  s.pause(1, true);
  s.add(2, 64);
  EXPECT_TRUE(s.has_work());
  EXPECT_EQ(s.plan(tokens(512, 0)).preempted, 1U);
  EXPECT_EQ(planned(s, tokens(512, 2)), (Slices{{2, 0, 64}}));
}

TEST(Scheduler, TheGreaterPriorityStartsFirstAndTakesPagesFromTheLesser) {
  Scheduler s;
  s.add(1, 60, {.priority = 0});
  s.advance(planned(s, tokens(512, 2)));
  s.append(1);
  s.add(2, 60, {.priority = 0});
  s.add(3, 60, {.priority = 5});
  EXPECT_EQ(s.plan(tokens(512, 1)).preempted, 1U);
  EXPECT_EQ(planned(s, tokens(512, 3)), (Slices{{3, 0, 60}}));
}

TEST(Scheduler, ThePrincipalThatWasServedLeastGoesFirst) {
  Scheduler s;
  for (const SequenceId id : {1, 2, 3}) s.add(id, 30, {.principal = "many"});
  s.advance(planned(s, tokens(30)));
  s.add(4, 30, {.principal = "one"});
  s.add(5, 30, {.principal = "many"});
  s.remove(1);
  EXPECT_EQ(planned(s, tokens(60)), (Slices{{2, 0, 30}, {3, 0, 30}}));  // "one" had nothing saved up: its count began at the least
  Scheduler t;
  t.add(1, 30, {.principal = "many"});
  t.add(2, 30, {.principal = "one"});
  t.add(3, 30, {.principal = "many"});
  t.advance(planned(t, tokens(30)));
  t.add(4, 30, {.principal = "many"});
  t.remove(1);
  EXPECT_EQ(planned(t, tokens(30)), (Slices{{2, 0, 30}}));
}

TEST(Scheduler, APausedSequenceRestsUntilResumed) {
  Scheduler s;
  s.add(1, 1);
  s.advance(planned(s, tokens(8)));
  s.append(1);
  s.pause(1, true);
  EXPECT_TRUE(planned(s, tokens(8)).empty());
  EXPECT_FALSE(s.has_work());
  s.pause(1, false);
  EXPECT_EQ(planned(s, tokens(8)).size(), 1U);
}

}  // namespace
}  // namespace halfbyte
