#include "backends/engine_backend.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <numeric>
#include <thread>

#include "backends/scripted_model.h"
#include "formats/gguf_bytes.h"
#include "models/tiny_adapter.h"
#include "models/tiny_model.h"

namespace halfbyte {
namespace {

// A model that would talk for ever: the end token's logit is far below all others.
TinyModel endless() {
  return {.change_tensors = [](auto& tensors) {
    auto head = *std::ranges::find(tensors, "token_embd.weight", &TinyModel::TensorBytes::name);
    head.name = "output.weight";
    tensors.push_back(head);
    std::string bias(TinyModel::kVocabulary * 4, '\0');
    const float little = -1000;
    std::memcpy(bias.data() + TinyModel::kEndToken * 4, &little, 4);
    tensors.push_back({"output.bias", {TinyModel::kVocabulary}, bias, false});
  }};
}

std::unique_ptr<EngineBackend> open(const TinyModelFile& file, EngineBackendOptions options = {}) {
  options.engine.threads = 2;
  auto backend = EngineBackend::open(file.path().string(), options);
  EXPECT_TRUE(backend) << backend.error().message;
  return std::move(*backend);
}

TEST(EngineBackend, ACompletionIsContinuedAsItStandsAndSaysSo) {
  const TinyModelFile file(endless());
  const auto backend = open(file);
  const auto result = backend->complete("Hello", {.max_new_tokens = 5});
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->prompt, "Hello");
  EXPECT_EQ(result->prompt_tokens, 5);
  EXPECT_EQ(result->completion_tokens, 5);
  EXPECT_GT(result->latency_ms, 0);
  EXPECT_EQ(result->backend, backend->info());
  EXPECT_EQ(result->metadata.at("template"), "none");
  EXPECT_EQ(result->metadata.at("finish_reason"), "length");
  EXPECT_EQ(result->metadata.at("sampling"), R"({"max_new_tokens":5,"temperature":null,"top_k":null,"top_p":null,"seed":0})");
}

TEST(EngineBackend, AResultTellsWhereItsTimeWent) {
  const TinyModelFile file(endless());
  const auto result = open(file)->complete("Hello", {.max_new_tokens = 20});
  ASSERT_TRUE(result) << result.error().message;
  const auto ms = [&](const char* name) { return std::stod(result->metadata.at(name)); };
  EXPECT_GT(ms("inter_token_ms"), 0);
  EXPECT_LE(ms("inter_token_ms"), ms("generation_ms"));
  EXPECT_LE(ms("queued_ms") + ms("prompt_ms") + ms("generation_ms"), result->latency_ms);
}

TEST(EngineBackend, PiecesMakeUpTheCompletion) {
  const TinyModelFile file(endless());
  const auto backend = open(file);
  std::string pieces;
  const auto streamed = backend->stream("Hello", {.max_new_tokens = 50}, [&](std::string_view piece) {
    pieces += piece;
    return true;
  });
  ASSERT_TRUE(streamed) << streamed.error().message;
  EXPECT_EQ(pieces, streamed->completion);
  EXPECT_EQ(streamed->completion, backend->complete("Hello", {.max_new_tokens = 50})->completion);
}

constexpr const char* kHermes =
    "{% for tool in tools or [] %}{{ tool|tojson }}{% endfor %}{% for m in messages %}<{{ m.role }}>{{ m.content }}"
    "{% for c in m.tool_calls or [] %}{{ c.id }}{% endfor %}{% endfor %}{# <tool_call> #}<assistant>";
const std::vector<Tool> kTools = {{.name = "look", .description = "", .parameters = R"({"type": "object"})"}};
const std::vector<Message> kQuestion = {{.role = "user", .content = "Well?"}};
const CompletionOptions kGreedy{.max_new_tokens = 100, .sampling = {.temperature = 0}};

TEST(EngineBackend, ThePromptIsAUsersTurnWhenTheTemplateIsWanted) {
  const TinyModelFile file(scripted_model({"Yes", "."}, kHermes));
  const auto result = open(file, {.use_template = true})->complete("Hi", kGreedy);
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->completion, "Yes.");
  EXPECT_EQ(result->prompt, "Hi");
  EXPECT_EQ(result->prompt_tokens, static_cast<int>(std::strlen("<user>Hi<assistant>")));
  EXPECT_EQ(result->metadata.at("template"), "model's");
  EXPECT_EQ(result->metadata.at("finish_reason"), "end");
}

