#include "models/rope.h"

#include <gtest/gtest.h>

#include <cmath>

namespace halfbyte {
namespace {

TEST(Rope, FrequenciesFallGeometrically) {
  const Rope rope = make_rope({.dims = 8, .base = 10000}, nullptr);
  ASSERT_EQ(rope.inverse_frequency.size(), 4U);
  EXPECT_FLOAT_EQ(rope.inverse_frequency[0], 1);
  EXPECT_FLOAT_EQ(rope.inverse_frequency[1], 0.1F);
  EXPECT_FLOAT_EQ(rope.inverse_frequency[3], 0.001F);
  EXPECT_EQ(rope.magnitude, 1);
}

TEST(Rope, LinearScalingDividesEveryFrequency) {
  const Rope rope = make_rope({.dims = 4, .base = 100, .scaling = RopeScaling::kLinear, .factor = 4}, nullptr);
  EXPECT_FLOAT_EQ(rope.inverse_frequency[0], 0.25F);
  EXPECT_FLOAT_EQ(rope.inverse_frequency[1], 0.025F);
}

TEST(Rope, FactorsDivideTheirOwnFrequency) {
  const float factors[] = {1, 8};
  const Rope rope = make_rope({.dims = 4, .base = 100}, factors);
  EXPECT_FLOAT_EQ(rope.inverse_frequency[0], 1);
  EXPECT_FLOAT_EQ(rope.inverse_frequency[1], 0.1F / 8);
}

TEST(Rope, YarnKeepsFastPairsStretchesSlowOnesAndRaisesTheMagnitude) {
  const Rope rope = make_rope({.dims = 64, .base = 10000, .scaling = RopeScaling::kYarn, .factor = 4, .original_context = 4096}, nullptr);
  EXPECT_FLOAT_EQ(rope.inverse_frequency[0], 1);
  EXPECT_FLOAT_EQ(rope.inverse_frequency[31], static_cast<float>(std::pow(10000.0, -62.0 / 64) / 4));
  EXPECT_FLOAT_EQ(rope.magnitude, static_cast<float>(0.1 * std::log(4.0) + 1));
}

Result<RopeSettings> read(std::initializer_list<std::pair<const char*, MetadataValue>> values) {
  Metadata m("x.gguf");
  for (const auto& [name, value] : values) m.insert(std::string("llama.rope.") + name, value);
  return read_rope(m, "llama", {.head_dim = 8, .context = 64}, Pairing::kAdjacent);
}
std::string refusal(std::initializer_list<std::pair<const char*, MetadataValue>> values) {
  const auto settings = read(values);
  return settings ? "read" : settings.error().message;
}

TEST(RopeSettings, AFactorWithoutATypeIsLinear) {
  for (const auto& settings : {read({{"scaling.factor", 4.0}}), read({{"scale_linear", 4.0}}), read({{"scaling.factor", uint64_t{4}}}),
                               read({{"scaling.type", std::string("linear")}, {"scaling.factor", 4.0}}),
                               read({{"scaling.type", std::string("linear")}, {"scale_linear", 4.0}})}) {
    ASSERT_TRUE(settings) << settings.error().message;
    EXPECT_EQ(settings->scaling, RopeScaling::kLinear);
    EXPECT_EQ(settings->factor, 4);
  }
}

TEST(RopeSettings, NoneAndAFactorOfZeroOrOneScaleNothing) {
  for (const auto& settings : {read({}), read({{"scaling.factor", 0.0}}), read({{"scale_linear", 1.0}}),
                               read({{"scaling.type", std::string("none")}, {"scaling.factor", 4.0}})}) {
    ASSERT_TRUE(settings) << settings.error().message;
    EXPECT_EQ(settings->scaling, RopeScaling::kNone);
  }
}

TEST(RopeSettings, YarnsOwnNumbersAreTaken) {
  const auto settings = read({{"scaling.type", std::string("yarn")},
                              {"scaling.factor", 2.0},
                              {"scaling.original_context_length", 32.0},
                              {"scaling.yarn_beta_fast", uint64_t{16}},
                              {"scaling.yarn_beta_slow", 2.0},
                              {"scaling.attn_factor", 0.5},
                              {"scaling.yarn_ext_factor", -1.0},
                              {"scaling.yarn_attn_factor", 1.0693}});
  ASSERT_TRUE(settings) << settings.error().message;
  EXPECT_EQ(settings->original_context, 32);
  EXPECT_EQ(settings->fast, 16);
  EXPECT_EQ(settings->slow, 2);
  EXPECT_EQ(settings->attention_factor, 0.5);
}

TEST(RopeSettings, WhatWouldTurnOtherwiseIsRefusedByName) {
  EXPECT_EQ(refusal({{"scaling.factor", 2.0}, {"scale_linear", 4.0}}),
            "x.gguf: llama.rope.scaling.factor is 2 and llama.rope.scale_linear is 4, expected one factor");
  EXPECT_EQ(refusal({{"scaling.factor", 2.0}, {"scaling.yarn_ext_factor", 1.0}}),
            "x.gguf: llama.rope.scaling.yarn_ext_factor is 1; this build runs 0");
  EXPECT_EQ(refusal({{"scaling.type", std::string("yarn")}, {"scaling.factor", 2.0}, {"scaling.yarn_attn_factor", 1.0}}),
            "x.gguf: llama.rope.scaling.yarn_attn_factor is 1; this build runs 1.06931, which follows from the factor");
  EXPECT_EQ(refusal({{"scaling.type", std::string("yarn")}, {"scaling.factor", 2.0}, {"scaling.yarn_beta_fast", 1.0}}),
            "x.gguf: llama.rope.scaling.yarn_beta_fast is 1 and yarn_beta_slow 1, expected slow above 0 and fast above slow");
}

TEST(Rope, AFactorOfTheMagnitudeCountsWithoutYarnToo) {
  EXPECT_EQ(make_rope({.dims = 4, .base = 100, .attention_factor = 0.5}, nullptr).magnitude, 0.5F);
}

}  // namespace
}  // namespace halfbyte
