#include "backends/stored_defaults.h"

#include <gtest/gtest.h>

namespace halfbyte {
namespace {

TEST(StoredDefaults, SetWhatTheUserDidNotChoose) {
  ChosenReply reply;
  reply.request.sampling.top_k = 3;
  const auto applied = apply_stored_defaults(
      R"({"temperature":0.5,"top_k":9,"num_predict":7,"stop":["<|im_end|>","x"],"num_ctx":100,"seed":18446744073709551615})", reply);
  ASSERT_TRUE(applied) << applied.error().message;
  EXPECT_EQ(reply.request.sampling.temperature, 0.5F);
  EXPECT_EQ(reply.request.sampling.top_k, 3);
  EXPECT_EQ(reply.request.max_tokens, 7);
  EXPECT_EQ(reply.request.sampling.seed, 18446744073709551615U);
  EXPECT_EQ(applied->context_tokens, 100);
  EXPECT_TRUE(applied->notes.empty());
  EXPECT_EQ(reply.request.stop, (std::vector<std::string>{"<|im_end|>", "x"}));
}

TEST(StoredDefaults, AreOptional) {
  ChosenReply reply;
  EXPECT_TRUE(apply_stored_defaults("", reply));
  EXPECT_EQ(reply.request.sampling, SamplingOptions());
}

TEST(StoredDefaults, HaveOllamasRanges) {
  ChosenReply reply;
  const auto applied = apply_stored_defaults(
      R"({"num_predict":-2,"top_k":-1,"top_p":1.5,"temperature":-0.1,"repeat_last_n":-1,"seed":-1,"min_p":0.0})", reply);
  ASSERT_TRUE(applied) << applied.error().message;
  EXPECT_EQ(reply.request.max_tokens, -1);
  EXPECT_EQ(reply.request.sampling.top_k, 0);
  EXPECT_EQ(reply.request.sampling.top_p, 1.0F);
  EXPECT_EQ(reply.request.sampling.temperature, 0.0F);
  EXPECT_EQ(reply.request.sampling.repeat_window, -1);
  EXPECT_FALSE(reply.request.sampling.seed) << "a negative seed is none";
}

TEST(StoredDefaults, NumbersMeanTheSameHoweverTheyAreWritten) {
  ChosenReply reply;
  const auto applied = apply_stored_defaults(R"({"num_predict":7.0,"temperature":1,"seed":3.0,"top_k":null,"stop":"x"})", reply);
  ASSERT_TRUE(applied) << applied.error().message;
  EXPECT_EQ(reply.request.max_tokens, 7);
  EXPECT_EQ(reply.request.sampling.temperature, 1.0F);
  EXPECT_EQ(reply.request.sampling.seed, 3U);
  EXPECT_EQ(reply.request.stop, std::vector<std::string>{"x"});
}

TEST(StoredDefaults, WhatChangesAnswersAndIsNotDoneIsSaid) {
  ChosenReply reply;
  const auto applied = apply_stored_defaults(R"({"rope_frequency_base":1e6,"mirostat":2,"num_thread":4,"new_option":[1]})", reply);
  ASSERT_TRUE(applied) << applied.error().message;
  EXPECT_EQ(applied->notes, (std::vector<std::string>{"the option rope_frequency_base 1000000, which is not done",
                                                      "the option new_option, which is not known"}));
}

TEST(StoredDefaults, AWrongValueIsNamed) {
  ChosenReply reply;
  const auto message = [&](std::string_view parameters) { return apply_stored_defaults(parameters, reply).error().message; };
  EXPECT_EQ(message(R"({"repeat_penalty":0})"), "the model's parameters: repeat-penalty: 0 is out of range: expected 0.01 to 100");
  EXPECT_EQ(message(R"({"top_k":2.5})"), "the model's parameters: top-k: '2.5' is not a whole number: expected 0 to 1073741824");
  EXPECT_EQ(message(R"({"top_k":"many"})"), "the model's parameters: top_k: expected a number");
  EXPECT_EQ(message(R"({"seed":1.5})"), "the model's parameters: seed: expected a whole number");
  EXPECT_EQ(message(R"({"stop":[1]})"), "the model's parameters: stop: expected text or a list of texts");
  EXPECT_EQ(message(R"({"num_ctx":1e9})"), "the model's parameters: num_ctx: 1000000000 is out of range: expected 0 to 16777216");
  EXPECT_EQ(apply_stored_defaults("[]", reply).error().code, Code::kCorrupt);
}

}  // namespace
}  // namespace halfbyte
