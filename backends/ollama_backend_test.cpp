#include "backends/ollama_backend.h"

#include <gtest/gtest.h>

#include <thread>

#include "http/loopback_server.h"

namespace halfbyte {
namespace {

const std::string kText = "Grüß dich, Welt 🌍";
constexpr const char* kEnd =
    R"("done":true,"done_reason":"stop","prompt_eval_count":4,"eval_count":5,"total_duration":2000000000,"eval_duration":1500000000})";

LoopbackServer::Answer says(std::string status, std::string body) {
  return [=](LoopbackConnection& c, const AskedRequest&) { c.send_answer(status, body); };
}

// The body in chunks of `step` bytes, wherever they cut.
LoopbackServer::Answer streams(std::string body, size_t step) {
  return [=](LoopbackConnection& c, const AskedRequest&) {
    c.begin_chunked("application/x-ndjson");
    for (size_t at = 0; at < body.size(); at += step) c.send_chunk(std::string_view(body).substr(at, step));
    c.send_chunk("");
  };
}

std::unique_ptr<Backend> backend_at(const std::string& url, double timeout_seconds = 20) {
  auto backend = open_ollama({.model_id = "tiny", .base_url = url + "/", .timeout_seconds = timeout_seconds});
  EXPECT_TRUE(backend) << backend.error().message;
  return std::move(*backend);
}

TEST(OllamaBackend, AsksAsTheApiWantsItAndTellsWhatItSaid) {
  LoopbackServer server(says("200 OK", std::string(R"({"response":"Grüß dich, Welt 🌍",)") + kEnd));
  const auto backend = backend_at(server.url());
  const auto result = backend->complete("Hi \"you\"", {.max_new_tokens = 7, .sampling = {.temperature = 0.7F, .top_k = 3}, .stop = {"x"}});
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->completion, kText);
  EXPECT_EQ(result->prompt_tokens, 4);
  EXPECT_EQ(result->completion_tokens, 5);
  EXPECT_GT(result->latency_ms, 0);
  EXPECT_EQ(result->metadata.at("server_eval_duration_ms"), "1500");
  EXPECT_EQ(result->metadata.at("finish_reason"), "stop");
  EXPECT_EQ(result->metadata.at("sampling"), R"({"max_new_tokens":7,"temperature":0.7,"top_k":3,"top_p":null})");
  EXPECT_EQ(result->backend.name, "ollama");
  EXPECT_EQ(result->backend.extra.at("base_url"), server.url());
  const auto asked = server.asked();
  ASSERT_EQ(asked.size(), 1u);
  EXPECT_EQ(asked[0].method + " " + asked[0].path, "POST /api/generate");
  EXPECT_EQ(
      asked[0].body,
      R"({"prompt":"Hi \"you\"","model":"tiny","stream":false,"options":{"num_predict":7,"temperature":0.7,"top_k":3,"stop":["x"]}})");
}

TEST(OllamaBackend, LeavesOutCountsThatTheServerDoesNotTell) {
  LoopbackServer server(says("200 OK", R"({"response":"a","done":true,"eval_count":-1})"));
  const auto result = backend_at(server.url())->complete("p");
  ASSERT_TRUE(result);
  EXPECT_EQ(result->prompt_tokens, std::nullopt);
  EXPECT_EQ(result->completion_tokens, std::nullopt);
  EXPECT_EQ(result->tokens_per_second(), std::nullopt);
}

TEST(OllamaBackend, StreamsWholePiecesWhereverTheBytesAreCut) {
  const std::string body = std::string(R"({"response":"Grüß"}
{"response":" dich, "}

{"response":"Welt 🌍"}
{"response":"",)") + kEnd;  // the last line has no end
  for (const size_t step : {1u, 2u, 3u, 7u, 1000u}) {
    LoopbackServer server(streams(body, step));
    std::vector<std::string> pieces;
    const auto result = backend_at(server.url())->stream("p", {}, [&](std::string_view piece) {
      pieces.emplace_back(piece);
      return true;
    });
    ASSERT_TRUE(result) << result.error().message;
    EXPECT_EQ(pieces, (std::vector<std::string>{"Grüß", " dich, ", "Welt 🌍"}));
    EXPECT_EQ(result->completion, kText);
    EXPECT_EQ(result->completion_tokens, 5);
  }
}

TEST(OllamaBackend, AStreamThatEndsTooEarlyIsAnError) {
  for (const std::string body : {"{\"response\":\"a\"}\n", "{\"response\":\"a\"}\n{\"respo"}) {
    LoopbackServer server(streams(body, 5));
    const auto result = backend_at(server.url())->stream("p", {}, [](std::string_view) { return true; });
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().message, "Ollama at " + server.url() + "/api/generate: the stream ended before the reply was done");
  }
}

TEST(OllamaBackend, AnErrorLineInsideAStreamIsAnError) {
  LoopbackServer server(streams("{\"response\":\"a\"}\n{\"error\":\"the model fell over\"}\n", 9));
  std::string text;
  const auto result = backend_at(server.url())->stream("p", {}, [&](std::string_view piece) { return text += piece, true; });
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().message, "Ollama at " + server.url() + "/api/generate: the model fell over");
  EXPECT_EQ(text, "a");
}

