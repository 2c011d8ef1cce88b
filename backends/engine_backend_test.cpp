#include "backends/engine_backend.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>

#include "models/tiny_model.h"

namespace halfbyte {
namespace {

// A model that would talk for ever: the end token's logit is far below all others.
TinyModel endless() {
  return {.change_tensors = [](auto& tensors) {
    auto head = *std::ranges::find(tensors, "token_embd.weight", &TinyModel::TensorBytes::name);
    head.name = "output.weight";
    tensors.push_back(head);
    std::string bias(TinyModel::kVocabulary * 4, '\0');
    const float little = -1000;
    std::memcpy(bias.data() + TinyModel::kEndToken * 4, &little, 4);
    tensors.push_back({"output.bias", {TinyModel::kVocabulary}, bias, false});
  }};
}

std::unique_ptr<EngineBackend> open(const TinyModelFile& file, EngineBackendOptions options = {}) {
  options.engine.threads = 2;
  auto backend = EngineBackend::open(file.path().string(), options);
  EXPECT_TRUE(backend) << backend.error().message;
  return std::move(*backend);
}

TEST(EngineBackend, ACompletionIsContinuedAsItStandsAndSaysSo) {
  const TinyModelFile file(endless());
  const auto backend = open(file);
  const auto result = backend->complete("Hello", {.max_new_tokens = 5});
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->prompt, "Hello");
  EXPECT_EQ(result->prompt_tokens, 5);
  EXPECT_EQ(result->completion_tokens, 5);
  EXPECT_GT(result->latency_ms, 0);
  EXPECT_EQ(result->backend, backend->info());
  EXPECT_EQ(result->metadata.at("template"), "none");
  EXPECT_EQ(result->metadata.at("finish_reason"), "length");
  EXPECT_EQ(result->metadata.at("sampling"), R"({"temperature": 1, "top_k": null, "top_p": null, "seed": 0})");
}

TEST(EngineBackend, PiecesMakeUpTheCompletion) {
  const TinyModelFile file(endless());
  const auto backend = open(file);
  std::string pieces;
  const auto streamed = backend->stream("Hello", {.max_new_tokens = 50}, [&](std::string_view piece) {
    pieces += piece;
    return true;
  });
  ASSERT_TRUE(streamed) << streamed.error().message;
  EXPECT_EQ(pieces, streamed->completion);
  EXPECT_EQ(streamed->completion, backend->complete("Hello", {.max_new_tokens = 50})->completion);
}

}  // namespace
}  // namespace halfbyte
