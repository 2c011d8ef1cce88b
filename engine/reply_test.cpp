// What a reply is: what it begins with, what holds it and what ends it.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <future>
#include <set>

#include "engine/test_engine.h"

namespace halfbyte {
namespace {

TEST(EngineReply, AReplyIsATextOfItsGrammarAndEndsWithIt) {
  const TinyModelFile file;
  Engine engine = open(file);
  Request request = request_of({1, 2, 3}, 40);
  request.grammar = GrammarSource{GrammarKind::kChoice, R"(["yes", "no", "abba", "perhaps"])"};
  std::set<std::string> replies;
  for (request.sampling.seed = 0; request.sampling.seed < 30; ++*request.sampling.seed) {
    const auto reply = engine.complete(request);
    ASSERT_TRUE(reply) << reply.error().message;
    EXPECT_EQ(reply->reason, FinishReason::kEnd);
    EXPECT_TRUE((std::set<std::string>{"yes", "no", "abba", "perhaps"}.contains(reply->text))) << reply->text;
    replies.insert(reply->text);
  }
  EXPECT_GT(replies.size(), 1U);
}

TEST(EngineReply, PenaltiesDoNotBringBackWhatAGrammarForbids) {
  const TinyModelFile file;
  Engine engine = open(file);
  Request request = request_of({'x', 'y', 'z'}, 40);
  request.sampling.presence_penalty = -100;
  request.grammar = GrammarSource{GrammarKind::kRegex, "[ab]{20}"};
  const auto reply = engine.complete(request);
  ASSERT_TRUE(reply) << reply.error().message;
  EXPECT_EQ(reply->text.size(), 20U);
  EXPECT_EQ(reply->text.find_first_not_of("ab"), std::string::npos) << reply->text;
}

TEST(EngineReply, WhatAModelThinksFirstIsFree) {
  const TinyModelFile file;
  Engine engine = open(file);
  Request request = request_of({1, 2, 3}, 2000);
  request.grammar = GrammarSource{GrammarKind::kChoice, R"(["yes", "no"])"};
  request.thinking = ThinkingMarkers{.open = "a", .close = "c", .has_begun = true};
  const auto reply = engine.complete(request);
  ASSERT_TRUE(reply) << reply.error().message;
  EXPECT_EQ(reply->reason, FinishReason::kEnd);
  const size_t answer = reply->text.find('c') + 1;
  EXPECT_GT(answer, 1U);
  EXPECT_TRUE(reply->text.substr(answer) == "yes" || reply->text.substr(answer) == "no") << reply->text;
}

TEST(EngineReply, AGrammarThatIsNoneIsRefusedAndQueuesNothing) {
  const TinyModelFile file;
  Engine engine = open(file);
  Request request = request_of({1, 2, 3}, 4);
  request.grammar = GrammarSource{GrammarKind::kJsonSchema, R"({"items": {"not": {}}})"};
  const auto refused = engine.complete(request);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kUnsupported);
  EXPECT_NE(refused.error().message.find("#/items/not"), std::string::npos) << refused.error().message;
}

TEST(EngineReply, GreedyChoosesTheSameTokensEveryTime) {
  const TinyModelFile file;
  Engine engine = open(file);
  Request request = request_of({9}, 30);
  request.sampling.temperature = 0;
  EXPECT_EQ(engine.complete(request)->text, engine.complete(request)->text);
}

TEST(EngineReply, TextEndsBeforeAStopString) {
  const TinyModelFile file;
  Engine engine = open(file);
  const std::string whole = engine.complete(request_of({1, 2, 3}, 40))->text;
  Request request = request_of({1, 2, 3}, 40);
  request.stop = {whole.substr(whole.size() / 2, 3)};
  const auto reply = engine.complete(request);
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->reason, FinishReason::kStop);
  EXPECT_EQ(reply->text, whole.substr(0, whole.find(request.stop[0])));
}

