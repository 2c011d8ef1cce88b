// Random checkpoints of two to seven layers against transformers' logits: what the real models do not exercise (rope scaling,
// biases, windows shorter than the prompt, heads that are not width / heads).
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "tests/reference/reference_models.h"

namespace halfbyte {
namespace {

class TinyCheckpoint : public testing::TestWithParam<const char*> {};

TEST_P(TinyCheckpoint, HasTheReferencesLogits) {
  if (const std::string missing = missing_isa(); !missing.empty()) GTEST_SKIP() << missing;
  ThreadPool pool(2);
  const auto model = load_model(std::filesystem::path(HALFBYTE_TINY_MODELS) / (std::string(GetParam()) + ".gguf"), pool);
  ASSERT_TRUE(model) << model.error().message;
  const Json reference = read_json(std::filesystem::path(HALFBYTE_TEST_DATA) / "tiny" / (std::string(GetParam()) + ".json"));
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

INSTANTIATE_TEST_SUITE_P(Of, TinyCheckpoint,
                         testing::Values("llama-hd", "llama-rope3", "llama-yarn", "mistral-swa", "qwen2", "qwen3", "gemma3"),
                         [](const auto& which) {
                           std::string name = which.param;
                           std::ranges::replace(name, '-', '_');
                           return name;
                         });

}  // namespace
}  // namespace halfbyte