TEST(EngineBackend, AControlTokenThatAUserTypesIsText) {
  const TinyModelFile file(scripted_model({"Yes", "."}, "{{ messages[0].content }}<|end|>"));
  const auto tokens = [&](bool parse_special, const std::string& typed) {
    const auto result = open(file, {.use_template = true, .parse_special = parse_special})
                            ->complete(typed, {.max_new_tokens = 1, .sampling = {.temperature = 0}});
    return result ? *result->prompt_tokens : -1;
  };
  EXPECT_EQ(tokens(false, "a<|end|>b"), 9 + 1);  // its characters, and the template's own
  EXPECT_EQ(tokens(true, "a<|end|>b"), 3 + 1);
  EXPECT_EQ(tokens(false, "ab"), tokens(true, "ab"));
}

// An Ollama store with one model, `thing`, which brings a system text and parameters; found by environment.
class StoredModel {
 public:
  StoredModel(const TinyModelFile& file, const std::string& system, const std::string& parameters) {
    const char* before = std::getenv("OLLAMA_MODELS");
    if (before != nullptr) before_ = before;
    std::filesystem::create_directories(root_ / "blobs");
    std::filesystem::copy_file(file.path(), blob('a'));
    std::ofstream(blob('b')) << system;
    std::ofstream(blob('c')) << parameters;
    const auto layer = [](const char* kind, char digit) {
      return fmt::format(R"({{"mediaType": "application/vnd.ollama.image.{}", "digest": "sha256:{}"}})", kind, std::string(64, digit));
    };
    const auto folder = root_ / "manifests/registry.ollama.ai/library/thing";
    std::filesystem::create_directories(folder);
    std::ofstream(folder / "latest") << fmt::format(R"({{"layers": [{}, {}, {}, {}]}})", layer("model", 'a'), layer("system", 'b'),
                                                    layer("params", 'c'), layer("projector", 'd'));
    ::setenv("OLLAMA_MODELS", root_.c_str(), 1);
  }
  ~StoredModel() {
    before_.empty() ? ::unsetenv("OLLAMA_MODELS") : ::setenv("OLLAMA_MODELS", before_.c_str(), 1);
    std::filesystem::remove_all(root_);
  }

 private:
  std::filesystem::path blob(char digit) const { return root_ / "blobs" / ("sha256-" + std::string(64, digit)); }

  std::filesystem::path root_ = testing::TempDir() + "stored_model_" + std::to_string(::getpid());
  std::string before_;
};

TEST(EngineBackend, WhatCameWithAModelStandsWhereNothingElseIsSaid) {
  const TinyModelFile file(scripted_model({"Yes", ".", "No"}, "{% for m in messages %}<{{ m.content }}>{% endfor %}"));
  const StoredModel stored(file, "Be brief.", R"({"temperature": 0, "top_k": 7, "stop": ["."], "num_ctx": 64})");
  const auto backend = EngineBackend::open("thing", {.engine = {.threads = 2}});
  ASSERT_TRUE(backend) << backend.error().message;
  EXPECT_EQ((*backend)->info().extra.at("context_tokens"), "64");
  EXPECT_EQ((*backend)->info().extra.at("not_taken"), "a projector for images: the model answers text only");
  const auto plain = (*backend)->chat(kQuestion, {}, {.max_new_tokens = 10});
  ASSERT_TRUE(plain) << plain.error().message;
  EXPECT_EQ(plain->content, "Yes");
  EXPECT_EQ(plain->prompt_tokens, static_cast<int>(std::strlen("<Be brief.><Well?>")));
  EXPECT_NE(plain->metadata.at("sampling").find(R"("top_k":7)"), std::string::npos) << plain->metadata.at("sampling");
  const auto said = (*backend)->chat(std::vector<Message>{{.role = "system", .content = "S"}, kQuestion[0]}, {},
                                     {.max_new_tokens = 10, .sampling = {.top_k = 3}, .stop = {"No"}});
  ASSERT_TRUE(said) << said.error().message;
  EXPECT_EQ(said->content, "Yes.");
  EXPECT_EQ(said->prompt_tokens, static_cast<int>(std::strlen("<S><Well?>")));
  EXPECT_NE(said->metadata.at("sampling").find(R"("top_k":3)"), std::string::npos) << said->metadata.at("sampling");
}

