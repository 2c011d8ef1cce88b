#include "measure/evaluate.h"

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

TEST(Evaluate, ATokenOutsideTheVocabularyIsRefusedByIndex) {
  Bench bench({});
  const std::vector<Token> tokens{1, 2, TinyModel::kVocabulary};
  const auto ran = evaluate(bench.model, bench.pool, tokens, {}, 0, [](size_t, std::span<const float>) {});
  ASSERT_FALSE(ran);
  EXPECT_EQ(ran.error().message, "tokens: token 258 at index 2 is outside the vocabulary of 258");
}

TEST(Evaluate, TheLastTokenOfAScoreIsCheckedThoughItIsNotRun) {
  Bench bench({});
  const std::vector<Token> tokens{1, 2, TinyModel::kVocabulary};
  EXPECT_EQ(log_probabilities(bench.model, bench.pool, tokens, {}).error().message,
            "tokens: token 258 at index 2 is outside the vocabulary of 258");
}

TEST(Evaluate, MoreTokensThanTheContextAreTooLong) {
  Bench bench({.context = 16});
  const auto ran = evaluate(bench.model, bench.pool, std::vector<Token>(17, 1), {}, 0, [](size_t, std::span<const float>) {});
  ASSERT_FALSE(ran);
  EXPECT_EQ(ran.error().code, Code::kTooLong);
}

TEST(Evaluate, LogitsThatAreNotFiniteAreAnErrorWithThePosition) {
  Bench bench({.change_tensors = [](auto& tensors) {
    for (float value = 3e38F; auto& t : tensors)
      if (t.name == "blk.0.ffn_down.weight")
        for (size_t i = 0; i < t.data.size(); i += 4) std::memcpy(t.data.data() + i, &value, 4);
  }});
  const auto ran = evaluate(bench.model, bench.pool, std::vector<Token>{1, 2, 3}, {}, 0, [](size_t, std::span<const float>) {});
  ASSERT_FALSE(ran);
  EXPECT_EQ(ran.error().code, Code::kNumeric);
  EXPECT_NE(ran.error().message.find("logits after token 0 are not finite"), std::string::npos);
}

}  // namespace
}  // namespace halfbyte