TEST(EngineReply, AReplyEndsWithAStopToken) {
  const TinyModelFile file;
  Engine engine = open(file);
  Request request = request_of({1, 2, 3}, 40);
  request.logprobs = 0;
  const Told whole = told(engine, request);
  const std::vector<Token> tokens = tokens_of(whole.tokens);
  const auto first = std::ranges::find(tokens, tokens[20]) - tokens.begin();
  request.stop_tokens = {tokens[20]};
  const Told stopped = told(engine, request);
  EXPECT_EQ(stopped.reason, FinishReason::kStop);
  EXPECT_EQ(tokens_of(stopped.tokens), std::vector<Token>(tokens.begin(), tokens.begin() + first));
  EXPECT_EQ(stopped.usage.completion_tokens, first + 1);
  request.max_tokens = static_cast<int>(first);
  EXPECT_EQ(told(engine, request).text, stopped.text);
  request.max_tokens = 40;
  request.min_tokens = 30;
  EXPECT_GT(told(engine, request).usage.completion_tokens, 30);
  request.stop_tokens = {258};
  EXPECT_EQ(engine.complete(request).error().message, "stop_tokens: token 258 at index 0 is outside the vocabulary of 258");
}

TEST(EngineReply, AnEndTokenEndsTheReplyAndIsNotShown) {
  // A head of zeros and a bias: whatever the state, the end token's logit is the greatest.
  const TinyModelFile file({.change_tensors = [](auto& tensors) {
    std::string bias(TinyModel::kVocabulary * 4, '\0');
    const float much = 10;
    std::memcpy(bias.data() + TinyModel::kEndToken * 4, &much, 4);
    tensors.push_back({"output.weight", {TinyModel::kVocabulary, 64}, std::string(TinyModel::kVocabulary * 64 * 4, '\0'), true});
    tensors.push_back({"output.bias", {TinyModel::kVocabulary}, bias, false});
  }});
  Engine engine = open(file);
  Request request{.prompt = {1}, .max_tokens = 5, .sampling = {.temperature = 0}};
  const auto reply = engine.complete(request);
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->reason, FinishReason::kEnd);
  EXPECT_EQ(reply->text, "");
  EXPECT_EQ(reply->usage.completion_tokens, 1);
  request.min_tokens = 3;
  EXPECT_EQ(engine.complete(request)->usage.completion_tokens, 4) << "the end token comes behind three others";
  request.ignore_eos = true;
  request.min_tokens = 0;
  EXPECT_EQ(engine.complete(request)->reason, FinishReason::kLength);
  EXPECT_EQ(engine.complete(request)->text, "");
  request.shows_control_tokens = true;
  EXPECT_EQ(engine.complete(request)->text, "<|end|><|end|><|end|><|end|><|end|>");
}

TEST(EngineReply, AReplyThatMustBeginAsItWouldGoesOnAsItWould) {
  const TinyModelFile file;
  Engine engine = open(file);
  for (const SamplingOptions& sampling :
       {SamplingOptions{.temperature = 0}, SamplingOptions{.temperature = 1, .top_k = 0}, SamplingOptions{.presence_penalty = 1}}) {
    Request request{.prompt = {1, 2, 3}, .max_tokens = 50, .sampling = sampling, .ignore_eos = true, .logprobs = 2};
    const Told whole = told(engine, request);
    ASSERT_EQ(whole.tokens.size(), 50U);
    for (const std::ptrdiff_t forced : {1, 7, 40}) {
      const std::vector<Token> tokens = tokens_of(whole.tokens);
      request.forced_prefix.assign(tokens.begin(), tokens.begin() + forced);
      const Told begun = told(engine, request);
      EXPECT_EQ(begun.text, whole.text);
      EXPECT_EQ(tokens_of(begun.tokens), tokens);
      EXPECT_EQ(values_of(begun.tokens), values_of(whole.tokens));
      EXPECT_EQ(begun.usage.completion_tokens, 50);
      EXPECT_EQ(begun.usage.prompt_tokens, 3);
    }
  }
}

