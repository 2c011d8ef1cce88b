#include "sampling/sampler.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>
#include <random>

#include "sampling/head_of_row.h"

namespace halfbyte {
namespace {

const SamplingOptions kPlain{.temperature = 1, .top_k = 0, .top_p = 1, .min_p = 0};

// As the head does: of the row only what the sampler needs.
Result<Token> sampled(Sampler& sampler, std::span<const float> row, uint64_t position, std::span<const uint32_t> allowed = {}) {
  HeadOfRow head;
  return sampler.sample(head(row, sampler.need(0, !allowed.empty())), position, allowed);
}

std::vector<int> counts_of(const SamplingOptions& options, const std::vector<float>& logits, int draws) {
  Sampler sampler(options, 100);
  std::vector<int> counts(logits.size());
  for (int i = 0; i < draws; ++i) ++counts[static_cast<size_t>(*sampled(sampler, logits, static_cast<uint64_t>(i)))];
  return counts;
}

TEST(Sampler, GreedyTakesTheGreatestAndTheLowestIdOfEquals) {
  Sampler sampler({.temperature = 0}, 100);
  EXPECT_EQ(*sampled(sampler, std::vector<float>{1, 3, 2, 3}, 0), 1);
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
  Sampler sampler({.temperature = 0, .repeat_penalty = 2}, 100);
  sampler.accept(0);
  EXPECT_EQ(*sampled(sampler, std::vector<float>{3, 2}, 0), 1);
  EXPECT_EQ(*sampled(sampler, std::vector<float>{-1, -1.5F}, 0), 1);
}

TEST(Sampler, FrequencyPenaltyGrowsWithEachOccurrenceAndPresenceDoesNot) {
  Sampler frequency({.temperature = 0, .frequency_penalty = 0.4F}, 100);
  Sampler presence({.temperature = 0, .presence_penalty = 0.4F}, 100);
  for (int i = 0; i < 3; ++i) {
    frequency.accept(0);
    presence.accept(0);
  }
  EXPECT_EQ(*sampled(frequency, std::vector<float>{2, 1}, 0), 1);
  EXPECT_EQ(*sampled(presence, std::vector<float>{2, 1}, 0), 0);
}

TEST(Sampler, ForgetsTokensThatLeftTheWindow) {
  Sampler sampler({.temperature = 0, .presence_penalty = 5, .repeat_window = 1}, 100);
  sampler.accept(0);
  sampler.accept(2);
  EXPECT_EQ(*sampled(sampler, std::vector<float>{2, 1, 0}, 0), 0);
}

TEST(Sampler, TheSameSeedAndPositionDrawTheSameNumber) {
  EXPECT_EQ(uniform_at(7, 3), uniform_at(7, 3));
  EXPECT_NE(uniform_at(7, 3), uniform_at(7, 4));
  EXPECT_NE(uniform_at(7, 3), uniform_at(8, 3));
}

TEST(Sampler, ALogitThatIsNotFiniteIsAnErrorNeverAToken) {
  Sampler sampler(kPlain, 100);
  const auto token = sampled(sampler, std::vector<float>{1, std::numeric_limits<float>::quiet_NaN()}, 5);
  ASSERT_FALSE(token);
  EXPECT_EQ(token.error().code, Code::kNumeric);
  EXPECT_EQ(token.error().message, "token 5: the logit of token id 1 is not finite");
}

// No step selects: a token is drawn from the blocks of the row, in the order of its ids.
bool is_plain(const SamplingOptions& o) { return *o.top_k == 0 && *o.top_p == 1 && *o.min_p == 0; }

// The steps by their definitions over every logit, one after the other.
Token by_definition(const SamplingOptions& o, std::span<const float> row, std::span<const Token> seen, uint64_t position) {
  std::vector<Candidate> all;
  for (const float logit : row) all.push_back({logit, static_cast<Token>(all.size())});
  const size_t window = *o.repeat_window < 0 ? seen.size() : std::min(seen.size(), static_cast<size_t>(*o.repeat_window));
  std::map<Token, int> counts;
  for (const Token token : seen.last(window)) ++counts[token];
  for (const auto& [token, count] : counts) {
    float& logit = all[static_cast<size_t>(token)].logit;
    logit = logit > 0 ? logit / *o.repeat_penalty : logit * *o.repeat_penalty;
    logit -= static_cast<float>(count) * *o.frequency_penalty + *o.presence_penalty;
  }
  std::ranges::sort(all, is_before);
  const float top = all.front().logit;
  if (*o.temperature == 0) return all.front().token;
  const auto weights = [&](double temperature) {
    std::vector<double> out;
    for (const Candidate& c : all) out.push_back(std::exp(static_cast<double>(c.logit - top) / temperature));
    return out;
  };
  if (*o.top_k > 0) all.resize(std::min(all.size(), static_cast<size_t>(*o.top_k)));
  if (*o.top_p < 1) {
    const std::vector<double> p = weights(1);
    const double total = std::accumulate(p.begin(), p.end(), 0.0);
    size_t kept = 0;
    for (double sum = 0; kept < p.size() && (kept == 0 || sum < *o.top_p * total); ++kept) sum += p[kept];
    all.resize(kept);
  }
  if (*o.min_p > 0) std::erase_if(all, [&](const Candidate& c) { return c.logit < top + std::log(*o.min_p); });
  if (is_plain(o)) std::ranges::sort(all, {}, &Candidate::token);
  const std::vector<double> p = weights(*o.temperature);
  double left = uniform_at(*o.seed, position) * std::accumulate(p.begin(), p.end(), 0.0);
  for (size_t i = 0; i < p.size(); ++i)
    if ((left -= p[i]) < 0) return all[i].token;
  return all.back().token;
}

TEST(Sampler, WhatItNeedsOfTheLogitsGivesTheTokenThatAllOfThemGive) {
  std::mt19937 random(11);
  const auto one_of = [&](const auto&... values) {
    const std::common_type_t<decltype(values)...> list[] = {values...};
    return list[random() % sizeof...(values)];
  };
  int differ = 0, partial = 0, at_borders = 0;
  for (int run = 0; run < 3000; ++run) {
    const SamplingOptions options{.temperature = one_of(0.0F, 0.7F, 1.0F, 3.0F),
                                  .top_k = one_of(0, 0, 1, 2, 40, 1500, 1 << 30),
                                  .top_p = one_of(1.0F, 1.0F, 0.95F, 0.3F, 0.0F),
                                  .min_p = one_of(0.0F, 0.0F, 0.05F, 0.5F),
                                  .repeat_penalty = one_of(1.0F, 1.0F, 1.3F, 0.6F),
                                  .presence_penalty = one_of(0.0F, 0.0F, 1.5F, -3.0F),
                                  .frequency_penalty = one_of(0.0F, 0.0F, 0.2F),
                                  .repeat_window = one_of(64, 3, 0, -1),
                                  .seed = random()};
    std::normal_distribution<float> normal(one_of(0.0F, -10.0F), one_of(0.5F, 4.0F));
    std::vector<float> row(one_of(1U, 5U, 300U, 2000U));
    const float step = one_of(0.25F, 0x1p-20F);  // coarse: many equals
    for (float& logit : row) logit = std::round(normal(random) / step) * step;
    Sampler sampler(options, 4096), with_all(options, 4096);
    std::vector<Token> seen;
    for (int i = one_of(0, 2, 30, 1300); i > 0; --i) {
      seen.push_back(static_cast<Token>(random() % row.size()));
      sampler.accept(seen.back());
      with_all.accept(seen.back());
    }
    const uint64_t position = random();
    const auto token = sampled(sampler, row, position);
    ASSERT_TRUE(token);
    if (const Token expected = by_definition(options, row, seen, position); is_plain(options))
      at_borders += *token != expected;  // sums of float32 against float64
    else
      ASSERT_EQ(*token, expected) << "run " << run;
    HeadOfRow head;
    ASSERT_EQ(*with_all.sample(head(row, {.greatest = 1, .row = true, .draw_temperature = sampler.need().draw_temperature}), position),
              *token)
        << "run " << run;
    differ += *token != std::ranges::max_element(row) - row.begin();
    partial += sampler.need().greatest > 1;
  }
  EXPECT_LE(at_borders, 1);
  EXPECT_GT(differ, 500);  // not always the greatest
  EXPECT_GT(partial, 1000);
  EXPECT_LT(partial, 2900);
}

TEST(Sampler, ABiasMovesALogitAndMinusInfinityRulesATokenOut) {
  for (const float temperature : {0.0F, 0.01F})
    for (const int top_k : {0, 1, 40}) {
      const SamplingOptions options{.temperature = temperature,
                                    .top_k = top_k,
                                    .top_p = 1,
                                    .min_p = 0,
                                    .logit_bias = {{0, -std::numeric_limits<float>::infinity()}, {2, 50}}};
      Sampler sampler(options, 100);
      EXPECT_EQ(*sampled(sampler, std::vector<float>{9, 8, -30}, 0), 2) << temperature << " " << top_k;
      EXPECT_EQ(*sampled(sampler, std::vector<float>{90, 80, -30}, 0), 1) << temperature << " " << top_k;
    }
}

TEST(Sampler, OnlyAllowedTokensCome) {
  for (const float temperature : {0.0F, 1.0F}) {
    Sampler sampler({.temperature = temperature, .allowed_tokens = {3, 1, 3}}, 100);
    for (uint64_t position = 0; position < 50; ++position) {
      const Token token = *sampled(sampler, std::vector<float>{9, 1, 9, 0.5F}, position);
      EXPECT_TRUE(token == 1 || (temperature > 0 && token == 3)) << token;
    }
  }
}

TEST(Sampler, EveryStepThatMovesLogitsCounts) {
  for (const int top_k : {0, 1}) {
    Sampler sampler({.temperature = 1, .top_k = top_k, .presence_penalty = 50, .logit_bias = {{0, -50}}}, 100);
    sampler.accept(1);
    EXPECT_EQ(*sampled(sampler, std::vector<float>{9, 8, 7}, 1), 2) << top_k;
  }
}

// A token that may not come is one that was moved to -infinity, whatever the chain: for each share of allowed tokens.
TEST(Sampler, ATokenThatMayNotComeIsAsGoodAsNone) {
  constexpr size_t kTokens = 3000;
  std::mt19937 random(5);
  const std::vector<SamplingOptions> all = {
      {.temperature = 0},
      {},
      {.temperature = 1, .top_k = 0, .top_p = 1, .min_p = 0},
      {.temperature = 1, .top_k = 0, .top_p = 0.9F, .min_p = 0},
      {.temperature = 2, .top_k = 0, .top_p = 1, .min_p = 0.1F},
      {.temperature = 1, .top_k = 300, .presence_penalty = 1},
      {.temperature = 1, .mirostat = 2},
  };
  for (const SamplingOptions& options : all)
    for (const double share : {0.001, 0.1, 0.95}) {
      std::vector<float> row(kTokens);
      for (float& logit : row) logit = std::normal_distribution(0.0F, 3.0F)(random);
      std::vector<uint32_t> allowed((kTokens + 31) / 32);
      SamplingOptions moved = options;
      for (size_t token = 0; token < kTokens; ++token)
        if (std::bernoulli_distribution(share)(random) || token == 77)
          allowed[token / 32] |= uint32_t{1} << (token % 32);
        else
          moved.logit_bias.push_back({static_cast<Token>(token), -std::numeric_limits<float>::infinity()});
      Sampler filtered(options, 100), biased(moved, 100);
      for (uint64_t position = 0; position < 30; ++position) {
        const auto token = sampled(filtered, row, position, allowed);
        ASSERT_TRUE(token) << token.error().message;
        EXPECT_EQ(*token, *sampled(biased, row, position)) << *options.temperature << " " << share << " " << position;
        filtered.accept(*token);
        biased.accept(*token);
      }
    }
}

TEST(Sampler, WhatIsHeldOffComesNotBeforeSoManyTokens) {
  Sampler sampler({.temperature = 0}, 100);
  sampler.accept(5);
  sampler.hold_off({1}, 2);
  const std::vector<float> row{3, 9};
  EXPECT_EQ(*sampled(sampler, row, 1), 0);
  sampler.accept(0);
  EXPECT_EQ(*sampled(sampler, row, 2), 1);
}

TEST(Sampler, WhereNoTokenMayFollowThatIsSaid) {
  const float never = -std::numeric_limits<float>::infinity();
  for (const float temperature : {0.0F, 1.0F})
    for (const int top_k : {0, 5}) {
      Sampler sampler({.temperature = temperature, .top_k = top_k, .logit_bias = {{0, never}, {1, never}}}, 100);
      const auto token = sampled(sampler, std::vector<float>{3, 9}, 7);
      ASSERT_FALSE(token);
      EXPECT_EQ(token.error().message, "token 7: no token may follow");
    }
}

TEST(Sampler, IsAsBeforeAfterARewind) {
  const SamplingOptions options{.temperature = 1, .top_k = 0, .top_p = 1, .min_p = 0, .repeat_penalty = 1.4F, .dry_multiplier = 2};
  Sampler straight(options, 100), wound(options, 100);
  const std::vector<float> row = {1, 1.5F, 0.5F, 1, 0};
  for (const Token token : {1, 2, 1, 2, 0, 1}) {
    straight.accept(token);
    wound.accept(token);
  }
  for (const Token token : {3, 3, 4}) wound.accept(token);
  wound.rewind(3);
  for (uint64_t position = 6; position < 60; ++position) {
    const Token token = *sampled(straight, row, position);
    EXPECT_EQ(*sampled(wound, row, position), token);
    straight.accept(token);
    wound.accept(token);
  }
}

TEST(Sampler, EveryStepMayComeWithEveryOther) {
  std::mt19937 random(3);
  const auto one_of = [&](const auto&... values) {
    const std::common_type_t<decltype(values)...> list[] = {values...};
    return list[random() % sizeof...(values)];
  };
  for (int run = 0; run < 1000; ++run) {
    SamplingOptions options;
    for (const SamplingField& field : kSamplingFields)
      std::visit(
          [&](const auto& range) {
            using T = std::remove_cvref_t<decltype(range.least)>;
            options.*range.member = one_of(range.least, range.greatest, range.otherwise, range.neutral, static_cast<T>(range.neutral / 2));
          },
          field.range);
    if (!check(options)) continue;
    Sampler sampler(options, 50);
    std::vector<float> row(one_of(1U, 7U, 600U));
    for (float& logit : row) logit = static_cast<float>(random() % 100) / 7;
    for (uint64_t position = 0; position < 8; ++position) {
      const auto token = sampled(sampler, row, position);
      ASSERT_TRUE(token) << token.error().message;
      ASSERT_LT(static_cast<size_t>(*token), row.size());
      sampler.accept(*token);
    }
  }
}

TEST(Sampler, NeedsNoMoreThanItsOptionsLookAt) {
  const auto need = [](const SamplingOptions& options, int seen) {
    Sampler sampler(options, 4096);
    for (Token token = 0; token < seen; ++token) sampler.accept(token);
    const LogitsNeed n = sampler.need();
    return std::pair(n.greatest, n.row);
  };
  EXPECT_EQ(need({.temperature = 0}, 9), std::pair(1, false));  // the arg-max
  EXPECT_EQ(need({.temperature = 0, .repeat_penalty = 1.1F}, 9), std::pair(10, true));
  EXPECT_EQ(need({}, 9), std::pair(40, false));
  EXPECT_EQ(need({.presence_penalty = 1}, 0), std::pair(40, false));
  EXPECT_EQ(need({.presence_penalty = 1}, 100), std::pair(104, true));
  EXPECT_EQ(need({.top_k = 0}, 9), std::pair(1, true));
  EXPECT_EQ(need({.top_k = 1 << 30}, 9), std::pair(1, true));
}

}  // namespace
}  // namespace halfbyte