TEST(EngineBackend, AReplysTokensAreToldWithTheirLogProbabilities) {
  const TinyModelFile file(endless());
  const auto result = open(file)->complete("Hello", {.max_new_tokens = 5, .logprobs = 2});
  ASSERT_TRUE(result) << result.error().message;
  ASSERT_EQ(result->tokens.size(), 5U);
  for (const ScoredToken& token : result->tokens) {
    EXPECT_EQ(token.text.size(), 1U);  // a token of this model is a byte
    EXPECT_TRUE(token.id);
    EXPECT_LE(token.log_probability, token.likeliest.front().log_probability);
    EXPECT_EQ(token.likeliest.size(), 2U);
  }
}

TEST(EngineBackend, SeveralChoicesAreThoseThatTheSeedsGiveAlone) {
  const TinyModelFile file(endless());
  const auto backend = open(file);
  const auto result = backend->complete("Hello", {.max_new_tokens = 20, .sampling = {.seed = 4}, .choices = 3});
  ASSERT_TRUE(result) << result.error().message;
  ASSERT_EQ(result->choices.size(), 3U);
  for (uint64_t i = 0; i < 3; ++i) {
    const auto alone = backend->complete("Hello", {.max_new_tokens = 20, .sampling = {.seed = 4 + i}});
    EXPECT_EQ(result->choices[i].text, alone->completion);
    EXPECT_TRUE(alone->choices.empty());
  }
  EXPECT_EQ(result->completion, result->choices[0].text);
  EXPECT_EQ(result->completion_tokens, 60);
  EXPECT_EQ(backend->complete("Hello", {.choices = 9}).error().message, "choices: expected 1 to 8, found 9");
}

TEST(EngineBackend, AReplyBeginsAsItIsForcedToAndEndsWithATokenThatIsNamed) {
  const TinyModelFile file(endless());
  const auto backend = open(file);
  const auto forced = backend->complete("Hello", {.max_new_tokens = 5, .forced_prefix = "ab"});
  ASSERT_TRUE(forced) << forced.error().message;
  EXPECT_TRUE(forced->completion.starts_with("ab"));
  const auto ended = backend->complete("Hello", {.max_new_tokens = 5, .forced_prefix = "ab", .stop_tokens = {'c'}});
  EXPECT_TRUE(ended) << ended.error().message;
  const auto beams = backend->complete("Hello", {.max_new_tokens = 5, .choices = 2, .beam_search = BeamSearch{.width = 2}});
  ASSERT_TRUE(beams) << beams.error().message;
  EXPECT_EQ(beams->choices.size(), 2U);
  EXPECT_EQ(backend->complete("Hello", {.beam_search = BeamSearch{.width = 17}}).error().message,
            "beam_search.width: 17 is outside 1 to 16");
}

TEST(EngineBackend, EachCallHasTheAdaptersThatItAsksFor) {
  const TinyModel model = endless();
  const TinyModelFile file(model);
  const TinyAdapterFile adapter(model, {});
  const auto backend = open(file, {.engine = {.adapters = {{"tone", adapter.path()}}}});
  const auto first_of = [](const auto& result) {
    EXPECT_TRUE(result) << result.error().message;
    return result->tokens.front().log_probability;
  };
  const auto asked = [](std::vector<AdapterUse> adapters) {
    CompletionOptions options{.max_new_tokens = 4, .logprobs = 0};
    options.adapters = std::move(adapters);
    return options;
  };
  const CompletionOptions plain = asked({}), none = asked({{"tone", 0}}), half = asked({{"tone", 0.5F}}), whole = asked({{"tone"}});
  const TextSink sink = [](std::string_view) { return true; };
  for (const auto& ask : std::vector<std::function<double(const CompletionOptions&)>>{
           [&](const auto& o) { return first_of(backend->complete("Hello", o)); },
           [&](const auto& o) { return first_of(backend->stream("Hello", o, sink)); },
           [&](const auto& o) { return first_of(backend->chat(kQuestion, {}, o)); }}) {
    EXPECT_EQ(ask(none), ask(plain));
    EXPECT_NE(ask(half), ask(plain));
    EXPECT_NE(ask(half), ask(whole));
  }
  const std::vector<std::string> texts = {"Hello"};
  EXPECT_EQ(*backend->embed(texts, {}, none.adapters), *backend->embed(texts));
  EXPECT_NE(*backend->embed(texts, {}, whole.adapters), *backend->embed(texts));
  const std::string refusal = "adapters: no 'tune'; this engine has tone";
  EXPECT_EQ(backend->complete("Hello", asked({{"tune"}})).error().message, refusal);
  EXPECT_EQ(backend->embed(texts, {}, {{"tune"}}).error().message, refusal);
}

