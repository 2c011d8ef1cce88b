// The two real models against a float32 forward pass over their own weights (tests/data/golden/README.md).
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "base/file.h"
#include "tests/reference/reference_models.h"

namespace halfbyte {
namespace {

const std::filesystem::path kGolden = std::filesystem::path(HALFBYTE_TEST_DATA) / "golden";

class Golden : public testing::TestWithParam<RealModel> {
 protected:
  void SetUp() override {
    if (const std::string missing = missing_isa(); !missing.empty()) GTEST_SKIP() << missing;
    auto loaded = load_real_model(GetParam(), pool_);
    ASSERT_TRUE(loaded) << loaded.error().message;
    model_ = std::move(*loaded);
    golden_ = read_json(kGolden / GetParam().golden);
    ASSERT_NE(golden_.find("cases"), nullptr);
  }

  const Json::Array& cases() const { return *golden_.find("cases")->array(); }

  // Along the reference's greedy continuation, given its own tokens: is the most likely token the reference's?
  struct Choice {
    double margin;  // by which the reference's token led
    bool is_wrong;
    std::string text;
  };
  std::vector<Choice> choices(ActivationMode activations) {
    std::vector<Choice> out;
    for (size_t number = 0; number < cases().size(); ++number) {
      const Json& c = cases()[number];
      auto tokens = tokens_of(*c.find("tokens"));
      const size_t prompt = tokens.size();
      const auto greedy = tokens_of(*c.find("greedy"));
      const auto margins = numbers_of(*c.find("greedy_margin"));
      tokens.insert(tokens.end(), greedy.begin(), greedy.end() - 1);
      const auto done =
          evaluate(model_, pool_, tokens, {.activations = activations}, prompt - 1, [&](size_t position, std::span<const float> logits) {
            const size_t step = position - (prompt - 1);
            const Token choice = most_likely(logits);
            out.push_back(
                {margins[step], choice != greedy[step],
                 fmt::format("\nprompt {} step {}: {} instead of {}, which led by {}", number, step, choice, greedy[step], margins[step])});
          });
      EXPECT_TRUE(done) << done.error().message;
    }
    return out;
  }
  struct Wrong {
    int count = 0, of = 0;
    std::string list;
  };
  static Wrong wrong_above(double margin, const std::vector<Choice>& choices) {
    Wrong out;
    for (const Choice& choice : choices) {
      if (choice.margin <= margin) continue;
      ++out.of;
      if (!choice.is_wrong) continue;
      ++out.count;
      out.list += choice.text;
    }
    return out;
  }

  // Negative log likelihoods along the long text, beside the reference's.
  struct LongText {
    double perplexity_ratio = 0;  // ours / the reference's
    double rms = 0;               // of the difference per token, in nats
    size_t tokens = 0;
  };
  LongText read_long_text(ActivationMode activations) {
    const Json& reference = *golden_.find("long");
    auto tokens = tokens_of(*reference.find("tokens"));
    const auto expected = numbers_of(*reference.find("nll"));
    if (is_quick()) tokens.resize(128);
    double sum = 0, squares = 0;
    const auto done = evaluate(model_, pool_, tokens, {.activations = activations}, 0, [&](size_t position, std::span<const float> logits) {
      if (position + 1 == tokens.size()) return;
      const double difference = negative_log_likelihood(logits, tokens[position + 1]) - expected[position];
      sum += difference;
      squares += difference * difference;
    });
    EXPECT_TRUE(done) << done.error().message;
    const auto n = static_cast<double>(tokens.size() - 1);
    return {std::exp(sum / n), std::sqrt(squares / n), tokens.size() - 1};
  }

  // By how much a token's logit exceeds all others'.
  static double lead(std::vector<float> logits, Token token) {
    const double own = std::exchange(logits[static_cast<size_t>(token)], -std::numeric_limits<float>::infinity());
    return own - *std::ranges::max_element(logits);
  }

