#include "engine/step_times.h"

#include <gtest/gtest.h>

namespace halfbyte {
namespace {

TEST(StepTimes, WholeStepsUntilSomethingIsKnown) {
  StepTimes times;
  EXPECT_EQ(times.prompt_tokens({}, 512), 512);
  times.add(512, false, 512);
  EXPECT_EQ(times.prompt_tokens({}, 512), 512);
  times.add(0, true, 10);
  EXPECT_EQ(times.prompt_tokens({}, 512), 30);  // 4 x 10 ms, less the 10 that decoding takes, at 1 ms a token
}

TEST(StepTimes, ATargetIsObeyedButAPromptAlwaysGoesOn) {
  StepTimes times;
  times.add(0, true, 10);
  times.add(100, true, 60);  // 0.5 ms a token
  EXPECT_EQ(times.prompt_tokens(110.0, 512), 200);
  EXPECT_EQ(times.prompt_tokens(5.0, 512), StepTimes::kLeast);
  EXPECT_EQ(times.prompt_tokens(5.0, 8), 8);
  EXPECT_EQ(times.prompt_tokens(1e6, 512), 512);
}

TEST(StepTimes, FollowAMachineThatBecomesSlower) {
  StepTimes times;
  times.add(0, true, 10);
  times.add(100, true, 60);
  for (int i = 0; i < 50; ++i) times.add(100, true, 110);
  EXPECT_EQ(times.prompt_tokens(110.0, 512), 100);
}

}  // namespace
}  // namespace halfbyte
