#include "engine/beams.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <random>

#include "text/small_vocabulary.h"

namespace halfbyte {
namespace {

const Tokenizer& tokenizer() {
  static const auto opened = *Tokenizer::open(byte_vocabulary().add("<|im_end|>", 3));
  return *opened;
}

const Token kEnd = *tokenizer().find("<|im_end|>"), kA = *tokenizer().find("a");

// A language of a few letters and the end: what may follow depends on all before it.
class Language {
 public:
  Language(uint64_t seed, int letters) : seed_(seed) {
    for (int i = 0; i < letters; ++i) tokens_.push_back(kA + i);
    tokens_.push_back(kEnd);
  }
  const std::vector<Token>& tokens() const { return tokens_; }
  float logit(const std::vector<Token>& before, Token token) const {
    uint64_t hash = seed_ + static_cast<uint64_t>(token) * 0x9e3779b97f4a7c15;
    for (const Token each : before) hash = (hash ^ static_cast<uint64_t>(each + 1)) * 0x9e3779b97f4a7c15;
    return static_cast<float>(std::mt19937_64(hash)() % (1 << 22)) / (1 << 20);
  }
  double log_sum_exp(const std::vector<Token>& before) const {
    double sum = 0;
    for (const Token token : tokens_) sum += std::exp(static_cast<double>(logit(before, token)));
    return std::log(sum);
  }
  double log_probability(const std::vector<Token>& before, Token token) const {
    return static_cast<double>(logit(before, token)) - log_sum_exp(before);
  }
  Continuations after(const std::vector<Token>& before) const {
    Continuations all{{}, log_sum_exp(before)};
    for (const Token token : tokens_) all.first.push_back({logit(before, token), token});
    std::ranges::sort(all.first, is_before);
    return all;
  }

