#include "sampling/fields.h"

#include <gtest/gtest.h>

#include <limits>
#include <set>

namespace halfbyte {
namespace {

TEST(SamplingFields, EveryDefaultAndNeutralValueLiesInItsRange) {
  EXPECT_TRUE(check(with_defaults({})));
  SamplingOptions neutral;
  for (const SamplingField& field : kSamplingFields)
    std::visit([&](const auto& range) { neutral.*range.member = range.neutral; }, field.range);
  EXPECT_TRUE(check(neutral));
}

TEST(SamplingFields, EveryNameIsThereOnce) {
  std::set<std::string_view> ours, ollama, openai;
  for (const SamplingField& field : kSamplingFields) {
    EXPECT_TRUE(ours.insert(field.name).second) << field.name;
    EXPECT_TRUE(field.ollama.empty() || ollama.insert(field.ollama).second) << field.name;
    EXPECT_TRUE(field.openai.empty() || openai.insert(field.openai).second) << field.name;
  }
}

TEST(SamplingFields, EveryMemberOfTheOptionsHasARow) {
  const SamplingOptions all = with_defaults({});
  SamplingOptions emptied = all;
  for (const SamplingField& field : kSamplingFields) std::visit([&](const auto& range) { (emptied.*range.member).reset(); }, field.range);
  EXPECT_EQ(emptied, SamplingOptions());
  EXPECT_EQ(with_defaults(emptied), all);
}

TEST(SamplingFields, AbsentIsTheDefaultAndWhatIsGivenStays) {
  const SamplingOptions options = with_defaults({.top_k = 3});
  EXPECT_EQ(options.top_k, 3);
  EXPECT_EQ(options.temperature, 0.8F);
  EXPECT_EQ(value_text(kSamplingFields[0], {}), "0.8");
  EXPECT_EQ(value_text(kSamplingFields[0], {.temperature = 0}), "0");
}

TEST(SamplingFields, NeutralIsWhatDoesNothing) {
  const SamplingField& top_p = kSamplingFields[2];
  EXPECT_TRUE(is_neutral(top_p, {}));
  EXPECT_TRUE(is_neutral(top_p, {.top_p = 1}));
  EXPECT_FALSE(is_neutral(top_p, {.top_p = 0.5F}));
  EXPECT_FALSE(is_given(top_p, {}));
  EXPECT_TRUE(is_given(top_p, {.top_p = 1}));
}

TEST(SamplingFields, OptionsOutOfRangeAreRefusedByName) {
  const auto message = [](const SamplingOptions& options) { return check(options).error().message; };
  EXPECT_EQ(message({.top_p = 1.5F}), "top_p: expected 0 to 1, found 1.5");
  EXPECT_EQ(message({.top_k = -1}), "top_k: expected 0 to 1073741824, found -1");
  EXPECT_EQ(message({.logit_bias = {{7, 101}}}), "logit_bias: token 7: expected -100 to 100 or -inf, found 101");
  EXPECT_TRUE(check({.logit_bias = {{7, -std::numeric_limits<float>::infinity()}}}));
  EXPECT_FALSE(check({.allowed_tokens = std::vector<Token>(4097)}));
  EXPECT_EQ(message({.temperature = std::numeric_limits<float>::quiet_NaN()}), "temperature: expected 0 to 100, found nan");
}

}  // namespace
}  // namespace halfbyte
