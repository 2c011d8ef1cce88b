#include "backends/openai_backend.h"

#include <gtest/gtest.h>

#include <atomic>
#include <fstream>

#include "http/loopback_server.h"

namespace halfbyte {
namespace {

const std::vector<Message> kHello{{.role = "user", .content = "Hello"}};
constexpr const char* kWhole =
    R"({"model":"tiny-1","choices":[{"index":0,"message":{"role":"assistant","content":"Hi"},"finish_reason":"stop"}],"usage":{"prompt_tokens":4,"completion_tokens":5}})";

LoopbackServer::Answer says(std::string status, std::string body) {
  return [=](LoopbackConnection& c, const AskedRequest&) { c.send_answer(status, body); };
}

LoopbackServer::Answer streams(std::string body, size_t step) {
  return [=](LoopbackConnection& c, const AskedRequest&) {
    c.begin_chunked("text/event-stream");
    for (size_t at = 0; at < body.size(); at += step) c.send_chunk(std::string_view(body).substr(at, step));
    c.send_chunk("");
  };
}

// Notes how long it would have waited, and does not.
struct QuickBackend {
  std::vector<double> waits;
  std::unique_ptr<OpenAIBackend> backend;
  explicit QuickBackend(const LoopbackServer& server, OpenAIOptions::Api api = OpenAIOptions::Api::kChat) {
    auto opened =
        OpenAIBackend::open({.model_id = "tiny", .base_url = server.url() + "/v1", .api_key = "sk-1", .timeout_seconds = 20, .api = api},
                            [this](std::chrono::duration<double> time, const std::stop_token&) { waits.push_back(time.count()); });
    EXPECT_TRUE(opened) << opened.error().message;
    backend = std::move(*opened);
  }
};

TEST(OpenAIBackend, SendsAPromptAsOneUserMessage) {
  LoopbackServer server(says("200 OK", kWhole));
  const QuickBackend openai(server);
  const auto result = openai.backend->complete("p", {.max_new_tokens = 7, .sampling = {.temperature = 0}});
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->completion, "Hi");
  EXPECT_EQ(result->completion_tokens, 5);
  EXPECT_EQ(result->metadata.at("served_model"), "tiny-1");
  EXPECT_EQ(result->metadata.at("api"), "chat");
  EXPECT_EQ(result->metadata.at("tries"), "1");
  const auto asked = server.asked();
  EXPECT_EQ(asked[0].path, "/v1/chat/completions");
  EXPECT_EQ(asked[0].body, R"({"messages":[{"role":"user","content":"p"}],"model":"tiny","max_tokens":7,"temperature":0})");
  EXPECT_NE(asked[0].headers.find("Authorization: Bearer sk-1\r\n"), std::string::npos);
}

TEST(OpenAIBackend, ContinuesAPromptByTheOlderRoute) {
  LoopbackServer server(says("200 OK", R"({"choices":[{"text":" world"}]})"));
  const QuickBackend openai(server, OpenAIOptions::Api::kCompletions);
  const auto result = openai.backend->complete("hello");
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->completion, " world");
  EXPECT_EQ(result->completion_tokens, std::nullopt);
  EXPECT_EQ(server.asked()[0].path, "/v1/completions");
}

TEST(OpenAIBackend, StreamsWholePiecesWhereverTheBytesAreCut) {
  const std::string body = R"(: a comment

data: {"model":"tiny-1","choices":[{"delta":{"role":"assistant"}}]}

data: {"choices":[{"delta":{"content":"Grüß","reasoning":"hm"}}]}

data: {"choices":[{"delta":{"content":" dich 🌍"}}]}

data: {"choices":[{"delta":{},"finish_reason":"stop"}]}

data: {"model":"tiny-1","choices":[],"usage":{"prompt_tokens":4,"completion_tokens":5}}

data: [DONE]

)";
  for (const size_t step : {1u, 3u, 11u, 1000u}) {
    LoopbackServer server(streams(body, step));
    const QuickBackend openai(server);
    std::vector<std::string> pieces;
    const auto result = openai.backend->stream_chat(kHello, {}, [&](std::string_view piece) {
      pieces.emplace_back(piece);
      return true;
    });
    ASSERT_TRUE(result) << result.error().message;
    EXPECT_EQ(pieces, (std::vector<std::string>{"Grüß", " dich 🌍"}));
    EXPECT_EQ(result->content, "Grüß dich 🌍");
    EXPECT_EQ(result->thinking, "hm");
    EXPECT_EQ(result->completion_tokens, 5);
    EXPECT_EQ(result->metadata.at("finish_reason"), "stop");
    EXPECT_NE(server.asked()[0].body.find(R"("stream":true,"stream_options":{"include_usage":true})"), std::string::npos);
  }
}

