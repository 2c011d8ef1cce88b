// Random checkpoints of two to seven layers against transformers' logits: what the real models do not exercise (rope scaling,
// biases, windows shorter than the prompt, heads that are not width / heads).
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "engine/runner.h"
#include "tests/reference/reference_models.h"

namespace halfbyte {
namespace {

void expect_the_references_logits(const std::filesystem::path& path, const std::string& name) {
  ThreadPool pool(2);
  const auto model = load_model(path, pool);
  ASSERT_TRUE(model) << model.error().message;
  const Json reference = read_json(std::filesystem::path(HALFBYTE_TEST_DATA) / "tiny" / (name + ".json"));
  const auto expected = numbers_of(*reference.find("logits_last"));
  const auto expected_argmax = tokens_of(*reference.find("argmax"));
  const auto tokens = tokens_of(*reference.find("tokens"));

  for (const int chunk : {512, 7, 1}) {
    const auto rows =
        logits_from(*model, pool, tokens, {.chunk_tokens = chunk, .kv_type = KvType::kF32, .activations = ActivationMode::kFloat}, 0);
    ASSERT_TRUE(rows) << rows.error().message;
    ASSERT_EQ(rows->size(), tokens.size());
    for (size_t i = 0; i < tokens.size(); ++i)
      EXPECT_EQ(most_likely((*rows)[i]), expected_argmax[i]) << "position " << i << ", chunk " << chunk;
    ASSERT_EQ(rows->back().size(), expected.size());
    double worst = 0;
    for (size_t i = 0; i < expected.size(); ++i) worst = std::max(worst, std::abs(rows->back()[i] - expected[i]));
    EXPECT_LE(worst, 1e-4) << "chunk " << chunk;
  }
}

class TinyCheckpoint : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    if (const std::string missing = missing_isa(); !missing.empty()) GTEST_SKIP() << missing;
  }
};

TEST_P(TinyCheckpoint, HasTheReferencesLogits) {
  expect_the_references_logits(std::filesystem::path(HALFBYTE_TINY_MODELS) / (std::string(GetParam()) + ".gguf"), GetParam());
}

TEST_P(TinyCheckpoint, HasThemFromItsDirectory) {
  expect_the_references_logits(std::filesystem::path(HALFBYTE_TEST_DATA) / "tiny" / GetParam(), GetParam());
}

// Logits of prompts rounded to bf16 against those of the usual order; where the processor has no such products they are equal.
TEST_P(TinyCheckpoint, IsNearItWithAFastPrompt) {
  ThreadPool pool(2);
  const auto model = load_model(std::filesystem::path(HALFBYTE_TINY_MODELS) / (std::string(GetParam()) + ".gguf"), pool);
  ASSERT_TRUE(model) << model.error().message;
  const auto tokens =
      tokens_of(*read_json(std::filesystem::path(HALFBYTE_TEST_DATA) / "tiny" / (std::string(GetParam()) + ".json")).find("tokens"));
  const auto usual = logits_from(*model, pool, tokens, {}, 0), fast = logits_from(*model, pool, tokens, {.fast_prompt = true}, 0);
  ASSERT_TRUE(usual && fast);
  double squares = 0, errors = 0;
  for (size_t i = 0; i < usual->size(); ++i)
    for (size_t v = 0; v < (*usual)[i].size(); ++v) {
      const double logit = (*usual)[i][v];
      squares += logit * logit;
      errors += std::pow((*fast)[i][v] - logit, 2);
    }
  RecordProperty("relative_error", std::to_string(std::sqrt(errors / squares)));
  EXPECT_LT(std::sqrt(errors / squares), 0.02);
  EXPECT_EQ(errors > 0, *has_fast_prompt(*model));
}

INSTANTIATE_TEST_SUITE_P(Of, TinyCheckpoint, testing::ValuesIn(kTinyModels), tiny_test_name);

}  // namespace
}  // namespace halfbyte