TEST(EngineReply, AForcedPrefixObeysWhatEndsAReplyAndWhatItIsHeldTo) {
  const TinyModelFile file;
  Engine engine = open(file, {.context_tokens = 64});
  Request request = request_of({1, 2, 3}, 20);
  request.forced_prefix = {'x', 'y', 'z'};
  request.stop = {"y"};
  EXPECT_EQ(told(engine, request).reason, FinishReason::kStop);
  EXPECT_EQ(told(engine, request).text, "x");
  request.stop.clear();
  request.max_tokens = 2;
  EXPECT_EQ(told(engine, request).text, "xy");
  request.max_tokens = 20;
  request.grammar = GrammarSource{GrammarKind::kChoice, R"(["yes", "no", "perhaps"])"};
  request.forced_prefix = {'p'};
  EXPECT_EQ(told(engine, request).text, "perhaps");
  request.forced_prefix = {'p', 'q'};
  EXPECT_EQ(engine.complete(request).error().message, "forced_prefix: the grammar does not allow token 113 at index 1");
  request.forced_prefix = {'n', 'o'};
  EXPECT_EQ(engine.complete(request).error().message,
            "forced_prefix: the grammar's text is whole with token 111 at index 1, and nothing may follow");
  request.grammar.reset();
  request.ignore_eos = false;
  request.forced_prefix = {TinyModel::kEndToken};
  EXPECT_EQ(engine.complete(request).error().message, "forced_prefix: token 257 ends the reply");
  request.forced_prefix = {999};
  EXPECT_EQ(engine.complete(request).error().message, "forced_prefix: token 999 at index 0 is outside the vocabulary of 258");
  request.forced_prefix.assign(61, 'x');
  EXPECT_EQ(engine.complete(request).error().message, "prompt of 3 tokens and forced_prefix of 61 leave no room in the context of 64");
}

TEST(EngineReply, AForcedPrefixStaysWhereAPromptHasToSlide) {
  const TinyModelFile file;
  Engine engine = open(file, {.context_tokens = 64});
  std::vector<Token> prompt;
  for (int i = 0; i < 100; ++i) prompt.push_back(i);
  Request slid = request_of(prompt, 12), remains = request_of({}, 12);
  slid.sampling.temperature = remains.sampling.temperature = 0;
  slid.keep_tokens = 60;
  slid.forced_prefix = remains.forced_prefix = {'x', 'y', 'z'};
  slid.logprobs = remains.logprobs = 1;
  // Of the 48 that are to be left, the last is the prompt's, and three are forced.
  remains.prompt.assign(prompt.begin(), prompt.begin() + 44);
  remains.prompt.push_back(prompt.back());
  const Told of_slid = told(engine, slid), of_remains = told(engine, remains);
  EXPECT_EQ(of_slid.usage.dropped_tokens, 103 - 48);
  EXPECT_EQ(of_slid.text, of_remains.text);
  EXPECT_EQ(values_of(of_slid.tokens), values_of(of_remains.tokens));
  slid.forced_prefix.assign(9, 'x');
  EXPECT_EQ(engine.complete(slid).error().message, "forced_prefix of 9 tokens: with keep_tokens an eighth of the context of 64 at most");
}

TEST(EngineReply, ThinkingEndsWhenItsBudgetIsUsedUpAndTheAnswerFollows) {
  const TinyModelFile file;
  Engine engine = open(file);
  Request request = request_of({1, 2, 3}, 60);
  request.logprobs = 0;
  const std::vector<Token> free = tokens_of(told(engine, request).tokens);
  request.thinking = ThinkingMarkers{.open = "<t>", .close = "</t>", .has_begun = true};
  for (const int budget : {0, 1, 5, 20}) {
    request.thinking_budget = budget;
    request.forced_prefix.clear();
    const Told cut = told(engine, request);
    std::vector<Token> expected(free.begin(), free.begin() + budget);
    for (const char c : request.thinking->close) expected.push_back(c);
    const std::vector<Token> tokens = tokens_of(cut.tokens);
    ASSERT_EQ(tokens.size(), 60U);
    EXPECT_EQ(std::vector<Token>(tokens.begin(), tokens.begin() + budget + 4), expected);
    EXPECT_EQ(values_of(cut.tokens), engine.log_probabilities(request.prompt, tokens)->values);
    request.forced_prefix = expected;  // the answer is what follows such a beginning
    EXPECT_EQ(told(engine, request).text, cut.text);
  }
  request.thinking->has_begun = false;
  request.thinking_budget = 2;
  request.forced_prefix = {'<', 't', '>', '.', '<'};  // half of the marker is there
  EXPECT_TRUE(told(engine, request).text.starts_with("<t>.</t>"));
  request.forced_prefix = {'.'};  // an answer is no thought
  EXPECT_EQ(told(engine, request).text.find("</t>"), std::string::npos);
  request.thinking_budget = -1;
  EXPECT_EQ(engine.complete(request).error().message, "thinking_budget: expected 0 to 1073741824, found -1");
  request.thinking->close.clear();
  request.thinking_budget = 1;
  EXPECT_EQ(engine.complete(request).error().message, "thinking: a marker of 0 bytes, expected 1 to 64");
}

