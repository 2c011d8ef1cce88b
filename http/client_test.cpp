#include "http/client.h"

#include <gtest/gtest.h>

#include <thread>

#include "http/loopback_server.h"

namespace halfbyte {
namespace {

using namespace std::chrono_literals;

void expect_error(const Result<HttpResponse>& result, Code code, const std::string& message) {
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, code);
  EXPECT_EQ(result.error().message, message);
}

Url url_of(const std::string& text) {
  const auto url = parse_url(text);
  EXPECT_TRUE(url) << url.error().message;
  return *url;
}

TEST(HttpClient, SendsMethodPathHeadersAndBody) {
  LoopbackServer server([](LoopbackConnection& c, const AskedRequest&) { c.send_answer("200 OK", "{}", "X-Seen: yes\r\n"); });
  const auto answer = http_request(
      {.method = "POST", .url = url_of(server.url() + "/api?a=1"), .headers = {{"Authorization", "Bearer k"}}, .body = "{\"x\":1}"});
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->status, 200);
  EXPECT_EQ(answer->reason, "OK");
  EXPECT_EQ(answer->body, "{}");
  ASSERT_NE(answer->header("x-seen"), nullptr);
  EXPECT_EQ(*answer->header("x-seen"), "yes");
  const auto asked = server.asked();
  ASSERT_EQ(asked.size(), 1u);
  EXPECT_EQ(asked[0].method, "POST");
  EXPECT_EQ(asked[0].path, "/api?a=1");
  EXPECT_EQ(asked[0].body, "{\"x\":1}");
  EXPECT_NE(asked[0].headers.find("Authorization: Bearer k\r\n"), std::string::npos);
}

TEST(HttpClient, AnswersThatAreNot200AreAnswers) {
  LoopbackServer server([](LoopbackConnection& c, const AskedRequest&) { c.send_answer("429 Too Many Requests", "later"); });
  std::string streamed;
  const auto answer = http_stream({.url = url_of(server.url())}, {}, [&](std::string_view bytes) { return streamed += bytes, true; });
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->status, 429);
  EXPECT_EQ(answer->body, "later");
  EXPECT_EQ(streamed, "");
}

TEST(HttpClient, StreamsAChunkedBodyAsItComes) {
  std::atomic<bool> first_seen = false;
  LoopbackServer server([&](LoopbackConnection& c, const AskedRequest&) {
    c.begin_chunked("text/plain");
    c.send_chunk("one");
    while (!first_seen) std::this_thread::sleep_for(1ms);  // the rest is not sent before the first piece has arrived
    c.send_chunk(" two");
    c.send_chunk("");
  });
  std::string text;
  const auto answer = http_stream({.url = url_of(server.url())}, {}, [&](std::string_view bytes) {
    text += bytes;
    first_seen = true;
    return true;
  });
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(text, "one two");
}

TEST(HttpClient, ASinkThatHasEnoughClosesTheConnection) {
  std::atomic<bool> is_gone = false;
  LoopbackServer server([&](LoopbackConnection& c, const AskedRequest&) {
    c.begin_chunked("text/plain");
    c.send_chunk("enough");
    c.wait_until_gone();
    is_gone = true;
  });
  ASSERT_TRUE(http_stream({.url = url_of(server.url())}, {}, [](std::string_view) { return false; }));
  for (int i = 0; i < 2000 && !is_gone; ++i) std::this_thread::sleep_for(1ms);
  EXPECT_TRUE(is_gone);
}

TEST(HttpClient, ASilentServerIsGivenUp) {
  LoopbackServer server([](LoopbackConnection& c, const AskedRequest&) { c.wait_until_gone(); });
  expect_error(http_request({.url = url_of(server.url())}, {.idle = 50ms}), Code::kIo, server.url() + ": timed out, no byte for 0.05 s");
}

TEST(HttpClient, AServerThatSendsBytesForEverIsGivenUp) {
  LoopbackServer server([](LoopbackConnection& c, const AskedRequest&) {
    c.begin_chunked("text/plain");
    for (int i = 0; i < 200; ++i) {
      c.send_chunk("x");
      std::this_thread::sleep_for(5ms);
    }
  });
  expect_error(http_request({.url = url_of(server.url())}, {.total = 60ms}), Code::kIo,
               server.url() + ": timed out, not complete after 0.06 s");
}

TEST(HttpClient, AnotherThreadStopsARequest) {
  std::stop_source source;
  LoopbackServer server([&](LoopbackConnection& c, const AskedRequest&) {
    source.request_stop();
    c.wait_until_gone();
  });
  expect_error(http_request({.url = url_of(server.url())}, {.stop = source.get_token()}), Code::kIo, server.url() + ": stopped");
  expect_error(http_request({.url = url_of(server.url())}, {.stop = source.get_token()}), Code::kIo, server.url() + ": stopped");
}

