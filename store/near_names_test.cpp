#include "store/near_names.h"

#include <gtest/gtest.h>

namespace halfbyte {
namespace {

const std::vector<std::string> kKnown = {"smollm2:135m", "gemma3:270m", "llama3.2:1b", "llama3.2:3b", "org/Qwen3-4B-GGUF:Q4_K_M"};
using Names = std::vector<std::string>;

TEST(NearNames, AreAFewLettersAway) {
  EXPECT_EQ(near_names("smolm2:135m", kKnown), Names{"smollm2:135m"});
  EXPECT_EQ(near_names("smollm2:153m", kKnown), Names{"smollm2:135m"});
  EXPECT_EQ(near_names("llama3.2:2b", kKnown), (Names{"llama3.2:1b", "llama3.2:3b"}));
}

TEST(NearNames, NeedNeitherTagNorCaseNorTheWholeName) {
  EXPECT_EQ(near_names("SmolLM", kKnown), Names{"smollm2:135m"});
  EXPECT_EQ(near_names("gema3", kKnown), Names{"gemma3:270m"});
  EXPECT_EQ(near_names("qwen3-4b", kKnown), Names{"org/Qwen3-4B-GGUF:Q4_K_M"});
}

TEST(NearNames, OthersAreNotOffered) {
  EXPECT_EQ(near_names("mistral:7b", kKnown), Names{});
  EXPECT_EQ(near_names("", kKnown), Names{});
  EXPECT_EQ(near_names(std::string(10000, 'a'), kKnown), Names{});
}

TEST(NearNames, ThreeAtMost) {
  const Names many = {"m:1", "m:2", "m:3", "m:4"};
  EXPECT_EQ(near_names("m:5", many), (Names{"m:1", "m:2", "m:3"}));
}

}  // namespace
}  // namespace halfbyte
