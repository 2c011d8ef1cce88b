#include <gtest/gtest.h>

#include "halfbyte/backends.h"
#include "halfbyte/benchmark.h"

namespace halfbyte {
namespace {

// A backend of a caller's own: two members, and everything else follows.
class Parrot : public Backend {
 public:
  explicit Parrot(std::string id, bool fails = false) : id_(std::move(id)), fails_(fails) {}
  BackendInfo info() const override { return {.name = "parrot", .model_id = id_}; }
  bool supports_tools() const override { return id_ == "tools"; }
  Result<InferenceResult> complete(const std::string& prompt, const CompletionOptions&) override {
    ++asked;
    if (fails_) return Error{Code::kIo, id_ + " is ill"};
    return InferenceResult{.prompt = prompt,
                           .completion = id_,
                           .prompt_tokens = 2,
                           .completion_tokens = 10,
                           .latency_ms = 100.0 * asked,
                           .backend = info(),
                           .metadata = {{"prompt_ms", "20"}, {"generation_ms", "80"}}};
  }
  int asked = 0;

 private:
  std::string id_;
  bool fails_;
};

std::string answered(Backend& backend, const std::string& prompt) {
  const auto result = backend.complete(prompt);
  return result ? result->completion : result.error().message;
}

TEST(RouterBackend, TakesTheFirstRouteThatAppliesElseTheFallback) {
  const auto pattern = Route::matching("c[ao]t\\b", std::make_shared<Parrot>("cat"));
  ASSERT_TRUE(pattern) << pattern.error().message;
  const auto router = open_router(
      {Route::longer_than(20, std::make_shared<Parrot>("long")), *pattern, Route::shorter_than(3, std::make_shared<Parrot>("short"))},
      std::make_shared<Parrot>("rest"));
  ASSERT_TRUE(router);
  EXPECT_EQ(answered(**router, std::string(21, 'x')), "long");
  EXPECT_EQ(answered(**router, "a cat"), "cat");
  EXPECT_EQ(answered(**router, "hi"), "short");
  EXPECT_EQ(answered(**router, "cats"), "rest");
  EXPECT_EQ((*router)->info().model_id, "long | cat | short | rest");
}

TEST(RouterBackend, SaysWhoAnsweredAndWhoFailedBefore) {
  const auto router = open_router({Route::longer_than(0, std::make_shared<Parrot>("ill", true))}, std::make_shared<Parrot>("rest"));
  const auto result = (*router)->complete("hello");
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->backend.name, "router");
  EXPECT_EQ(result->metadata.at("answered_by"), R"({"name":"parrot","model_id":"rest"})");
  EXPECT_EQ(result->metadata.at("why"), "fallback");
  EXPECT_EQ(result->metadata.at("failures"), R"([{"name":"parrot","model_id":"ill","error":"ill is ill"}])");
}

TEST(RouterBackend, AsksEachBackendOnceAndTellsHowAllFailed) {
  const auto ill = std::make_shared<Parrot>("ill", true);
  const auto router = open_router({Route::longer_than(0, ill), Route::shorter_than(99, ill)}, std::make_shared<Parrot>("worse", true));
  EXPECT_EQ(answered(**router, "p"), "no backend answered: parrot (ill): ill is ill; parrot (worse): worse is ill");
  EXPECT_EQ(ill->asked, 1);
}

TEST(RouterBackend, GivesToolsOnlyToWhoTakesThem) {
  const std::vector<Message> messages{{.role = "user", .content = "p"}};
  const std::vector<Tool> tools{{.name = "t", .parameters = "{}"}};
  const auto none = open_router({}, std::make_shared<Parrot>("rest"));
  EXPECT_FALSE((*none)->supports_tools());
  EXPECT_EQ((*none)->chat(messages, tools).error().code, Code::kUnsupported);
  const auto some = open_router({Route::needing_tools(std::make_shared<Parrot>("tools"))}, std::make_shared<Parrot>("rest"));
  EXPECT_TRUE((*some)->supports_tools());
  EXPECT_EQ(answered(**some, "p"), "rest");
}

TEST(RouterBackend, FallsBackInAStreamOnlyBeforeTheFirstPiece) {
  class Breaks : public Parrot {
   public:
    Breaks() : Parrot("breaks") {}
    Result<InferenceResult> stream(const std::string&, const CompletionOptions&, const TextSink& sink) override {
      sink("half of it");
      return Error{Code::kIo, "broke"};
    }
  };
  std::string text;
  const TextSink sink = [&](std::string_view piece) { return text += piece, true; };
  const auto early = open_router({Route::longer_than(0, std::make_shared<Parrot>("ill", true))}, std::make_shared<Parrot>("rest"));
  ASSERT_TRUE((*early)->stream("p", {}, sink));
  EXPECT_EQ(text, "rest");
  text.clear();
  const auto late = open_router({Route::longer_than(0, std::make_shared<Breaks>())}, std::make_shared<Parrot>("rest"));
  EXPECT_EQ((*late)->stream("p", {}, sink).error().message, "broke");
  EXPECT_EQ(text, "half of it");
}

TEST(RouterBackend, RefusesRoutesThatLeadNowhere) {
  EXPECT_EQ(open_router({}, nullptr).error().code, Code::kInvalid);
  EXPECT_EQ(open_router({Route::longer_than(1, nullptr)}, std::make_shared<Parrot>("rest")).error().code, Code::kInvalid);
  EXPECT_EQ(Route::matching("(", std::make_shared<Parrot>("x")).error().code, Code::kInvalid);
}

TEST(RouterBackend, APatternThatWouldTakeForEverDoesNotMatch) {
  const auto route = Route::matching("^(a+)+$", std::make_shared<Parrot>("x"));
  ASSERT_TRUE(route);
  EXPECT_FALSE(route->applies({.prompt = std::string(60, 'a') + "!"}));
}

TEST(Benchmark, TellsInterpolatedPercentilesAndTheColdRequestApart) {
  Parrot parrot("p");  // 100, 200, 300, 400 ms
  const std::vector<std::string> prompts(4, "hello");
  const auto figures = benchmark(parrot, prompts, {.metadata = {{"machine", "mine"}, {"note", "x"}}});
  ASSERT_TRUE(figures) << figures.error().message;
  EXPECT_EQ(figures->n, 4u);
  EXPECT_DOUBLE_EQ(figures->latency_ms_mean, 250);
  EXPECT_DOUBLE_EQ(figures->latency_ms_p50, 250);
  EXPECT_DOUBLE_EQ(figures->latency_ms_p90, 370);
  EXPECT_EQ(figures->completion_tokens_total, 40);
  EXPECT_DOUBLE_EQ(*figures->tokens_per_second_overall, 40);
  EXPECT_DOUBLE_EQ(figures->first_request_latency_ms, 100);
  EXPECT_DOUBLE_EQ(*figures->later_requests_latency_ms_mean, 300);
  EXPECT_DOUBLE_EQ(*figures->prompt_tokens_per_second, 100);
  EXPECT_DOUBLE_EQ(*figures->generation_tokens_per_second, 125);
  EXPECT_EQ(figures->clock_disagreements, (std::vector<size_t>{0, 1, 2, 3}));  // the parrot lies about its time
  EXPECT_EQ(figures->metadata.at("machine"), "mine");
  EXPECT_EQ(figures->metadata.at("note"), "x");
  EXPECT_NE(figures->to_markdown().find("| parrot | p | 4 | 250.0 | 250.0 | 370.0 | 100.0 | 40 | 40.00 | 100.00 | 125.00 |"),
            std::string::npos);
  EXPECT_NE(figures->to_json().find(R"("latency_ms_p90":370,"completion_tokens_total":40)"), std::string::npos);
}

TEST(Benchmark, WarmUpRequestsDoNotCount) {
  Parrot parrot("p");
  const std::vector<std::string> prompts{"hello"};
  const auto figures = benchmark(parrot, prompts, {.warmup = 2});
  ASSERT_TRUE(figures);
  EXPECT_EQ(parrot.asked, 3);
  EXPECT_DOUBLE_EQ(figures->first_request_latency_ms, 300);
  EXPECT_EQ(figures->later_requests_latency_ms_mean, std::nullopt);
}

TEST(Benchmark, NoPromptsOrAFailureIsAnError) {
  Parrot parrot("p"), ill("ill", true);
  const std::vector<std::string> prompts{"hello"};
  EXPECT_EQ(benchmark(parrot, {}).error().code, Code::kInvalid);
  EXPECT_EQ(benchmark(parrot, prompts, {.warmup = -1}).error().code, Code::kInvalid);
  EXPECT_EQ(benchmark(ill, prompts).error().message, "ill is ill");
}

}  // namespace
}  // namespace halfbyte