TEST(EngineReply, TheAnswerBehindABudgetOfThinkingIsHeldToItsGrammar) {
  const TinyModelFile file;
  Engine engine = open(file);
  Request request = request_of({1, 2, 3}, 2000);
  request.grammar = GrammarSource{GrammarKind::kChoice, R"(["yes", "no"])"};
  request.thinking = ThinkingMarkers{.open = "a", .close = "</t>", .has_begun = true};
  for (const int budget : {0, 9}) {
    request.thinking_budget = budget;
    const Told reply = told(engine, request);
    EXPECT_EQ(reply.reason, FinishReason::kEnd);
    const size_t answer = reply.text.find("</t>") + 4;
    EXPECT_TRUE(reply.text.substr(answer) == "yes" || reply.text.substr(answer) == "no") << reply.text;
    EXPECT_LE(reply.usage.completion_tokens, budget + 4 + 3);
  }
}

TEST(EngineReply, AReplyThatGoesInCirclesEndsWhereThatIsAskedFor) {
  const TinyModelFile file;
  Engine engine = open(file);
  Request request = request_of({1, 2, 3}, 60);
  request.forced_prefix = {'a', 'b', 'c', 'd', 'b', 'c', 'd', 'b', 'c', 'd', 'x'};
  request.repetition_detection = RepetitionDetection{.max_pattern_size = 3, .min_count = 3};
  const Told reply = told(engine, request);
  EXPECT_EQ(reply.reason, FinishReason::kRepetition);
  EXPECT_EQ(reply.text, "abcdbcdbcd");
  request.repetition_detection->max_pattern_size = 2;
  EXPECT_EQ(told(engine, request).reason, FinishReason::kLength);
  request.repetition_detection->min_pattern_size = 3;
  EXPECT_EQ(engine.complete(request).error().message, "repetition_detection.min_pattern_size: 3 is outside 1 to 2");
  request.repetition_detection = RepetitionDetection{.min_count = 1};
  EXPECT_EQ(engine.complete(request).error().message, "repetition_detection.min_count: 1 is outside 2 to 1024");
}

TEST(EngineReply, AReplyEndsInTimeWithWhatCameUntilThen) {
  const TinyModelFile file;
  Engine engine = open(file, {.context_tokens = 1024});
  const std::string whole = engine.complete(request_of({1}, 1000))->text;
  Request request = request_of({1}, 1000);
  request.timeout_ms = 5;
  const auto reply = engine.complete(request);
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->reason, FinishReason::kTimeout);
  EXPECT_LT(reply->usage.completion_tokens, 1000);
  const std::string kept = reply->text.substr(0, reply->text.find_last_not_of("\xEF\xBF\xBD") + 1);  // half a character is shown as U+FFFD
  EXPECT_TRUE(whole.starts_with(kept));
  Listener listener;  // also while its reader pauses and nothing else happens
  request.timeout_ms = 20;
  ASSERT_TRUE(engine.submit(request, listener.sink(SinkAnswer::kPause)));
  EXPECT_EQ(listener.wait(), FinishReason::kTimeout);
  request.timeout_ms = -1;
  EXPECT_EQ(engine.complete(request).error().code, Code::kInvalid);
}

TEST(EngineReply, AFullContextLetsTheOldestGoWhereItMayAndSaysHowMany) {
  const TinyModelFile file;
  Engine engine = open(file, {.context_tokens = 64});
  std::vector<Token> prompt;
  for (int i = 0; i < 100; ++i) prompt.push_back(i);
  EXPECT_EQ(engine.complete(request_of(prompt, 10)).error().code, Code::kTooLong);
  Request request = request_of(prompt, 5);
  request.keep_tokens = 4;
  const auto reply = engine.complete(request);
  ASSERT_TRUE(reply) << reply.error().message;
  EXPECT_EQ(reply->usage.dropped_tokens, 100 - 48);
  // The same as asking with what remains: its first 4 and latest 44.
  std::vector<Token> remains(prompt.begin(), prompt.begin() + 4);
  remains.insert(remains.end(), prompt.end() - 44, prompt.end());
  Request greedy = request_of(prompt, 5), of_remains = request_of(remains, 5);
  greedy.sampling.temperature = of_remains.sampling.temperature = 0;
  greedy.keep_tokens = 4;
  EXPECT_EQ(engine.complete(greedy)->text, engine.complete(of_remains)->text);
  // And the reply goes on as long as it likes.
  request = request_of({1, 2, 3}, 200);
  request.keep_tokens = 3;
  const auto longer = engine.complete(request);
  ASSERT_TRUE(longer);
  EXPECT_EQ(longer->usage.completion_tokens, 200);
  EXPECT_EQ(longer->usage.dropped_tokens % 32, 0);
  EXPECT_GT(longer->usage.dropped_tokens, 100);
  request.keep_tokens = -1;
  EXPECT_EQ(engine.complete(request).error().message, "keep_tokens: expected 0 to 1073741824, found -1");
}

