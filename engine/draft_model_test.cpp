#include "engine/draft_model.h"

#include <gtest/gtest.h>

#include "models/tiny_model.h"

namespace halfbyte {
namespace {

using Tokens = std::vector<Token>;
constexpr uint64_t kEnough = uint64_t{1} << 40;

class DraftModelTest : public testing::Test {
 protected:
  DraftModelTest() : model_(std::move(*load_model(file_.path(), pool_))) {
    const RunnerOptions options{.cache_tokens = 256, .chunk_tokens = 16};
    auto loaded = DraftModel::load(file_.path(), *model_.tokenizer, pool_, options, this_machine(), kEnough);
    EXPECT_TRUE(loaded) << loaded.error().message;
    auto opened = DraftModel::create(std::move(*loaded), pool_, options, this_machine());
    EXPECT_TRUE(opened) << opened.error().message;
    draft_model_ = std::move(*opened);
  }

  // What the model itself says after these tokens, one after the other.
  Tokens said(Tokens tokens, int count) {
    const size_t given = tokens.size();
    for (int i = 0; i < count; ++i) {
      auto runner = Runner::create(model_, pool_, {.cache_tokens = 256, .chunk_tokens = 256});
      CachedSequence cache;
      EXPECT_TRUE(runner->memory().reserve(cache, static_cast<int>(tokens.size())));
      const SliceTokens slice{.sequence = &cache, .tokens = tokens, .first_wanted = tokens.size() - 1, .need = {.greatest = 1}};
      Token next = 0;
      runner->run({&slice, 1}, [&](size_t, size_t, const Logits& logits) { next = logits.greatest[0].token; });
      tokens.push_back(next);
    }
    return {tokens.begin() + static_cast<std::ptrdiff_t>(given), tokens.end()};
  }
  Tokens guessed(SequenceId id, const Tokens& tokens, int count) {
    Tokens guess;
    const DraftAsk ask{.id = id, .tokens = tokens, .sampler = &greedy_, .count = count, .guess = &guess};
    draft_model_->guess({&ask, 1});
    return guess;
  }

  const TinyModelFile file_;
  ThreadPool pool_{2};
  const Model model_;
  std::unique_ptr<DraftModel> draft_model_;
  Sampler greedy_{{.temperature = 0}, 256};
};

TEST_F(DraftModelTest, GuessesWhatItWouldSay) {
  const Tokens tokens{5, 9, 70, 3};
  EXPECT_EQ(guessed(1, tokens, 5), said(tokens, 5));
  Tokens longer = tokens;  // where the sequence said something else, it takes its guesses back
  longer.insert(longer.end(), {200, 201});
  EXPECT_EQ(guessed(1, longer, 3), said(longer, 3));
  EXPECT_EQ(guessed(1, tokens, 3), said(tokens, 3));  // shorter: the sequence was cut
}

TEST_F(DraftModelTest, CatchesUpWithALongPromptOverSeveralTurns) {
  Tokens tokens;
  for (int i = 0; i < 40; ++i) tokens.push_back(i);
  EXPECT_TRUE(guessed(1, tokens, 2).empty());
  EXPECT_TRUE(guessed(1, tokens, 2).empty());
  EXPECT_EQ(guessed(1, tokens, 2), said(tokens, 2));
}

TEST_F(DraftModelTest, GivesUpTheMemoryOfOthersWhenItRunsOut) {
  for (SequenceId id = 1; id < 12; ++id) {
    const Tokens tokens(10, static_cast<Token>(id));
    EXPECT_EQ(guessed(id, tokens, 30), said(tokens, 30)) << id;
  }
}

TEST_F(DraftModelTest, AnotherVocabularyIsRefused) {
  const TinyModelFile other({.change_entries = [](auto& entries) {
    for (auto& [key, bytes] : entries)
      if (key == "tokenizer.ggml.tokens") bytes[bytes.find("<|end|>") + 2] = 'E';
  }});
  const auto opened = DraftModel::load(other.path(), *model_.tokenizer, pool_, {.cache_tokens = 64}, this_machine(), kEnough);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, Code::kUnsupported);
  EXPECT_NE(opened.error().message.find("cannot guess for this model: token 257"), std::string::npos) << opened.error().message;
}

}  // namespace
}  // namespace halfbyte