TEST(EngineBackend, EveryChoiceOfAChatIsToldApart) {
  const TinyModelFile file(scripted_model({"<tool_call>", R"({"name": "look", "arguments": {}})", "</tool_call>"}, kHermes));
  CompletionOptions options = kGreedy;
  options.choices = 2;
  const auto result = open(file)->chat(kQuestion, kTools, options);
  ASSERT_TRUE(result) << result.error().message;
  ASSERT_EQ(result->choices.size(), 2U);
  for (const ReplyChoice& choice : result->choices) {
    EXPECT_EQ(choice.tool_calls, result->tool_calls);
    EXPECT_EQ(choice.text, "");
    EXPECT_EQ(choice.finish_reason, "end");
  }
  EXPECT_EQ(result->tool_calls.size(), 1U);
}

TEST(EngineBackend, WhatALongPromptLetsGoIsTold) {
  const TinyModelFile file(endless());
  const auto backend = open(file, {.engine = {.context_tokens = 64}});
  const std::string prompt(100, 'a');
  EXPECT_EQ(backend->complete(prompt).error().code, Code::kTooLong);
  const auto result = backend->complete(prompt, {.max_new_tokens = 4, .keep_tokens = 8});
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->metadata.at("dropped_tokens"), "52");  // a quarter of the context is left
}

TEST(EngineBackend, TheOldestTurnsOfAChatGoWhereThatIsAskedFor) {
  const TinyModelFile file(scripted_model({"Yes", "."}, kHermes));
  const auto backend = open(file, {.engine = {.context_tokens = 128}});
  const std::string words(30, 'a');
  const std::vector<Message> messages = {{.role = "system", .content = "S"},
                                         {.role = "user", .content = words},
                                         {.role = "assistant", .content = "", .tool_calls = {{"look", "{}", "1"}}},
                                         {.role = "tool", .content = words, .call_id = "1"},
                                         {.role = "assistant", .content = words},
                                         {.role = "user", .content = "Well?"}};
  CompletionOptions options = kGreedy;
  EXPECT_EQ(backend->chat(messages, {}, options).error().code, Code::kTooLong);
  options.overflow = Overflow::kDropTurns;
  const auto result = backend->chat(messages, {}, options);
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->metadata.at("dropped_turns"), "4");
  EXPECT_EQ(result->prompt_tokens, static_cast<int>(std::strlen("<system>S<user>Well?<assistant>")));
  EXPECT_EQ(result->messages.size(), messages.size());
  EXPECT_FALSE(backend->chat(kQuestion, {}, options)->metadata.contains("dropped_turns"));
}

TEST(EngineBackend, TextsBecomeVectorsOfLengthOne) {
  const TinyModelFile file(endless());
  const auto backend = open(file);
  const std::vector<std::string> texts = {"Hello", "there"};
  const auto vectors = backend->embed(texts);
  ASSERT_TRUE(vectors) << vectors.error().message;
  ASSERT_EQ(vectors->size(), 2U);
  for (const auto& vector : *vectors) EXPECT_NEAR(std::inner_product(vector.begin(), vector.end(), vector.begin(), 0.0), 1, 1e-5);
  EXPECT_EQ(backend->embed(texts, Pooling::kMean)->at(1), vectors->at(1));
  EXPECT_NE(backend->embed(texts, Pooling::kLast)->at(0), vectors->at(0));
  EXPECT_EQ(backend->embed(std::vector<std::string>{""}).error().message, "texts[0]: expected text, found an empty string");
}

TEST(EngineBackend, ACallSaysWhetherTheModelThinks) {
  const TinyModelFile file(scripted_model({"Yes", "."}, "{{ 'aaaa' if enable_thinking else 'b' }}"));
  const auto backend = open(file, {.use_template = true, .enable_thinking = true});
  EXPECT_EQ(backend->complete("Hi", kGreedy)->prompt_tokens, 4);
  CompletionOptions options = kGreedy;
  options.thinking = false;
  EXPECT_EQ(backend->complete("Hi", options)->prompt_tokens, 1);
}