TEST(EngineReply, ChoicesAreTheRepliesOfTheSeedsAndReadThePromptOnce) {
  const TinyModelFile file;
  Engine engine = open(file, {.context_tokens = 256});
  std::vector<Token> prompt;
  for (int i = 0; i < 100; ++i) prompt.push_back(i);
  std::vector<std::string> alone;
  for (const uint64_t seed : {7U, 8U, 9U})
    alone.push_back(open(file, {.context_tokens = 256}).complete(request_of(prompt, 20, seed))->text);
  Request request = request_of(prompt, 20, 7);
  request.choices = 3;
  const auto replies = engine.complete_all(request);
  ASSERT_TRUE(replies) << replies.error().message;
  ASSERT_EQ(replies->size(), 3U);
  for (size_t i = 0; i < 3; ++i) EXPECT_EQ((*replies)[i].text, alone[i]) << i;
  EXPECT_EQ((*replies)[0].usage.cached_tokens, 0);
  EXPECT_EQ((*replies)[1].usage.cached_tokens, 96);  // whole pages
  EXPECT_EQ((*replies)[2].usage.cached_tokens, 96);
  EXPECT_EQ(engine.complete(request).error().message, "choices: 3 where one is expected");
  request.choices = 9;
  EXPECT_EQ(engine.complete_all(request).error().message, "choices: expected 1 to 8, found 9");
}

TEST(EngineReply, CancellingARequestEndsAllItsChoices) {
  const TinyModelFile file;
  Engine engine = open(file, {.context_tokens = 1024});
  Request request = request_of({1}, 1000);
  request.choices = 3;
  std::atomic<int> cancelled = 0;
  std::promise<void> began, over;
  const auto id = engine.submit(request, [&, has_begun = std::make_shared<std::atomic<bool>>(false)](const Event& event) {
    if (!has_begun->exchange(true)) began.set_value();
    if (event.finished == FinishReason::kCancelled && ++cancelled == 3) over.set_value();
    return SinkAnswer::kMore;
  });
  ASSERT_TRUE(id);
  began.get_future().wait();
  engine.cancel(*id);
  over.get_future().wait();
}

TEST(EngineReply, ALogitThatIsNotFiniteEndsTheRequestHoweverItSamples) {
  // Row 200 of the head is so large that its products leave float32; the other logits are 0.
  const TinyModelFile file({.change_tensors = [](auto& tensors) {
    std::string head(TinyModel::kVocabulary * 64 * 4, '\0');
    const float much = 3e38F;
    for (size_t i = 200 * 64; i < 201 * 64; ++i) std::memcpy(head.data() + i * 4, &much, 4);
    tensors.push_back({"output.weight", {TinyModel::kVocabulary, 64}, head, true});
  }});
  Engine engine = open(file);
  for (const SamplingOptions& sampling :
       {SamplingOptions{.temperature = 0}, SamplingOptions{}, SamplingOptions{.top_k = 0}, SamplingOptions{.presence_penalty = 1}}) {
    const auto reply = engine.complete({.prompt = {1, 2}, .max_tokens = 5, .sampling = sampling});
    ASSERT_FALSE(reply);
    EXPECT_EQ(reply.error().code, Code::kNumeric);
    EXPECT_EQ(reply.error().message, "token 2: the logit of token id 200 is not finite");
  }
  EXPECT_EQ(engine.log_probabilities({1}, {2, 3}).error().message, "token 1: the logit of token id 200 is not finite");
}

}  // namespace
}  // namespace halfbyte
