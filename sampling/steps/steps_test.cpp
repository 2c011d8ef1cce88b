// Every step against its formula, in float64 over all logits.
#include "sampling/steps/steps.h"

#include <gtest/gtest.h>

#include <map>
#include <numeric>
#include <random>
#include <set>

#include "sampling/head_of_row.h"

namespace halfbyte::steps {
namespace {

std::vector<float> random_row(uint32_t seed, size_t n, float deviation) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(-3, deviation);
  std::vector<float> row(n);
  for (float& logit : row) logit = normal(random);
  return row;
}

struct Probable {
  Token token;
  double logit, p;
};

// In order, with p = softmax(logit / temperature).
std::vector<Probable> softmax(std::vector<Probable> all, double temperature = 1) {
  std::ranges::sort(all, [](const Probable& a, const Probable& b) { return a.logit != b.logit ? a.logit > b.logit : a.token < b.token; });
  double total = 0;
  for (Probable& each : all) total += each.p = std::exp((each.logit - all.front().logit) / temperature);
  for (Probable& each : all) each.p /= total;
  return all;
}
std::vector<Probable> softmax_of(const std::vector<float>& row, double temperature = 1) {
  std::vector<Probable> all;
  for (const float logit : row) all.push_back({static_cast<Token>(all.size()), static_cast<double>(logit), 0});
  return softmax(std::move(all), temperature);
}
double entropy_of(const std::vector<Probable>& all) {
  double entropy = 0;
  for (const Probable& each : all) entropy -= each.p > 0 ? each.p * std::log(each.p) : 0;
  return entropy;
}
std::set<Token> tokens_of(const std::vector<Probable>& all) {
  std::set<Token> tokens;
  for (const Probable& each : all) tokens.insert(each.token);
  return tokens;
}
// The token whose share of [0, 1) holds `uniform`, in the order given.
Token drawn(const std::vector<Probable>& all, double uniform) {
  for (const Probable& each : all)
    if ((uniform -= each.p) < 0) return each.token;
  return all.back().token;
}

// One step on a row of logits, as the chain calls it.
class Applied {
 public:
  Applied(SamplingStep& step, const std::vector<float>& row, uint64_t position = 0) {
    ChainNeed need;
    step.ask(need, 0);
    EXPECT_TRUE(need.row || need.first > 0);
    candidates.begin(head_(row, {.greatest = 1, .row = true, .draw_temperature = need.sums_temperature}), true, need.sums_temperature);
    step.apply(candidates, {.seed = 7, .position = position});
  }
  std::set<Token> left() {
    std::set<Token> tokens;
    for (const Candidate& c : candidates.list()) tokens.insert(c.token);
    return tokens;
  }
  Candidates candidates;