TEST(HttpClient, NobodyThereIsNotFound) {
  std::string url;
  {
    LoopbackServer server([](LoopbackConnection&, const AskedRequest&) {});
    url = server.url();
  }
  expect_error(http_request({.url = url_of(url)}), Code::kNotFound, url + ": Connection refused");
  const auto unknown = http_request({.url = url_of("http://nobody.invalid/")});
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().code, Code::kNotFound);
}

TEST(HttpClient, AConnectionThatClosesEarlyIsSaidSo) {
  for (const std::string sent : {"", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nfour",
                                 "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nfo"}) {
    LoopbackServer server([&](LoopbackConnection& c, const AskedRequest&) { c.send(sent); });
    expect_error(http_request({.url = url_of(server.url())}), Code::kIo,
                 server.url() + ": the connection closed before the answer was complete");
  }
}

TEST(HttpClient, RedirectsAreNotFollowed) {
  LoopbackServer server([](LoopbackConnection& c, const AskedRequest&) {
    c.send_answer("307 Temporary Redirect", "", "Location: http://elsewhere.example/\r\n");
  });
  expect_error(http_request({.url = url_of(server.url())}), Code::kUnsupported,
               server.url() + ": HTTP 307: a redirect to http://elsewhere.example/, which is not followed");
  EXPECT_EQ(server.asked().size(), 1u);
}

TEST(HttpClient, AUserAndPasswordAreSentAndNotShown) {
  LoopbackServer server([](LoopbackConnection& c, const AskedRequest& asked) {
    if (asked.path == "/moved")
      c.send_answer("302 Found", "", "Location: http://joe:s3cret@elsewhere.example/?key=s3cret\r\n");
    else if (asked.path == "/asked")
      c.send_answer("302 Found", "", "Location: /login?key=s3cret\r\n");
    else
      c.wait_until_gone();
  });
  const std::string port = server.url().substr(server.url().rfind(':'));
  const auto at = [&](const std::string& path) { return url_of("http://joe:s3cret@127.0.0.1" + port + path); };
  expect_error(http_request({.url = at("/silent?key=s3cret"), .headers = {{"authorization", "Bearer k"}}}, {.idle = 50ms}), Code::kIo,
               server.url() + "/silent: timed out, no byte for 0.05 s");
  EXPECT_NE(server.asked()[0].headers.find("Authorization: Basic am9lOnMzY3JldA==\r\n"), std::string::npos);
  EXPECT_EQ(server.asked()[0].headers.find("Bearer"), std::string::npos);  // the address's own counts
  expect_error(http_request({.url = at("/moved")}), Code::kUnsupported,
               server.url() + "/moved: HTTP 302: a redirect to (not shown, it may hold a password), which is not followed");
  expect_error(http_request({.url = at("/asked")}), Code::kUnsupported,
               server.url() + "/asked: HTTP 302: a redirect to /login, which is not followed");
}

// No name of these is looked up: the proxy is asked for them.
TEST(HttpClient, AProxyIsAskedForTheWholeAddress) {
  LoopbackServer proxy([](LoopbackConnection& c, const AskedRequest&) { c.send_answer("200 OK", "passed on"); });
  const std::string with_password = "http://joe:s3cret@" + proxy.url().substr(7);
  const auto answer = http_request({.method = "POST", .url = url_of("http://me:own@ollama.example:11434/api?a=1"), .body = "{}"},
                                   {.proxy = url_of(with_password)});
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->body, "passed on");
  const AskedRequest asked = proxy.asked()[0];
  EXPECT_EQ(asked.method + " " + asked.path, "POST http://ollama.example:11434/api?a=1");
  EXPECT_NE(asked.headers.find("Host: ollama.example:11434\r\n"), std::string::npos);
  EXPECT_NE(asked.headers.find("Proxy-Authorization: Basic am9lOnMzY3JldA==\r\n"), std::string::npos);
  EXPECT_NE(asked.headers.find("\r\nAuthorization: Basic bWU6b3du\r\n"), std::string::npos) << asked.headers;
}

TEST(HttpClient, TlsGoesThroughATunnelThatTheProxyOpens) {
  LoopbackServer server([](LoopbackConnection& c, const AskedRequest&) { c.send_answer("200 OK", "safe"); }, "api.example", true);
  const Url proxy = url_of("http://joe:s3cret@" + server.url().substr(7));
  const auto answer = http_request({.url = url_of("https://api.example/v1"), .headers = {{"Authorization", "Bearer k"}}},
                                   {.proxy = proxy, .certificates = server.certificate()});
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->body, "safe");
  const auto asked = server.asked();
  ASSERT_EQ(asked.size(), 2u);
  EXPECT_EQ(asked[0].method + " " + asked[0].path, "CONNECT api.example:443");
  EXPECT_NE(asked[0].headers.find("Proxy-Authorization: Basic am9lOnMzY3JldA==\r\n"), std::string::npos);
  EXPECT_EQ(asked[0].headers.find("Bearer"), std::string::npos);
  EXPECT_EQ(asked[1].method + " " + asked[1].path, "GET /v1");
  EXPECT_EQ(asked[1].headers.find("Proxy-Authorization"), std::string::npos);
  const auto other = http_request({.url = url_of("https://other.example/")}, {.proxy = proxy, .certificates = server.certificate()});
  ASSERT_FALSE(other);
  EXPECT_NE(other.error().message.find("certificate verify failed"), std::string::npos) << other.error().message;
}

