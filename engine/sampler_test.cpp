#include "engine/sampler.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace halfbyte {
namespace {

const KernelTable& kKernels = kernels(isas_here().back());
constexpr SamplingOptions kPlain{.temperature = 1, .top_k = 0, .top_p = 1, .min_p = 0};

std::vector<int> counts_of(const SamplingOptions& options, const std::vector<float>& logits, int draws) {
  Sampler sampler(options, 100, kKernels);
  std::vector<int> counts(logits.size());
  for (int i = 0; i < draws; ++i) ++counts[static_cast<size_t>(*sampler.sample(logits, static_cast<uint64_t>(i)))];
  return counts;
}

TEST(Sampler, GreedyTakesTheGreatestAndTheLowestIdOfEquals) {
  Sampler sampler({.temperature = 0}, 100, kKernels);
  EXPECT_EQ(*sampler.sample(std::vector<float>{1, 3, 2, 3}, 0), 1);
}

TEST(Sampler, DrawsInProportionToProbability) {
  const std::vector<float> logits{std::log(0.5F), std::log(0.3F), std::log(0.2F)};
  const std::vector<int> counts = counts_of(kPlain, logits, 30000);
  const double expected[] = {15000, 9000, 6000};
  double chi_square = 0;
  for (size_t i = 0; i < 3; ++i) chi_square += (counts[i] - expected[i]) * (counts[i] - expected[i]) / expected[i];
  EXPECT_LT(chi_square, 13.8);  // 2 degrees of freedom, p = 0.001
}

TEST(Sampler, TemperatureSharpensTheDistribution) {
  SamplingOptions options = kPlain;
  options.temperature = 0.5F;  // probabilities squared: 0.25 : 0.0625
  const std::vector<int> counts = counts_of(options, {std::log(0.5F), std::log(0.25F)}, 10000);
  EXPECT_NEAR(counts[0], 8000, 250);
}

TEST(Sampler, TopKLeavesOnlyTheKGreatest) {
  SamplingOptions options = kPlain;
  options.top_k = 2;
  const std::vector<int> counts = counts_of(options, {0, 1, 1.5F, 0.5F}, 1000);
  EXPECT_EQ(counts[0] + counts[3], 0);
  EXPECT_GT(counts[1], 0);
}

TEST(Sampler, TopKOfALargeVocabularyIsTheHeadOfTheSortedList) {
  std::vector<float> logits(5000);
  for (size_t i = 0; i < logits.size(); ++i) logits[i] = static_cast<float>(i * 7919 % 1009);  // many ties
  SamplingOptions options = kPlain;
  options.top_k = 9;
  options.temperature = 50;  // nearly uniform among those left
  std::vector<int> order(logits.size());
  std::iota(order.begin(), order.end(), 0);
  std::ranges::stable_sort(order, [&](int a, int b) { return logits[static_cast<size_t>(a)] > logits[static_cast<size_t>(b)]; });
  std::vector<int> drawn;
  const std::vector<int> counts = counts_of(options, logits, 2000);
  for (size_t i = 0; i < counts.size(); ++i)
    if (counts[i] > 0) drawn.push_back(static_cast<int>(i));
  std::vector<int> expected(order.begin(), order.begin() + 9);
  std::ranges::sort(expected);
  EXPECT_EQ(drawn, expected);
}

TEST(Sampler, TopPLeavesTheFewestThatReachIt) {
  SamplingOptions options = kPlain;
  options.top_p = 0.79F;  // 0.5 + 0.3 >= 0.79
  const std::vector<int> counts = counts_of(options, {std::log(0.2F), std::log(0.5F), std::log(0.3F)}, 1000);
  EXPECT_EQ(counts[0], 0);
  EXPECT_GT(counts[2], 0);
}

TEST(Sampler, MinPLeavesThoseLikelyEnoughBesideTheLikeliest) {
  SamplingOptions options = kPlain;
  options.min_p = 0.5F;
  const std::vector<int> counts = counts_of(options, {std::log(0.6F), std::log(0.31F), std::log(0.09F)}, 1000);
  EXPECT_EQ(counts[2], 0);
  EXPECT_GT(counts[1], 0);
}

TEST(Sampler, RepeatPenaltyMakesASeenTokenLessLikelyWhateverItsSign) {
  Sampler sampler({.temperature = 0, .repeat_penalty = 2}, 100, kKernels);
  sampler.accept(0);
  EXPECT_EQ(*sampler.sample(std::vector<float>{3, 2}, 0), 1);
  EXPECT_EQ(*sampler.sample(std::vector<float>{-1, -1.5F}, 0), 1);
}

TEST(Sampler, FrequencyPenaltyGrowsWithEachOccurrenceAndPresenceDoesNot) {
  Sampler frequency({.temperature = 0, .frequency_penalty = 0.4F}, 100, kKernels);
  Sampler presence({.temperature = 0, .presence_penalty = 0.4F}, 100, kKernels);
  for (int i = 0; i < 3; ++i) {
    frequency.accept(0);
    presence.accept(0);
  }
  EXPECT_EQ(*frequency.sample(std::vector<float>{2, 1}, 0), 1);
  EXPECT_EQ(*presence.sample(std::vector<float>{2, 1}, 0), 0);
}

TEST(Sampler, ForgetsTokensThatLeftTheWindow) {
  Sampler sampler({.temperature = 0, .presence_penalty = 5, .repeat_window = 1}, 100, kKernels);
  sampler.accept(0);
  sampler.accept(2);
  EXPECT_EQ(*sampler.sample(std::vector<float>{2, 1, 0}, 0), 0);
}

TEST(Sampler, TheSameSeedAndPositionDrawTheSameNumber) {
  EXPECT_EQ(uniform_at(7, 3), uniform_at(7, 3));
  EXPECT_NE(uniform_at(7, 3), uniform_at(7, 4));
  EXPECT_NE(uniform_at(7, 3), uniform_at(8, 3));
}

TEST(Sampler, ALogitThatIsNotFiniteIsAnErrorNeverAToken) {
  Sampler sampler(kPlain, 100, kKernels);
  const auto token = sampler.sample(std::vector<float>{1, std::numeric_limits<float>::quiet_NaN()}, 5);
  ASSERT_FALSE(token);
  EXPECT_EQ(token.error().code, Code::kNumeric);
  EXPECT_EQ(token.error().message, "token 5: the logit of token id 1 is not finite");
}

TEST(Sampler, OptionsOutOfRangeAreRefusedByName) {
  const auto checked = check({.top_p = 1.5F});
  ASSERT_FALSE(checked);
  EXPECT_EQ(checked.error().message, "top_p: 1.5 is outside 0 to 1");
  EXPECT_FALSE(check({.temperature = std::numeric_limits<float>::quiet_NaN()}));
}

}  // namespace
}  // namespace halfbyte
