#include "measure/speed.h"

#include <gtest/gtest.h>

#include <cstring>

#include "models/tiny_model.h"

namespace halfbyte {
namespace {

struct Bench {
  explicit Bench(const TinyModel& tiny) : file(tiny), pool(2), model(std::move(*load_model(file.path(), pool))) {}
  TinyModelFile file;
  ThreadPool pool;
  Model model;
};

TEST(Speed, ALayerNeedsAtMostSixBarriersAtOneTokenAndOneMoreWithExperts) {
  Bench bench({.layers = 4});
  const auto measured = measure_speed(bench.model, bench.pool, {.generated_tokens = 8}, {});
  ASSERT_TRUE(measured);
  EXPECT_GT(measured->barriers_per_layer, 1);
  EXPECT_LE(measured->barriers_per_layer, 6);
  Bench mixture({.layers = 4, .experts = 8});
  const auto measured_mixture = measure_speed(mixture.model, mixture.pool, {.generated_tokens = 8}, {});
  ASSERT_TRUE(measured_mixture);
  EXPECT_LE(measured_mixture->barriers_per_layer, 7);
}

TEST(Speed, SaysWhatTheCacheCutOff) {
  Bench bench({.change_tensors = [](std::vector<TinyModel::TensorBytes>& tensors) {
    const float great = 1e6F;
    for (TinyModel::TensorBytes& tensor : tensors)
      for (size_t at = 0; tensor.name == "blk.1.attn_v.weight" && at < tensor.data.size(); at += sizeof great)
        std::memcpy(tensor.data.data() + at, &great, sizeof great);
  }});
  const auto measured = measure_speed(bench.model, bench.pool, {.generated_tokens = 2}, {});
  ASSERT_TRUE(measured);
  EXPECT_NE(measured->warning.find("65504"), std::string::npos);
}

TEST(Speed, StepsAndDepthAreRunAsAsked) {
  Bench bench({.context = 64});
  const auto measured = measure_speed(bench.model, bench.pool, {.prompt_tokens = 8, .depth = 20, .step_sizes = {1, 4}}, {});
  ASSERT_TRUE(measured);
  EXPECT_GT(measured->prompt_seconds, 0);
  EXPECT_EQ(measured->generation_seconds, 0);
  ASSERT_EQ(measured->step_seconds.size(), 2U);
  EXPECT_GT(measured->step_seconds[1], 0);
  const auto too_deep = measure_speed(bench.model, bench.pool, {.generated_tokens = 8, .depth = 57}, {});
  ASSERT_FALSE(too_deep);
  EXPECT_EQ(too_deep.error().message, "65 tokens, the model's context is 64");
}

}  // namespace
}  // namespace halfbyte