TEST(EngineBackend, ToolsAreGivenByTheTemplateForThem) {
  TinyModel model = scripted_model({"Yes", "."}, "four");
  model.change_entries = [change = model.change_entries](auto& entries) {
    change(entries);
    entries.emplace_back("tokenizer.chat_template.tool_use", gguf_bytes::text_entry("tokenizer.chat_template.tool_use", "of tools"));
  };
  const TinyModelFile file(model);
  const auto backend = open(file);
  EXPECT_TRUE(backend->supports_tools());
  EXPECT_EQ(backend->chat(kQuestion, {}, kGreedy)->prompt_tokens, static_cast<int>(std::strlen("four")));
  EXPECT_EQ(backend->chat(kQuestion, kTools, kGreedy)->prompt_tokens, static_cast<int>(std::strlen("of tools")));
}

TEST(EngineBackend, AChatTellsThinkingContentAndToolCallsApart) {
  const TinyModelFile file(scripted_model({"<thi", "nk>", "hm", "</think>", "\n\n", "I look", ".\n<tool", "_call>", R"({"name": "look", )",
                                           R"("arguments": {"at": 1}})", "</tool_call>"},
                                          kHermes));
  const auto backend = open(file);
  ASSERT_TRUE(backend->supports_tools());
  const auto result = backend->chat(kQuestion, kTools, kGreedy);
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->content, "I look.");
  EXPECT_EQ(result->thinking, "hm");
  EXPECT_EQ(result->tool_calls, (std::vector<ToolCall>{{"look", R"({"at":1})", "call00001"}}));
  EXPECT_EQ(result->messages.size(), 1U);
  EXPECT_EQ(result->completion_tokens, 12);  // and the end
  EXPECT_EQ(result->metadata.at("template"), "model's");
}

TEST(EngineBackend, TheNextTurnsCallsGetNewIds) {
  const TinyModelFile file(scripted_model({R"({"name": "look"})"}, kHermes));
  const std::vector<Message> turns = {
      kQuestion[0],
      {.role = "assistant", .tool_calls = {{"look", "{}", "call00001"}}},
      {.role = "tool", .content = "nothing", .tool_name = "look", .call_id = "call00001"},
  };
  const auto result = open(file)->chat(turns, kTools, kGreedy);
  ASSERT_TRUE(result) << result.error().message;
  ASSERT_EQ(result->tool_calls.size(), 1U);
  EXPECT_EQ(result->tool_calls[0].call_id, "call00002");
}

TEST(EngineBackend, MarkersThatAreControlTokensAreSeen) {
  const TinyModelFile file(scripted_model({"[TOOL_CALLS]", R"([{"name": "look", )", R"("arguments": {}}])"},
                                          "{{ tools }}[TOOL_CALLS] {{ messages[0].content }}"));
  const auto backend = open(file);
  const auto result = backend->chat(kQuestion, kTools, kGreedy);
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->content, "");
  EXPECT_EQ(result->tool_calls.size(), 1U);
  EXPECT_EQ(backend->chat(kQuestion, {}, kGreedy)->content, R"([{"name": "look", "arguments": {}}])");
}

TEST(EngineBackend, AStreamedChatGivesItsContentInPieces) {
  const TinyModelFile file(scripted_model({"<think>", "hm", "</think>", "\n", "One", " two"}, kHermes));
  std::vector<std::string> pieces;
  const auto result = open(file)->stream_chat(kQuestion, kGreedy, [&](std::string_view piece) {
    pieces.emplace_back(piece);
    return true;
  });
  ASSERT_TRUE(result) << result.error().message;
  std::string whole;
  for (const std::string& piece : pieces) whole += piece;
  EXPECT_EQ(whole, "One two");
  EXPECT_EQ(result->content, "One two");
  EXPECT_EQ(result->thinking, "hm");
}

TEST(EngineBackend, WithoutATemplateAChatIsATranscript) {
  const TinyModelFile file(scripted_model({" Fine", ".", "\nUs", "er: and", " you?"}, ""));
  const auto backend = open(file);
  EXPECT_FALSE(backend->supports_tools());
  const auto result = backend->chat(kQuestion, {}, kGreedy);
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->content, "Fine.");
  EXPECT_EQ(result->prompt_tokens, static_cast<int>(std::strlen("User: Well?\nAssistant:")));
  EXPECT_EQ(result->metadata.at("chat_format"), "transcript");
  EXPECT_EQ(result->metadata.at("finish_reason"), "stop");
  const auto refused = backend->chat(kQuestion, kTools, kGreedy);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kUnsupported);
}