TEST(OllamaBackend, ASinkThatHasEnoughKeepsWhatCame) {
  LoopbackServer server(streams("{\"response\":\"a\"}\n{\"response\":\"b\"}\n", 100));
  const auto result = backend_at(server.url())->stream("p", {}, [](std::string_view) { return false; });
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->completion, "a");
  EXPECT_EQ(result->metadata.at("finish_reason"), "cancelled");
}

TEST(OllamaBackend, AnotherThreadCancelsAStreamThatWaits) {
  std::stop_source source;
  LoopbackServer server([&](LoopbackConnection& c, const AskedRequest&) {
    c.begin_chunked("application/x-ndjson");
    c.send_chunk("{\"response\":\"a\"}\n");
    c.wait_until_gone();
  });
  const auto stop_after_first = [&](std::string_view) { return source.request_stop(), true; };
  const auto result = backend_at(server.url())->stream("p", {.cancel = source.get_token()}, stop_after_first);
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->completion, "a");
}

TEST(OllamaBackend, FailuresSayWhereAndWhatToDo) {
  std::string gone;
  {
    LoopbackServer server(says("200 OK", ""));
    gone = server.url();
  }
  const auto nobody = backend_at(gone)->complete("p");
  ASSERT_FALSE(nobody);
  EXPECT_EQ(nobody.error().message, "Could not reach Ollama at " + gone +
                                        "/api/generate: Connection refused. Start it with `ollama serve` " +
                                        "and fetch the model with `ollama pull tiny`.");

  struct Case {
    const char *status, *body, *message;
    Code code;
  };
  for (const Case& one : {
           Case{"404 Not Found", R"({"error":"no such model"})",
                "/api/generate: HTTP 404 Not Found: no such model. Fetch the model with `ollama pull tiny`.", Code::kNotFound},
           Case{"503 Service Unavailable", "busy", "/api/generate: HTTP 503 Service Unavailable: busy", Code::kBusy},
           Case{"500 Internal Server Error", R"({"error":{"message":"inside"}})", "/api/generate: HTTP 500 Internal Server Error: inside",
                Code::kIo},
           Case{"200 OK", "<html>", "/api/generate: the answer is not JSON: '<html>'", Code::kCorrupt},
           Case{"200 OK", "[1]", "/api/generate: expected a JSON object, found '[1]'", Code::kCorrupt},
           Case{"200 OK", "{}", "/api/generate: the answer has no `response` text", Code::kCorrupt},
       }) {
    LoopbackServer server(says(one.status, one.body));
    const auto result = backend_at(server.url())->complete("p");
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().message, "Ollama at " + server.url() + one.message);
    EXPECT_EQ(result.error().code, one.code);
  }
}

TEST(OllamaBackend, ASilentServerIsGivenUp) {
  LoopbackServer server([](LoopbackConnection& c, const AskedRequest&) { c.wait_until_gone(); });
  const auto result = backend_at(server.url(), 0.05)->complete("p");
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().message, "Ollama at " + server.url() + "/api/generate: timed out, no byte for 0.05 s");
}

TEST(OllamaBackend, ChatsWithTools) {
  LoopbackServer server(says(
      "200 OK",
      std::string(
          R"({"message":{"role":"assistant","content":"","thinking":"hm","tool_calls":[{"function":{"name":"weather","arguments":{"city":"Köln"}}}]},)") +
          kEnd));
  const std::vector<Message> messages{
      {.role = "user", .content = "Weather?"},
      {.role = "assistant", .tool_calls = {{.name = "weather", .arguments = "{\"city\":\"Bonn\"}", .call_id = "1"}}},
      {.role = "tool", .content = "rain", .tool_name = "weather", .call_id = "1"}};
  const std::vector<Tool> tools{{.name = "weather", .description = "tells it", .parameters = R"({"type":"object"})"}};
  const auto backend = backend_at(server.url());
  EXPECT_TRUE(backend->supports_tools());
  const auto result = backend->chat(messages, tools);
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->tool_calls, (std::vector<ToolCall>{{.name = "weather", .arguments = "{\"city\":\"Köln\"}", .call_id = "call_0"}}));
  EXPECT_EQ(result->thinking, "hm");
  const std::string body = server.asked()[0].body;
  EXPECT_NE(body.find(R"({"role":"assistant","content":"","tool_calls":[{"function":{"name":"weather","arguments":{"city":"Bonn"}}}]})"),
            std::string::npos)
      << body;
  EXPECT_NE(body.find(R"({"role":"tool","content":"rain","tool_name":"weather","tool_call_id":"1"})"), std::string::npos) << body;
  EXPECT_NE(
      body.find(R"("tools":[{"type":"function","function":{"name":"weather","description":"tells it","parameters":{"type":"object"}}}])"),
      std::string::npos)
      << body;
}

