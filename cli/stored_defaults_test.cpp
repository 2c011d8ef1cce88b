#include "cli/stored_defaults.h"

#include <gtest/gtest.h>

namespace halfbyte {
namespace {

TEST(StoredDefaults, SetWhatTheUserDidNotChoose) {
  Request request;
  request.sampling.top_k = 3;
  constexpr std::string_view kGiven[] = {"top-k"};
  const auto applied =
      apply_stored_defaults(R"({"temperature":0.5,"top_k":9,"num_predict":7,"stop":["<|im_end|>","x"],"num_ctx":100})", kGiven, request);
  ASSERT_TRUE(applied) << applied.error().message;
  EXPECT_EQ(request.sampling.temperature, 0.5F);
  EXPECT_EQ(request.sampling.top_k, 3);
  EXPECT_EQ(request.max_tokens, 7);
  EXPECT_EQ(request.stop, (std::vector<std::string>{"<|im_end|>", "x"}));
}

TEST(StoredDefaults, AreOptional) {
  Request request;
  EXPECT_TRUE(apply_stored_defaults("", {}, request));
  EXPECT_EQ(request.sampling.temperature, Request{}.sampling.temperature);
}

TEST(StoredDefaults, AWrongValueIsNamed) {
  Request request;
  EXPECT_EQ(apply_stored_defaults(R"({"top_p":2})", {}, request).error().message,
            "the model's parameters: top-p: 2 is out of range: expected 0 to 1");
  EXPECT_EQ(apply_stored_defaults("[]", {}, request).error().code, Code::kCorrupt);
}

}  // namespace
}  // namespace halfbyte
