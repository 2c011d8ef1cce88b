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
        logits_from(*model, pool, tokens, {.chunk_tokens = chunk, .kv_types = {"f32", "f32"}, .activations = ActivationMode::kFloat}, 0);
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

INSTANTIATE_TEST_SUITE_P(Of, TinyCheckpoint, testing::ValuesIn(kTinyModels), tiny_test_name);

}  // namespace
}  // namespace halfbyte
