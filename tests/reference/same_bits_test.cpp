// The same tokens give the same bits, however the work was cut: by threads, by chunks of the prompt, from the cache or not.
#include <gtest/gtest.h>

#include <cstring>

#include "tests/reference/reference_models.h"

namespace halfbyte {
namespace {

class SameBits : public testing::TestWithParam<RealModel> {
 protected:
  void SetUp() override {
    if (const std::string missing = missing_isa(); !missing.empty()) GTEST_SKIP() << missing;
    ThreadPool pool(2);
    auto loaded = load_real_model(GetParam(), pool);
    ASSERT_TRUE(loaded) << loaded.error().message;
    model_ = std::move(*loaded);
    const Json golden = read_json(std::filesystem::path(HALFBYTE_TEST_DATA) / "golden" / GetParam().golden);
    tokens_ = tokens_of(*golden.find("long")->find("tokens"));
    tokens_.resize(is_quick() ? 100 : 600);  // more than a chunk and, of Gemma, more than a window
  }

  // The last 60 positions' logits.
  std::vector<std::vector<float>> logits(int threads, int chunk) {
    ThreadPool pool(threads);
    auto rows = logits_from(model_, pool, tokens_, {.chunk_tokens = chunk}, tokens_.size() - 60);
    EXPECT_TRUE(rows) << rows.error().message;
    return rows ? std::move(*rows) : std::vector<std::vector<float>>();
  }

  void expect_equal(const std::vector<std::vector<float>>& a, const std::vector<std::vector<float>>& b) {
    ASSERT_EQ(a.size(), b.size());
    for (size_t i = 0; i < a.size(); ++i)
      ASSERT_EQ(std::memcmp(a[i].data(), b[i].data(), a[i].size() * sizeof(float)), 0) << "position " << tokens_.size() - 60 + i;
  }

  Model model_;
  std::vector<Token> tokens_;
};

TEST_P(SameBits, WhateverTheThreadsAndTheChunk) {
  const auto whole = logits(1, 512);
  ASSERT_EQ(whole.size(), 60U);
  for (const auto& [threads, chunk] :
       {std::pair(2, 512), std::pair(3, 512), std::pair(2, 64), std::pair(1, 64), std::pair(2, 7), std::pair(2, 1)}) {
    SCOPED_TRACE(std::to_string(threads) + " threads, chunks of " + std::to_string(chunk));
    expect_equal(logits(threads, chunk), whole);
  }
}

TEST_P(SameBits, WhetherATokenIsTheLastOfAPromptOrFollowedByOthers) {
  const auto whole = logits(2, 512);
  tokens_.resize(tokens_.size() - 30);
  const auto part = logits(2, 512);
  for (size_t i = 30; i < 60; ++i) ASSERT_EQ(std::memcmp(part[i].data(), whole[i - 30].data(), part[i].size() * sizeof(float)), 0) << i;
}

INSTANTIATE_TEST_SUITE_P(Of, SameBits, testing::ValuesIn(kRealModels), [](const auto& which) { return which.param.name; });

}  // namespace
}  // namespace halfbyte