TEST(HttpClient, AProxyThatLetsNobodyThroughIsNamedWithoutItsPassword) {
  LoopbackServer proxy([](LoopbackConnection& c, const AskedRequest&) { c.send_answer("407 Proxy Authentication Required", "s3cret"); });
  const Url url = url_of("http://joe:s3cret@" + proxy.url().substr(7));
  expect_error(http_request({.url = url_of("https://api.example/v1?key=s3cret")}, {.proxy = url}), Code::kNotFound,
               "https://api.example/v1 through the proxy " + proxy.url() + ": the proxy answers HTTP 407 Proxy Authentication Required");
  LoopbackServer talker([](LoopbackConnection& c, const AskedRequest&) { c.send("HTTP/1.1 200 OK\r\n\r\nhello"); });
  expect_error(http_request({.url = url_of("https://api.example/")}, {.proxy = url_of(talker.url())}), Code::kCorrupt,
               "https://api.example/ through the proxy " + talker.url() + ": the proxy sent 5 bytes that nobody had asked for");
}

TEST(HttpClient, HeadersHaveALimit) {
  LoopbackServer server(
      [](LoopbackConnection& c, const AskedRequest&) { c.send_answer("200 OK", "", "X-Much: " + std::string(100'000, 'x') + "\r\n"); });
  expect_error(http_request({.url = url_of(server.url())}), Code::kTooLong,
               server.url() + ": the answer has headers of more than 65536 bytes");
}

TEST(HttpClient, BodiesHaveALimitWhetherTheirLengthIsToldOrNot) {
  const std::string expected = ": the answer has more than 1000 bytes";
  LoopbackServer told([](LoopbackConnection& c, const AskedRequest&) { c.send_answer("200 OK", std::string(1001, 'x')); });
  expect_error(http_request({.url = url_of(told.url())}, {.most_body_bytes = 1000}), Code::kTooLong, told.url() + expected);
  LoopbackServer chunked([](LoopbackConnection& c, const AskedRequest&) {
    c.begin_chunked("text/plain");
    for (int i = 0; i < 11; ++i) c.send_chunk(std::string(100, 'x'));
    c.send_chunk("");
  });
  expect_error(http_request({.url = url_of(chunked.url())}, {.most_body_bytes = 1000}), Code::kTooLong, chunked.url() + expected);
}

TEST(HttpClient, WhatIsNotHttpIsCorrupt) {
  for (const std::string sent : {"SSH-2.0-OpenSSH\r\n\r\n", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-2\r\n"}) {
    LoopbackServer server([&](LoopbackConnection& c, const AskedRequest&) { c.send(sent); });
    const auto answer = http_request({.url = url_of(server.url())});
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code, Code::kCorrupt) << answer.error().message;
  }
}

TEST(HttpClient, HeadersThatWouldSmuggleOthersAreRefusedBeforeAnythingIsSent) {
  LoopbackServer server([](LoopbackConnection& c, const AskedRequest&) { c.send_answer("200 OK", ""); });
  const auto answer = http_request({.url = url_of(server.url()), .headers = {{"Authorization", "secret\r\nX-Other: 1"}}});
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, Code::kInvalid);
  EXPECT_EQ(answer.error().message.find("secret"), std::string::npos);
  EXPECT_TRUE(server.asked().empty());
}

TEST(HttpClient, ATrustedCertificateIsAccepted) {
  LoopbackServer server([](LoopbackConnection& c, const AskedRequest&) { c.send_answer("200 OK", "safe"); }, "localhost");
  const auto answer = http_request({.url = url_of(server.url())}, {.certificates = server.certificate()});
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->body, "safe");
}

TEST(HttpClient, ACertificateOfItsOwnMakingIsRefused) {
  LoopbackServer server([](LoopbackConnection& c, const AskedRequest&) { c.send_answer("200 OK", "unsafe"); }, "localhost");
  const auto answer = http_request({.url = url_of(server.url())});
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, Code::kNotFound);
  EXPECT_NE(answer.error().message.find("certificate verify failed"), std::string::npos) << answer.error().message;
  EXPECT_TRUE(server.asked().empty());
}

TEST(HttpClient, ACertificateForAnotherHostIsRefused) {
  LoopbackServer server([](LoopbackConnection& c, const AskedRequest&) { c.send_answer("200 OK", "unsafe"); }, "elsewhere.example");
  const auto answer = http_request({.url = url_of(server.url())}, {.certificates = server.certificate()});
  ASSERT_FALSE(answer);
  EXPECT_NE(answer.error().message.find("certificate verify failed"), std::string::npos) << answer.error().message;
  EXPECT_TRUE(server.asked().empty());
}

}  // namespace
}  // namespace halfbyte