 private:
  HeadOfRow head_;
};

// `expected`: of the sorted probabilities, what is left of them.
void expect_left(const Step& step, const std::function<std::vector<Probable>(std::vector<Probable>)>& expected) {
  for (const size_t n : {1U, 2U, 5U, 257U, 3000U})
    for (const float deviation : {0.05F, 1.0F, 5.0F}) {
      const std::vector<float> row = random_row(static_cast<uint32_t>(n), n, deviation);
      EXPECT_EQ(Applied(*step, row).left(), tokens_of(expected(softmax_of(row)))) << n << " logits, deviation " << deviation;
    }
}

TEST(TopKStep, LeavesTheFirstK) {
  for (const size_t k : {1U, 3U, 100U, 2000U})
    expect_left(top_k(k), [&](std::vector<Probable> all) {
      all.resize(std::min(all.size(), k));
      return all;
    });
}

TEST(TopPStep, LeavesTheNucleus) {
  for (const float part : {0.0F, 0.3F, 0.9F, 0.999F})
    expect_left(top_p(part), [&](std::vector<Probable> all) {
      size_t kept = 0;
      for (double sum = 0; kept < all.size() && (kept == 0 || sum < static_cast<double>(part)); ++kept) sum += all[kept].p;
      all.resize(kept);
      return all;
    });
}

TEST(MinPStep, LeavesThoseLikelyEnoughBesideTheLikeliest) {
  for (const float part : {0.05F, 0.5F, 1.0F})
    expect_left(min_p(part), [&](std::vector<Probable> all) {
      const double least = all.front().p * static_cast<double>(part) * (1 - 1e-6);
      std::erase_if(all, [&](const Probable& each) { return each.p < least; });
      return all;
    });
}

TEST(TopNSigmaStep, LeavesThoseNearTheGreatestInDeviationsOfAll) {
  for (const float n : {0.5F, 1.0F, 2.5F})
    expect_left(top_n_sigma(n), [&](std::vector<Probable> all) {
      double sum = 0, squares = 0;
      for (const Probable& each : all) sum += each.logit;
      const double mean = sum / static_cast<double>(all.size());
      for (const Probable& each : all) squares += (each.logit - mean) * (each.logit - mean);
      const double least = all.front().logit - static_cast<double>(n) * std::sqrt(squares / static_cast<double>(all.size())) - 1e-6;
      std::erase_if(all, [&](const Probable& each) { return each.logit < least; });
      return all;
    });
}

TEST(TypicalStep, LeavesThoseWhoseSurpriseIsNearestToTheEntropy) {
  for (const float part : {0.2F, 0.9F})
    expect_left(typical(part), [&](std::vector<Probable> all) {
      const double entropy = entropy_of(all);
      std::ranges::stable_sort(all, {}, [&](const Probable& each) { return std::abs(-std::log(each.p) - entropy); });
      size_t kept = 0;
      for (double sum = 0; kept < all.size() && sum <= static_cast<double>(part); ++kept) sum += all[kept].p;
      all.resize(kept);
      return all;
    });
}

TEST(XtcStep, TakesAwayAllLikelyOnesButTheLeastLikely) {
  for (const float threshold : {0.01F, 0.1F, 0.5F})
    expect_left(xtc(1, threshold), [&](std::vector<Probable> all) {
      size_t likely = 0;
      while (likely < all.size() && all[likely].p >= static_cast<double>(threshold)) ++likely;
      if (likely > 1) all.erase(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(likely - 1));
      return all;
    });
}

TEST(XtcStep, DoesSoAsOftenAsItsProbabilitySays) {
  const Step step = xtc(0.3F, 0.1F);
  int times = 0;
  for (uint64_t position = 0; position < 2000; ++position) times += Applied(*step, {0, 0, 0}, position).left().size() == 1;
  EXPECT_NEAR(times, 600, 80);
}

TEST(GreedyStep, TakesTheGreatestAndTheLowestIdOfEquals) { EXPECT_EQ(Applied(*greedy(), {1, 3, 2, 3}).candidates.chosen, 1); }

TEST(DrawStep, DrawsFromTheBlocksAsFromTheWholeRow) {
  for (const size_t n : {1U, 255U, 256U, 700U, 5000U})
    for (const float temperature : {0.3F, 1.0F, 2.0F}) {
      const std::vector<float> row = random_row(3, n, 2);
      std::vector<Probable> all = softmax_of(row, static_cast<double>(temperature));
      std::ranges::sort(all, {}, &Probable::token);
      const Step step = draw({temperature, 0, 1});
      int differ = 0;  // sums of float32 against float64: at the borders
      for (uint64_t position = 0; position < 300; ++position)
        differ += Applied(*step, row, position).candidates.chosen != drawn(all, uniform_at(7, position));
      EXPECT_LE(differ, 1) << n << " at " << temperature;
    }
}

TEST(DrawStep, ADynamicTemperatureFollowsTheEntropy) {
  const std::vector<float> row = random_row(4, 500, 1.5F);
  const double expected = 0.5 + (1.5 - 0.5) * std::pow(entropy_of(softmax_of(row)) / std::log(500.0), 2);
  HeadOfRow head;
  Candidates candidates;
  candidates.begin(head(row, {.greatest = 1, .row = true}), true, 0);
  EXPECT_NEAR(static_cast<double>(temperature_of({1, 0.5F, 2}, candidates)), expected, 1e-6);
}

// Penalties and DRY: the logits that moved, by token.
std::map<Token, float> moved_by(SamplingStep& step, const std::vector<Token>& history, const std::vector<float>& row) {
  for (size_t n = 1; n <= history.size(); ++n) step.accept(std::span(history).first(n));
  ChainNeed need;
  step.ask(need, 0);
  HeadOfRow head;
  Candidates candidates;
  candidates.begin(head(row, {.greatest = 1, .row = true}), true, 0);
  step.apply(candidates, {.seed = 0, .position = 0});
  EXPECT_GE(need.moved, candidates.moved().size());
  return {candidates.moved().begin(), candidates.moved().end()};
}

TEST(PenaltiesStep, MoveSeenTokensOfTheWindow) {
  const std::vector<float> row{2, -2, 4, 1};
  EXPECT_EQ(moved_by(*penalties(2, 0.5F, 0.25F, 3), {3, 0, 1, 0}, row), (std::map<Token, float>{{0, 0}, {1, -4.75F}}));
}

TEST(PenaltiesStep, AreAsBeforeAfterARewind) {
  const std::vector<float> row(9, 1);
  std::vector<Token> history{1, 2, 3, 2, 1, 5};
  const Step step = penalties(1.5F, 0, 0.5F, 4);
  moved_by(*step, history, row);
  step->rewind(std::span(history).first(3));
  history.resize(3);
  history.push_back(7);
  step->accept(history);
  Applied again(*step, row);
  EXPECT_EQ((std::map<Token, float>(again.candidates.moved().begin(), again.candidates.moved().end())),
            moved_by(*penalties(1.5F, 0, 0.5F, 4), history, row));
}

// By definition: for every earlier place, how far what comes before it equals the end.
std::map<Token, float> dry_by_definition(const DryOptions& o, const std::vector<Token>& all, const std::vector<float>& row) {
  const std::vector<Token> seen(all.end() - static_cast<std::ptrdiff_t>(std::min(o.window, all.size())), all.end());
  std::map<Token, size_t> longest;
  for (size_t next = 1; next < seen.size(); ++next) {
    size_t length = 0;
    while (length < next && seen[next - 1 - length] == seen[seen.size() - 1 - length] && !o.is_breaker(seen[next - 1 - length])) ++length;
    if (length >= o.allowed_length && !o.is_breaker(seen[next])) longest[seen[next]] = std::max(longest[seen[next]], length);
  }
  std::map<Token, float> moved;
  for (const auto& [token, length] : longest)
    moved[token] = static_cast<float>(static_cast<double>(row[static_cast<size_t>(token)]) -
                                      static_cast<double>(o.multiplier) *
                                          std::pow(static_cast<double>(o.base), static_cast<double>(length - o.allowed_length)));
  return moved;
}

TEST(DryStep, MovesWhatWouldMakeARepetitionLonger) {
  std::mt19937 random(5);
  size_t most = 0;
  for (int run = 0; run < 300; ++run) {
    std::vector<Token> history(random() % 60);
    for (Token& token : history) token = static_cast<Token>(random() % 4);
    const std::vector<float> row{1, 2, 3, 4};
    const DryOptions options{
        .multiplier = 0.8F, .base = 1.75F, .allowed_length = 1 + random() % 3, .window = 20 + random() % 60, .is_breaker = [](Token token) {
          return token == 3;
        }};
    const auto expected = dry_by_definition(options, history, row);
    EXPECT_EQ(moved_by(*dry(options), history, row), expected) << run;
    most = std::max(most, expected.size());
  }
  EXPECT_GT(most, 1U);
}

TEST(MirostatStep, VersionTwoLeavesWhatIsNotMoreSurprisingThanMu) {
  const Step step = mirostat(2, 0.8F, 3, 0.1F);
  double mu = 6;
  std::vector<Token> history;
  for (uint64_t position = 0; position < 50; ++position) {
    const std::vector<float> row = random_row(static_cast<uint32_t>(position), 400, 2);
    std::vector<Probable> all = softmax_of(row, 0.8F);
    std::erase_if(all, [&](const Probable& each) { return -std::log2(each.p) > mu && each.token != all.front().token; });
    all = softmax(std::move(all), 0.8F);
    Applied applied(*step, row, position);
    const Token expected = drawn(all, uniform_at(7, position));
    ASSERT_EQ(applied.candidates.chosen, expected) << position;
    mu -= static_cast<double>(0.1F) * (-std::log2(std::ranges::find(all, expected, &Probable::token)->p) - 3);
    history.push_back(expected);
    step->accept(history);
  }
}

TEST(MirostatStep, VersionOneMakesANumberOfCandidatesOfMu) {
  const Step step = mirostat(1, 1, 3, 0.1F);
  double mu = 6;
  std::vector<Token> history;
  for (uint64_t position = 0; position < 50; ++position) {
    const std::vector<float> row = random_row(static_cast<uint32_t>(position), 400, 2);
    std::vector<Probable> all = softmax_of(row);
    double products = 0, squares = 0;
    for (size_t i = 0; i < 99; ++i) {
      const double t = std::log(static_cast<double>(i + 2) / static_cast<double>(i + 1));
      products += t * std::log(all[i].p / all[i + 1].p);
      squares += t * t;
    }
    const double slope = products / squares, epsilon = slope - 1;
    const double k = std::pow(epsilon * std::pow(2, mu) / (1 - std::pow(400, -epsilon)), 1 / slope);
    all.resize(static_cast<size_t>(std::clamp(k, 1.0, 400.0)));
    all = softmax(std::move(all));
    const Token expected = drawn(all, uniform_at(7, position));
    ASSERT_EQ(Applied(*step, row, position).candidates.chosen, expected) << position;
    mu -= static_cast<double>(0.1F) * (-std::log2(std::ranges::find(all, expected, &Probable::token)->p) - 3);
    history.push_back(expected);
    step->accept(history);
  }
}

TEST(MirostatStep, RemembersWhatItWasBeforeARewind) {
  const Step once = mirostat(2, 1, 3, 0.5F), again = mirostat(2, 1, 3, 0.5F);
  const std::vector<float> row = random_row(1, 400, 2);
  const auto run = [&](SamplingStep& step, std::vector<Token>& history) {
    history.push_back(*Applied(step, row, history.size()).candidates.chosen);
    step.accept(history);
  };
  std::vector<Token> one, other;
  for (int i = 0; i < 6; ++i) run(*once, one);
  for (int i = 0; i < 4; ++i) run(*again, other);
  for (int i = 0; i < 2; ++i) {
    other.push_back(0);
    again->accept(other);
  }
  other.resize(4);
  again->rewind(other);
  for (int i = 0; i < 2; ++i) run(*again, other);
  EXPECT_EQ(one, other);
}

TEST(AdaptivePStep, DrawsWhatIsNearItsTarget) {
  const Step step = adaptive_p(0.2F, 0.9F, {1, 0, 1});
  double sum = static_cast<double>(0.2F) / (1 - static_cast<double>(0.9F));
  std::vector<Token> history;
  for (uint64_t position = 0; position < 50; ++position) {
    const std::vector<float> row = random_row(static_cast<uint32_t>(position), 30, 2);
    const std::vector<Probable> before = softmax_of(row);
    const double wanted = std::clamp(2 * static_cast<double>(0.2F) - sum * (1 - static_cast<double>(0.9F)), 0.0, 1.0);
    std::vector<Probable> all = before;
    for (Probable& each : all) {
      const double distance = std::abs(each.p - wanted) / 0.3;
      each.logit = static_cast<double>(static_cast<float>(5 - 10 * distance * distance / (1 + distance)));
    }
    const Token expected = drawn(softmax(std::move(all)), uniform_at(7, position));
    ASSERT_EQ(Applied(*step, row, position).candidates.chosen, expected) << position;
    sum = std::ranges::find(before, expected, &Probable::token)->p + static_cast<double>(0.9F) * sum;
    history.push_back(expected);
    step->accept(history);
  }
}

}  // namespace
}  // namespace halfbyte::steps