TEST(EngineBackend, ABrokenTemplateSpoilsOnlyWhatNeedsIt) {
  const TinyModelFile file(scripted_model({"Yes"}, "{% if"));
  const auto backend = open(file);
  EXPECT_EQ(backend->complete("Hi", kGreedy)->completion, "Yes");
  EXPECT_EQ(backend->chat(kQuestion, {}, kGreedy).error().code, Code::kCorrupt);
  EXPECT_EQ(EngineBackend::open(file.path().string(), {.use_template = true}).error().code, Code::kCorrupt);
}

TEST(EngineBackend, TheSameCallGivesTheSameBytesUntilASeedIsGiven) {
  const TinyModelFile file(endless());
  const auto backend = open(file);
  const auto with_seed = [&](std::optional<uint64_t> seed) {
    return backend->complete("Hi", {.max_new_tokens = 40, .sampling = {.seed = seed}})->completion;
  };
  EXPECT_EQ(with_seed({}), with_seed({}));
  EXPECT_EQ(with_seed({}), with_seed(0));
  EXPECT_EQ(with_seed(5), with_seed(5));
  EXPECT_NE(with_seed(5), with_seed({}));
}

TEST(EngineBackend, ASinkThatRefusesEndsTheReplyThere) {
  const TinyModelFile file(endless());
  const auto backend = open(file, {.engine = {.context_tokens = 1024}});
  std::string pieces;
  const auto result = backend->stream("Hi", {.max_new_tokens = 1000}, [&](std::string_view piece) {
    pieces += piece;
    return pieces.size() < 10;
  });
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->completion, pieces);
  EXPECT_LT(*result->completion_tokens, 1000);
  EXPECT_EQ(result->metadata.at("finish_reason"), "cancelled");
}

TEST(EngineBackend, AStopRequestEndsAStreamAndFailsAWholeCall) {
  const TinyModelFile file(endless());
  const auto backend = open(file, {.engine = {.context_tokens = 1024}});
  std::stop_source source;
  const auto streamed = backend->stream("Hi", {.max_new_tokens = 1000, .cancel = source.get_token()}, [&](std::string_view) {
    source.request_stop();
    return true;
  });
  ASSERT_TRUE(streamed) << streamed.error().message;
  EXPECT_LT(*streamed->completion_tokens, 1000);
  const auto whole = backend->complete("Hi", {.max_new_tokens = 1000, .cancel = source.get_token()});
  ASSERT_FALSE(whole);
  EXPECT_EQ(whole.error().code, Code::kIo);
}

TEST(EngineBackend, TextEndsBeforeAStopString) {
  const TinyModelFile file(scripted_model({"One", " t", "wo", " three"}, ""));
  const auto result = open(file)->complete("Hi", {.sampling = {.temperature = 0}, .stop = {"two"}});
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->completion, "One ");
  EXPECT_EQ(result->metadata.at("finish_reason"), "stop");
}

TEST(EngineBackend, ManyThreadsMayUseOne) {
  const TinyModelFile file(endless());
  const auto backend = open(file, {.engine = {.context_tokens = 128, .cache_tokens = 1024}});
  const auto answer = [&](size_t i) {
    return backend->complete(std::string(i + 1, 'a'), {.max_new_tokens = 30, .sampling = {.seed = i}})->completion;
  };
  std::vector<std::string> alone, together(6);
  for (size_t i = 0; i < together.size(); ++i) alone.push_back(answer(i));
  {
    std::vector<std::jthread> threads;
    for (size_t i = 0; i < together.size(); ++i) threads.emplace_back([&, i] { together[i] = answer(i); });
  }
  EXPECT_EQ(together, alone);
}

TEST(EngineBackend, AStreamOutlivesItsBackend) {
  const TinyModelFile file(scripted_model({"One", " two"}, ""));
  auto backend = open(file);
  const auto stream = backend->start("Hi", kGreedy);
  ASSERT_TRUE(stream) << stream.error().message;
  backend.reset();
  EXPECT_EQ((*stream)->result()->completion, "One two");
}