TEST(OpenAIBackend, AStreamThatEndsTooEarlyOrBreaksIsAnError) {
  LoopbackServer cut(streams("data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\ndata: {\"cho", 7));
  const auto ended = QuickBackend(cut).backend->stream("p", {}, [](std::string_view) { return true; });
  ASSERT_FALSE(ended);
  EXPECT_EQ(ended.error().message, "OpenAI at " + cut.url() + "/v1/chat/completions: the stream ended before the reply was done");

  LoopbackServer failing(streams("data: {\"error\":{\"message\":\"the model fell over\"}}\n\n", 7));
  const auto failed = QuickBackend(failing).backend->stream("p", {}, [](std::string_view) { return true; });
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().message, "OpenAI at " + failing.url() + "/v1/chat/completions: the model fell over");
}

TEST(OpenAIBackend, TriesAgainWhenTheServiceIsBusy) {
  std::atomic<int> requests = 0;
  LoopbackServer server([&](LoopbackConnection& c, const AskedRequest&) {
    if (const int number = requests++; number == 0)
      c.send_answer("429 Too Many Requests", "{}", "Retry-After: 7\r\n");
    else if (number == 1)
      c.send_answer("500 Internal Server Error", "{}");
    else
      c.send_answer("200 OK", kWhole);
  });
  const QuickBackend openai(server);
  const auto result = openai.backend->complete("p");
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->metadata.at("tries"), "3");
  ASSERT_EQ(openai.waits.size(), 2u);
  EXPECT_EQ(openai.waits[0], 7);
  EXPECT_GE(openai.waits[1], 0.8);  // half a second doubled, with a fifth more or less
  EXPECT_LE(openai.waits[1], 1.2);
}

TEST(OpenAIBackend, GivesUpAfterItsTriesAndAtOnceOnWhatWillNotChange) {
  LoopbackServer busy_server(says("429 Too Many Requests", R"({"error":{"message":"slow down"}})"));
  const auto refused = QuickBackend(busy_server).backend->complete("p");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kBusy);
  EXPECT_EQ(refused.error().message,
            "OpenAI at " + busy_server.url() + "/v1/chat/completions: HTTP 429 Too Many Requests after 3 tries: slow down");

  LoopbackServer locked(says("401 Unauthorized", R"({"error":{"message":"bad key"}})"));
  EXPECT_FALSE(QuickBackend(locked).backend->complete("p"));
  EXPECT_EQ(locked.asked().size(), 1u);
}

TEST(OpenAIBackend, ChatsWithToolsWhoseArgumentsAreText) {
  LoopbackServer server(says(
      "200 OK",
      R"({"choices":[{"message":{"content":null,"tool_calls":[{"id":"c1","type":"function","function":{"name":"weather","arguments":"{\"city\": \"Köln\"}"}}]},"finish_reason":"tool_calls"}]})"));
  const std::vector<Tool> tools{{.name = "weather", .parameters = "{}"}};
  const std::vector<Message> messages{
      {.role = "assistant", .tool_calls = {{.name = "weather", .arguments = "{\"a\":1}", .call_id = "c0"}}}};
  const QuickBackend openai(server);
  const auto result = openai.backend->chat(messages, tools);
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->tool_calls, (std::vector<ToolCall>{{.name = "weather", .arguments = "{\"city\":\"Köln\"}", .call_id = "c1"}}));
  EXPECT_NE(server.asked()[0].body.find(R"({"id":"c0","type":"function","function":{"name":"weather","arguments":"{\"a\":1}"}})"),
            std::string::npos);
}

TEST(OpenAIBackend, AKeyThatWouldBreakTheHeaderIsRefusedWithoutBeingShown) {
  LoopbackServer server(says("200 OK", kWhole));
  const auto backend = open_openai({.base_url = server.url(), .api_key = "sk\r\nX: secret"});
  ASSERT_TRUE(backend);
  const auto result = (*backend)->complete("p");
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().message, "the API key (OPENAI_API_KEY) contains characters that no key has");
  EXPECT_TRUE(server.asked().empty());
}

TEST(OpenAIBackend, PutsItsRoutesBetweenPathAndQueryOfTheAddress) {
  LoopbackServer server(says("200 OK", kWhole));
  const auto backend = open_openai({.base_url = server.url() + "/v1/?api-version=1", .api_key = "k"});
  ASSERT_TRUE(backend) << backend.error().message;
  ASSERT_TRUE((*backend)->complete("p"));
  EXPECT_EQ(server.asked()[0].path, "/v1/chat/completions?api-version=1");
  EXPECT_EQ((*backend)->info().extra.at("base_url"), server.url() + "/v1");
}