  ThreadPool pool_{2};
  Model model_;
  Json golden_;
};

TEST_P(Golden, PromptsHaveTheReferencesTokens) {
  for (const Json& c : cases()) {
    const std::string& prompt = *c.find("prompt")->text();
    EXPECT_EQ(model_.tokenizer->encode(prompt, {.add_special = true}), tokens_of(*c.find("tokens"))) << prompt;
  }
  const Json& text = *golden_.find("long");
  const auto whole = read_text(kGolden / *text.find("file")->text(), uint64_t{1} << 20);
  ASSERT_TRUE(whole) << whole.error().message;
  auto tokens = model_.tokenizer->encode(*whole, {.add_special = true});
  const auto expected = tokens_of(*text.find("tokens"));
  ASSERT_GE(tokens.size(), expected.size());
  tokens.resize(expected.size());
  EXPECT_EQ(tokens, expected);
}

TEST_P(Golden, WithFloatActivationsTheFormulaIsTheReferences) {
  const Wrong wrong = wrong_above(0.05, choices(ActivationMode::kFloat));
  EXPECT_GE(wrong.of, 250);
  EXPECT_EQ(wrong.count, 0) << wrong.list;
  const LongText text = read_long_text(ActivationMode::kFloat);
  RecordProperty("perplexity_ratio", std::to_string(text.perplexity_ratio));
  EXPECT_NEAR(text.perplexity_ratio, 1, 0.0005);
}

TEST_P(Golden, InFloat32ThroughoutLogitsAndLeadsAreTheReferences) {
  for (size_t number = 0; number < cases().size(); ++number) {
    const Json& c = cases()[number];
    SCOPED_TRACE(*c.find("prompt")->text());
    auto tokens = tokens_of(*c.find("tokens"));
    const size_t prompt = tokens.size();
    const auto greedy = tokens_of(*c.find("greedy"));
    const auto margins = numbers_of(*c.find("greedy_margin"));
    const auto argmax = tokens_of(*c.find("argmax"));
    tokens.insert(tokens.end(), greedy.begin(), greedy.end() - 1);
    const auto rows = logits_from(model_, pool_, tokens, {.kv_types = {"f32", "f32"}, .activations = ActivationMode::kFloat}, 0);
    ASSERT_TRUE(rows) << rows.error().message;
    for (size_t i = 0; i < prompt; ++i) EXPECT_EQ(most_likely((*rows)[i]), argmax[i]) << "position " << i;
    for (const Json& entry : *c.find("last_logits_top20")->array()) {
      const auto pair = numbers_of(entry);
      EXPECT_NEAR((*rows)[prompt - 1][static_cast<size_t>(pair[0])], pair[1], 0.001) << "token " << pair[0];
    }
    for (size_t step = 0; step < greedy.size(); ++step)
      EXPECT_NEAR(lead((*rows)[prompt - 1 + step], greedy[step]), margins[step], 0.001) << "step " << step;
  }
}

TEST_P(Golden, WithInt8ActivationsItChoosesAsTheReferenceDoes) {
  const auto all = choices(ActivationMode::kInt8);
  const Wrong clear = wrong_above(1.0, all), close = wrong_above(0.3, all);
  EXPECT_EQ(clear.count, 0) << clear.list;
  EXPECT_GE(close.of, 200);
  EXPECT_LE(close.count, close.of / 100) << close.list;
}

TEST_P(Golden, WithInt8ActivationsPerplexityStaysWithinOnePercent) {
  const LongText text = read_long_text(ActivationMode::kInt8);
  RecordProperty("perplexity_ratio", std::to_string(text.perplexity_ratio));
  RecordProperty("rms", std::to_string(text.rms));
  EXPECT_LE(text.rms, 0.13);
  // A mean over few tokens strays by itself: three standard errors more when the text is cut short.
  const double strays = is_quick() ? 3 * 0.13 / std::sqrt(static_cast<double>(text.tokens)) : 0;
  EXPECT_NEAR(text.perplexity_ratio, 1, 0.01 + strays);
}

INSTANTIATE_TEST_SUITE_P(Of, Golden, testing::ValuesIn(kRealModels), [](const auto& which) { return which.param.name; });

}  // namespace
}  // namespace halfbyte