TEST(EngineBackend, NothingIsReadOfAChatAfterACancel) {
  const TinyModelFile file(endless());
  const auto backend = open(file, {.engine = {.context_tokens = 1024}});
  const auto stream = backend->start_chat(kQuestion, {}, {.max_new_tokens = 1000});
  ASSERT_TRUE(stream) << stream.error().message;
  EXPECT_EQ((*stream)->next().kind, StreamStep::Kind::kText);
  (*stream)->cancel();
  EXPECT_EQ((*stream)->next().kind, StreamStep::Kind::kFinished);
  EXPECT_EQ((*stream)->result()->metadata.at("finish_reason"), "cancelled");
}

TEST(EngineBackend, LogLikelihoodSplitsWhereThePromptsTokensEnd) {
  const TinyModelFile file;
  const auto backend = open(file);
  Engine engine = std::move(*Engine::open(file.path(), {.threads = 2}));
  // "ab" is one token; the space goes to the continuation.
  EXPECT_EQ(backend->log_likelihood("x ", "ab")->values,
            engine.log_probabilities(engine.encode("x", false), engine.encode(" ab", false))->values);
  // With "a" as prompt "ab" would swallow the border: then each is encoded alone.
  EXPECT_EQ(backend->log_likelihood("a", "b")->values,
            engine.log_probabilities(engine.encode("a", false), engine.encode("b", false))->values);
  EXPECT_EQ(backend->log_likelihood("", "b").error().code, Code::kInvalid);
  EXPECT_EQ(backend->log_likelihood("a", "").error().code, Code::kInvalid);
}

TEST(EngineBackend, RefusesWhatItCannotAnswerAndNamesTheArgument) {
  const TinyModelFile file(scripted_model({"Yes"}, ""));
  const auto backend = open(file, {.engine = {.context_tokens = 32}});
  const auto refusal = [&](const std::string& prompt, const CompletionOptions& options) {
    return backend->complete(prompt, options).error().message;
  };
  EXPECT_TRUE(refusal("", {}).starts_with("prompt: "));
  EXPECT_TRUE(refusal("a", {.max_new_tokens = 0}).starts_with("max_new_tokens: "));
  EXPECT_TRUE(refusal("a", {.sampling = {.temperature = -1}}).starts_with("temperature: "));
  EXPECT_TRUE(refusal("a", {.sampling = {.top_p = 1.5F}}).starts_with("top_p: "));
  EXPECT_TRUE(refusal("a", {.stop = {""}}).starts_with("stop: "));
  EXPECT_TRUE(backend->chat({}).error().message.starts_with("messages: "));
  EXPECT_EQ(backend->complete(std::string(40, 'a')).error().code, Code::kTooLong);
  EXPECT_EQ(EngineBackend::open("/no/such.gguf").error().code, Code::kNotFound);
  EXPECT_TRUE(EngineBackend::open(file.path().string(), {.name = ""}).error().message.starts_with("name: "));
  EXPECT_EQ(EngineBackend::open(file.path().string(), {.use_template = true}).error().code, Code::kUnsupported);
}

// With the real model, where `make model` has put it.
TEST(EngineBackend, SmolLm2AnswersInItsTemplateAndPrefersWhatIsTrue) {
  const char* folder = std::getenv("HALFBYTE_MODELS");
  if (folder == nullptr || !std::filesystem::exists(std::filesystem::path(folder) / "smollm2-135m.gguf"))
    GTEST_SKIP() << "HALFBYTE_MODELS has no smollm2-135m.gguf";
  const auto backend = EngineBackend::open("smollm2:135m", {.use_template = true});
  ASSERT_TRUE(backend) << backend.error().message;
  EXPECT_EQ((*backend)->info().model_id, "smollm2:135m");
  const auto result = (*backend)->complete("Write one sentence about the sea.", {.max_new_tokens = 60, .sampling = {.temperature = 0}});
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_FALSE(result->completion.empty());
  EXPECT_EQ(result->completion, (*backend)
                                    ->chat(std::vector<Message>{{.role = "user", .content = "Write one sentence about the sea."}}, {},
                                           {.max_new_tokens = 60, .sampling = {.temperature = 0}})
                                    ->content);
  const auto sum = [&](const std::string& continuation) {
    const auto scores = (*backend)->log_likelihood("The capital of France is", continuation);
    EXPECT_TRUE(scores) << scores.error().message;
    return std::accumulate(scores->values.begin(), scores->values.end(), 0.0);
  };
  EXPECT_GT(sum(" Paris"), sum(" bananas"));
}

}  // namespace
}  // namespace halfbyte