 private:
  uint64_t seed_;
  std::vector<Token> tokens_;
};

struct Found {
  std::vector<Token> tokens;
  double sum = 0;
  double score = 0;
};

std::vector<Token> tokens_of(const Beams::Beam& beam) {
  std::vector<Token> tokens;
  for (const ReplyToken& token : beam.tokens) tokens.push_back(token.chosen.token);
  return tokens;
}

std::vector<Beams::Beam> searched(const Language& language, const Request& request) {
  Beams beams(request, tokenizer());
  while (!beams.is_done()) {
    std::vector<Continuations> after;
    for (const Beams::Beam& beam : beams.live()) after.push_back(language.after(tokens_of(beam)));
    std::vector<const Continuations*> each;
    for (const Continuations& one : after) each.push_back(&one);
    std::vector<std::vector<Token>> before;
    for (const Beams::Beam& beam : beams.live()) before.push_back(tokens_of(beam));
    const std::vector<size_t> from = beams.advance(each);
    EXPECT_EQ(from.size(), beams.live().size());
    for (size_t i = 0; i < from.size(); ++i) {
      std::vector<Token> tokens = tokens_of(beams.live()[i]);
      tokens.pop_back();
      EXPECT_EQ(tokens, before[from[i]]);
    }
  }
  return std::move(beams).best(FinishReason::kLength);
}

void expect_same(const std::vector<Beams::Beam>& beams, const std::vector<Found>& expected, size_t count) {
  ASSERT_GE(beams.size(), count);
  ASSERT_GE(expected.size(), count);
  for (size_t i = 0; i < count; ++i) {
    EXPECT_EQ(tokens_of(beams[i]), expected[i].tokens) << i;
    EXPECT_NEAR(beams[i].sum, expected[i].sum, 1e-9) << i;
  }
}

// All replies there are, the best first.
void enumerate(const Language& language, const Request& request, const Found& begun, std::vector<Found>& all) {
  for (const Token token : language.tokens()) {
    Found longer = begun;
    longer.sum += language.log_probability(begun.tokens, token);
    longer.tokens.push_back(token);
    longer.score =
        longer.sum / std::pow(static_cast<double>(longer.tokens.size()), static_cast<double>(request.beam_search->length_penalty));
    if (token == kEnd || static_cast<int>(longer.tokens.size()) == request.max_tokens)
      all.push_back(longer);
    else
      enumerate(language, request, longer, all);
  }
}

TEST(Beams, FindTheBestOfAllRepliesWhereTheyAreWideEnough) {
  for (uint64_t seed = 1; seed <= 20; ++seed)
    for (const float penalty : {0.0F, 0.5F, 1.0F, 2.0F, -1.0F}) {
      const Language language(seed, 3);
      const Request request{.max_tokens = 4, .beam_search = BeamSearch{.width = 200, .length_penalty = penalty}};
      std::vector<Found> all;
      enumerate(language, request, {}, all);
      std::ranges::sort(all, std::greater(), &Found::score);
      expect_same(searched(language, request), all, 10);
    }
}

// Word for word what the public header says, without sharing anything.
std::vector<Found> by_definition(const Language& language, const Request& request) {
  const BeamSearch& rule = *request.beam_search;
  const auto width = static_cast<size_t>(rule.width);
  const auto score = [&](const Found& f) {
    return f.sum / std::pow(static_cast<double>(f.tokens.size()), static_cast<double>(rule.length_penalty));
  };
  std::vector<Found> live(1), whole;
  for (int step = 1; step <= request.max_tokens; ++step) {
    std::vector<Found> all, next;
    for (const Found& beam : live)
      for (const Token token : language.tokens()) {
        if (token == kEnd && step <= request.min_tokens) continue;
        all.push_back(beam);
        all.back().tokens.push_back(token);
        all.back().sum += language.log_probability(beam.tokens, token);
      }
    std::ranges::stable_sort(all, std::greater(), &Found::sum);
    for (size_t i = 0; i < all.size() && next.size() < width; ++i)
      if (all[i].tokens.back() != kEnd)
        next.push_back(all[i]);
      else if (i < width)
        whole.push_back(all[i]);
    std::ranges::stable_sort(whole, std::greater(), score);
    if (whole.size() > width) whole.resize(width);
    live = next;
    if (whole.size() == width && (rule.early_stopping || score(live[0]) <= score(whole.back()))) return whole;
  }
  whole.insert(whole.end(), live.begin(), live.end());
  std::ranges::stable_sort(whole, std::greater(), score);
  return whole;
}

TEST(Beams, FollowTheirDefinition) {
  for (uint64_t seed = 1; seed <= 40; ++seed)
    for (const int width : {1, 2, 3, 5})
      for (const float penalty : {0.0F, 1.0F, 3.0F, -1.0F})
        for (const bool early : {false, true}) {
          const Language language(seed, 5);
          const Request request{.max_tokens = 9,
                                .beam_search = BeamSearch{.width = width, .length_penalty = penalty, .early_stopping = early},
                                .min_tokens = static_cast<int>(seed % 3)};
          const auto expected = by_definition(language, request);
          expect_same(searched(language, request), expected, std::min(expected.size(), static_cast<size_t>(width)));
        }
}

TEST(Beams, AStopStringEndsOneAndIsNotInItsText) {
  const Language language(1, 2);
  Request request{.max_tokens = 12, .beam_search = BeamSearch{.width = 6}, .stop = {"bb"}, .ignore_eos = true};
  int stopped = 0;
  for (const Beams::Beam& beam : searched(language, request)) {
    EXPECT_EQ(beam.text.find("bb"), std::string::npos);
    stopped += beam.finished == FinishReason::kStop;
    const std::vector<Token> tokens = tokens_of(beam);
    const bool ends_so = tokens[tokens.size() - 2] == kA + 1 && tokens.back() == kA + 1;
    EXPECT_EQ(beam.finished == FinishReason::kStop, ends_so);
  }
  EXPECT_GT(stopped, 0);
}

}  // namespace
}  // namespace halfbyte
