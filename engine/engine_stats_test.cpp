#include "halfbyte/engine_stats.h"

#include <gtest/gtest.h>

namespace halfbyte {
namespace {

TEST(DurationHistogram, ABoundBelongsToItsBucket) {
  DurationHistogram histogram;
  histogram.add(0.001);
  histogram.add(0.0011);
  EXPECT_EQ(histogram.counts[3], 1U);  // up to 1 ms
  EXPECT_EQ(histogram.counts[4], 1U);  // up to 2.5 ms
}

TEST(DurationHistogram, TheLastBucketTakesWhatIsAboveAllBounds) {
  DurationHistogram histogram;
  histogram.add(3600);
  EXPECT_EQ(histogram.counts.back(), 1U);
}

TEST(DurationHistogram, KnowsHowManyThereWereAndHowLongTogether) {
  DurationHistogram histogram;
  for (const double seconds : {0.5, 0.25, 2.0}) histogram.add(seconds);
  EXPECT_EQ(histogram.count(), 3U);
  EXPECT_EQ(histogram.sum, 2.75);
}

}  // namespace
}  // namespace halfbyte
