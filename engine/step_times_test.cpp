#include "engine/step_times.h"

#include <gtest/gtest.h>

namespace halfbyte {
namespace {

TEST(StepTimes, WholeStepsUntilSomethingIsKnown) {
  StepTimes times;
  EXPECT_EQ(times.prompt_tokens({}, 1, 512), 512);
  times.add(0, 512, 512);
  EXPECT_EQ(times.prompt_tokens({}, 1, 512), 512);
  times.add(1, 0, 10);
  EXPECT_EQ(times.prompt_tokens({}, 1, 512), 90);  // 100 ms, less the 10 that decoding takes, at 1 ms a token
  for (int i = 0; i < 50; ++i) times.add(1, 0, 50);
  EXPECT_EQ(times.prompt_tokens({}, 1, 512), 149);  // 4 x 50 ms, nearly
  EXPECT_EQ(times.prompt_tokens({}, 0, 512), 512);
}

TEST(StepTimes, ATargetIsObeyedButAPromptAlwaysGoesOn) {
  StepTimes times;
  times.add(1, 0, 10);
  times.add(1, 100, 60);  // 0.5 ms a token
  EXPECT_EQ(times.prompt_tokens(110.0, 1, 512), 200);
  EXPECT_EQ(times.prompt_tokens(5.0, 1, 512), StepTimes::kLeast);
  EXPECT_EQ(times.prompt_tokens(5.0, 1, 8), 8);
  EXPECT_EQ(times.prompt_tokens(1e6, 1, 512), 512);
}

TEST(StepTimes, FollowAMachineThatBecomesSlower) {
  StepTimes times;
  times.add(1, 0, 10);
  times.add(1, 100, 60);
  for (int i = 0; i < 50; ++i) times.add(1, 100, 110);
  EXPECT_EQ(times.prompt_tokens(110.0, 1, 512), 100);
}

TEST(StepTimes, TellWhatStepsOfOtherSizesTake) {
  StepTimes times;
  EXPECT_EQ(times.decode_ms(4), 1);
  times.add(2, 0, 10);
  EXPECT_EQ(times.decode_ms(1), 10);
  EXPECT_NEAR(times.decode_ms(4), 10.8, 1e-9);
  times.add(6, 0, 30);
  EXPECT_NEAR(times.decode_ms(4), 20, 1e-9);
  EXPECT_EQ(times.decode_ms(6), 30);
}

}  // namespace
}  // namespace halfbyte