TEST(OpenAIBackend, AUserInTheAddressIsSentInPlaceOfAKeyThatWasNotGiven) {
  LoopbackServer server(says("200 OK", kWhole));
  const std::string address = "http://joe:s3cret@" + server.url().substr(7);
  ASSERT_EQ(setenv("OPENAI_API_KEY", "from-environment", 1), 0);
  ASSERT_TRUE((*open_openai({.base_url = address, .env_file = ""}))->complete("p"));
  unsetenv("OPENAI_API_KEY");
  EXPECT_NE(server.asked()[0].headers.find("Authorization: Basic am9lOnMzY3JldA==\r\n"), std::string::npos);
  EXPECT_EQ(server.asked()[0].headers.find("Bearer"), std::string::npos);
  const auto both = open_openai({.base_url = address, .api_key = "sk-1"});
  ASSERT_FALSE(both);
  EXPECT_EQ(both.error().message, "api_key: expected none beside the user name in base_url, for a request carries one authorization");
}

TEST(OpenAIBackend, AServiceThatRepeatsTheKeyOrThePasswordIsNotQuoted) {
  struct Case {
    const char *status, *body, *message;
  };
  for (const Case& one :
       {Case{"401 No sk-secret", R"({"error":{"message":"wrong key sk-secret"}})", "/v1/chat/completions: HTTP 401 No ***: wrong key ***"},
        Case{"403 Forbidden", "Bearer sk-secret is no good", "/v1/chat/completions: HTTP 403 Forbidden: Bearer *** is no good"},
        Case{"200 OK", R"({"error":"sk-secret expired"})", "/v1/chat/completions: *** expired"},
        Case{"200 OK", "sk-secret", "/v1/chat/completions: the answer is not JSON: '***'"}}) {
    LoopbackServer server(says(one.status, one.body));
    const auto result = (*open_openai({.base_url = server.url() + "/v1", .api_key = "sk-secret", .max_retries = 0}))->complete("p");
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().message, "OpenAI at " + server.url() + one.message);
  }
  LoopbackServer long_winded(says("200 OK", std::string(195, '.') + "sk-secret"));  // what is shown ends inside the key
  const auto cut = (*open_openai({.base_url = long_winded.url(), .api_key = "sk-secret"}))->complete("p");
  ASSERT_FALSE(cut);
  EXPECT_EQ(cut.error().message.find("sk-s"), std::string::npos) << cut.error().message;
  LoopbackServer server(says("401 Unauthorized", "no user joe with s3cret or am9lOnMzY3JldA=="));
  const auto result = (*open_openai({.base_url = "http://joe:s3cret@" + server.url().substr(7)}))->complete("p");
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().message, "OpenAI at " + server.url() + "/chat/completions: HTTP 401 Unauthorized: no user joe with *** or ***");
}

TEST(OpenAIBackend, TakesTheKeyOfAnEnvFileBeforeThatOfTheEnvironment) {
  LoopbackServer server(says("200 OK", kWhole));
  const auto file = std::filesystem::temp_directory_path() / "halfbyte-openai-backend-test.env";
  std::ofstream(file) << "export OPENAI_API_KEY='from-file' # ours\n";
  ASSERT_EQ(setenv("OPENAI_API_KEY", "from-environment", 1), 0);
  ASSERT_TRUE((*open_openai({.base_url = server.url(), .env_file = file}))->complete("p"));
  std::filesystem::remove(file);
  ASSERT_TRUE((*open_openai({.base_url = server.url(), .env_file = file}))->complete("p"));
  unsetenv("OPENAI_API_KEY");
  ASSERT_TRUE((*open_openai({.base_url = server.url(), .env_file = file}))->complete("p"));
  const auto asked = server.asked();
  EXPECT_NE(asked[0].headers.find("Bearer from-file\r\n"), std::string::npos);
  EXPECT_NE(asked[1].headers.find("Bearer from-environment\r\n"), std::string::npos);
  EXPECT_EQ(asked[2].headers.find("Authorization"), std::string::npos);
}

TEST(OpenAIBackend, AnEnvFileThatCannotBeReadIsNamedAndNothingIsSent) {
  LoopbackServer server(says("200 OK", kWhole));
  const auto file = std::filesystem::temp_directory_path() / "halfbyte-openai-backend-test-utf16.env";
  std::ofstream(file) << std::string_view("O\0P\0=\0", 6);
  ASSERT_EQ(setenv("OPENAI_API_KEY", "from-environment", 1), 0);
  const auto result = (*open_openai({.base_url = server.url(), .env_file = file}))->complete("p");
  std::filesystem::remove(file);
  unsetenv("OPENAI_API_KEY");
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().message, file.string() + ": a zero byte: expected UTF-8, or UTF-16 with a byte order mark");
  EXPECT_TRUE(server.asked().empty());
}

TEST(OpenAIBackend, TheOriginalServiceNeedsAKey) {
  unsetenv("OPENAI_API_KEY");
  const auto result = (*open_openai({.env_file = ""}))->complete("p");
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, Code::kNotFound);
  EXPECT_EQ(result.error().message, "no API key: pass api_key, or set OPENAI_API_KEY in .env or in the environment");
}

}  // namespace
}  // namespace halfbyte
