#include "cli/options.h"

#include <gtest/gtest.h>

namespace halfbyte {
namespace {

TEST(ReplyOptions, AreSetByNameAndReadBack) {
  Request request;
  EXPECT_TRUE(set_reply_option(request, "temperature", "0.5"));
  EXPECT_TRUE(set_reply_option(request, "top_k", "7"));
  EXPECT_TRUE(set_reply_option(request, "max-tokens", "12"));
  EXPECT_TRUE(set_reply_option(request, "seed", "18446744073709551615"));
  EXPECT_EQ(request.sampling.temperature, 0.5F);
  EXPECT_EQ(request.sampling.top_k, 7);
  EXPECT_EQ(request.max_tokens, 12);
  EXPECT_EQ(request.sampling.seed, 18446744073709551615U);
  EXPECT_EQ(value_text(reply_options().front(), request), "0.5");
}

TEST(ReplyOptions, NumbersAndSwitchesBesideSamplingAreSetTheSameWay) {
  Request request;
  EXPECT_TRUE(set_reply_option(request, "min_tokens", "5"));
  EXPECT_TRUE(set_reply_option(request, "ignore-eos", "true"));
  EXPECT_TRUE(set_reply_option(request, "keep-tokens", "9"));
  EXPECT_TRUE(set_reply_option(request, "timeout-ms", "1.5"));
  EXPECT_EQ(request.min_tokens, 5);
  EXPECT_TRUE(request.ignore_eos);
  EXPECT_EQ(request.keep_tokens, 9);
  EXPECT_EQ(request.timeout_ms, 1.5);
  EXPECT_TRUE(set_reply_option(request, "keep-tokens", "none"));
  EXPECT_EQ(request.keep_tokens, std::nullopt);
  EXPECT_EQ(set_reply_option(request, "choices", "9").error().message, "choices: 9 is out of range: expected 1 to 8");
  EXPECT_TRUE(check_fits_terminal(request));
  request.choices = 2;
  EXPECT_EQ(check_fits_terminal(request).error().message, "choices: `run --json` tells it, and nothing else");
}

TEST(ReplyOptions, EveryDefaultLiesInItsRange) {
  for (const ReplyOption& option : reply_options()) {
    Request request;
    EXPECT_TRUE(set_reply_option(request, option.name, value_text(option, request))) << option.name;
  }
}

TEST(ReplyOptions, AWrongValueIsRefusedWithItsNameAndChangesNothing) {
  Request request;
  EXPECT_EQ(set_reply_option(request, "top-p", "7").error().message, "top-p: 7 is out of range: expected 0 to 1");
  EXPECT_EQ(request.sampling.top_p, Request{}.sampling.top_p);
}

TEST(ReplyOptions, AnUnknownNameIsAnsweredWithTheKnownOnes) {
  Request request;
  const auto result = set_reply_option(request, "heat", "1");
  ASSERT_FALSE(result);
  EXPECT_TRUE(result.error().message.starts_with("'heat' is not known: expected one of temperature, top-k, ")) << result.error().message;
}

}  // namespace
}  // namespace halfbyte