TEST(OllamaBackend, StreamsAChatWhereContentMayBeAbsent) {
  LoopbackServer server(streams(std::string(R"({"message":{"role":"assistant","thinking":"so"}}
{"message":{"role":"assistant","content":"Hi"}}
{"message":{"role":"assistant"},)") +
                                    kEnd + "\n",
                                4));
  const std::vector<Message> messages{{.role = "user", .content = "Hello"}};
  std::string text;
  const auto result = backend_at(server.url())->stream_chat(messages, {}, [&](std::string_view piece) { return text += piece, true; });
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(text, "Hi");
  EXPECT_EQ(result->content, "Hi");
  EXPECT_EQ(result->thinking, "so");
}

TEST(OllamaBackend, RefusesBadArgumentsBeforeAnythingIsSent) {
  LoopbackServer server(says("200 OK", "{}"));
  const auto backend = backend_at(server.url());
  EXPECT_EQ(backend->complete("").error().message, "prompt: expected text, found an empty string");
  EXPECT_EQ(backend->complete("p", {.max_new_tokens = 0}).error().message, "max_new_tokens: expected 1 or more, found 0");
  EXPECT_EQ(backend->complete("p", {.sampling = {.temperature = -1}}).error().message, "temperature: expected 0 to 100, found -1");
  EXPECT_EQ(backend->complete("p", {.sampling = {.top_p = 1.5F}}).error().message, "top_p: expected 0 to 1, found 1.5");
  EXPECT_EQ(backend->chat({}).error().message, "messages: expected at least one, found none");
  EXPECT_TRUE(server.asked().empty());
  EXPECT_EQ(open_ollama({.base_url = "localhost:11434"}).error().code, Code::kInvalid);
  EXPECT_EQ(open_ollama({.timeout_seconds = 0}).error().message, "timeout: expected more than 0 seconds, found 0");
  EXPECT_EQ(open_ollama({.model_id = ""}).error().code, Code::kInvalid);
}

TEST(OllamaBackend, AUserAndPasswordInTheAddressAreSentAndShownNowhere) {
  LoopbackServer server(says("200 OK", R"({"models":[]})"));
  const std::string address = "http://joe:s3cret@" + server.url().substr(7) + "?key=s3cret";
  ASSERT_TRUE(ollama_models(address, 20));
  EXPECT_EQ(server.asked()[0].path, "/api/tags?key=s3cret");
  EXPECT_NE(server.asked()[0].headers.find("Authorization: Basic am9lOnMzY3JldA==\r\n"), std::string::npos);
  const auto backend = open_ollama({.base_url = address});
  ASSERT_TRUE(backend) << backend.error().message;
  EXPECT_EQ((*backend)->info().extra.at("base_url"), server.url());
  EXPECT_EQ((*backend)->complete("p").error().message, "Ollama at " + server.url() + "/api/generate: the answer has no `response` text");
  const auto refused = open_ollama({.base_url = "joe:s3cret@127.0.0.1"});
  ASSERT_FALSE(refused);
  EXPECT_EQ(
      refused.error().message,
      "base_url: address '(not shown, it may hold a password)': neither http nor https; expected http://HOST[:PORT][/PATH] or https://...");
}

TEST(OllamaBackend, AsksAProxyOfTheEnvironmentForWhatIsElsewhereOnly) {
  LoopbackServer proxy(says("200 OK", R"({"models":[]})"));
  ASSERT_EQ(setenv("HTTP_PROXY", proxy.url().c_str(), 1), 0);
  const auto elsewhere = ollama_models("http://ollama.example:11434", 20);
  LoopbackServer server(says("200 OK", R"({"models":[]})"));
  const auto here = ollama_models(server.url(), 20);
  ASSERT_EQ(setenv("HTTP_PROXY", "socks5://joe:s3cret@proxy", 1), 0);
  const auto refused = ollama_models("http://ollama.example", 20);
  unsetenv("HTTP_PROXY");
  EXPECT_TRUE(elsewhere) << elsewhere.error().message;
  EXPECT_TRUE(here) << here.error().message;
  ASSERT_EQ(proxy.asked().size(), 1u);
  EXPECT_EQ(proxy.asked()[0].path, "http://ollama.example:11434/api/tags");
  EXPECT_EQ(server.asked().size(), 1u);
  ASSERT_FALSE(refused);
  EXPECT_TRUE(refused.error().message.starts_with("HTTP_PROXY: address '(not shown")) << refused.error().message;
}

TEST(OllamaBackend, ListsTheModelsOfTheServer) {
  LoopbackServer server(says("200 OK", R"({"models":[{"name":"tiny:1b"},{"name":"llama3.2:3b"}]})"));
  const auto models = ollama_models(server.url(), 20);
  ASSERT_TRUE(models) << models.error().message;
  EXPECT_EQ(*models, (std::vector<std::string>{"tiny:1b", "llama3.2:3b"}));
  EXPECT_EQ(server.asked()[0].method + server.asked()[0].path, "GET/api/tags");
}

}  // namespace
}  // namespace halfbyte
