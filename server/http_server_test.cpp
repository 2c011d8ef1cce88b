#include "server/http_server.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <new>
#include <thread>

namespace halfbyte {
namespace {

using namespace std::chrono_literals;

// A client that sends bytes as the test says.
class Client {
 public:
  explicit Client(uint16_t port) : fd_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(fd_, reinterpret_cast<const sockaddr*>(&to), sizeof to), 0);
  }
  ~Client() { leave(); }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  void send(const std::string& bytes) { (void)::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL); }
  void leave() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
  }
  void end_writing() { ::shutdown(fd_, SHUT_WR); }
  // Until `mark` is there, or the connection has ended.
  std::string read_until(std::string_view mark) {
    std::string all;
    char bytes[4096];
    while (mark.empty() || all.find(mark) == std::string::npos) {
      pollfd ready{.fd = fd_, .events = POLLIN, .revents = 0};
      if (::poll(&ready, 1, 20'000) <= 0) return all + "(nothing more came)";
      const ssize_t got = ::recv(fd_, bytes, sizeof bytes, 0);
      if (got <= 0) break;
      all.append(bytes, static_cast<size_t>(got));
    }
    return all;
  }
  std::string read_to_end() { return read_until(""); }

 private:
  int fd_;
};

std::string get(std::string_view path, std::string_view more = "") {
  return std::string("GET ").append(path).append(" HTTP/1.1\r\nHost: localhost\r\n").append(more).append("\r\n");
}
std::string post(std::string_view path, const std::string& body) {
  return std::string("POST ").append(path).append(" HTTP/1.1\r\nHost: localhost\r\nContent-Length: ") + std::to_string(body.size()) +
         "\r\n\r\n" + body;
}

class RunningServer {
 public:
  explicit RunningServer(HttpServerOptions options = {}) {
    options.port = 0;
    std::vector<HttpRoute> routes = {
        {"POST", "/echo", [](const HttpRequest& request, HttpAnswer& answer) { answer.whole(200, "text/plain", request.body); }},
        {"GET", "/pieces",
         [](const HttpRequest&, HttpAnswer& answer) {
           answer.begin("text/event-stream");
           answer.piece("one ");
           answer.piece("two");
         }},
        {"GET", "/endless",
         [this](const HttpRequest& request, HttpAnswer& answer) {
           answer.begin("text/plain");
           ++under_way;
           while (!request.gone.stop_requested()) {
             answer.piece("x");
             std::this_thread::sleep_for(1ms);
           }
           --under_way;
         }},
        {"GET", "/silent",
         [this](const HttpRequest& request, HttpAnswer&) {
           ++under_way;
           while (!request.gone.stop_requested()) std::this_thread::sleep_for(1ms);
           --under_way;
         }},
        {"GET", "/slow",
         [this](const HttpRequest&, HttpAnswer& answer) {
           ++under_way;
           std::this_thread::sleep_for(200ms);
           answer.whole(200, "text/plain", "made");
           --under_way;
         }},
        {"GET", "/exhausted", [](const HttpRequest&, HttpAnswer&) { throw std::bad_alloc(); }},
        {"GET", "/exhausted-late",
         [](const HttpRequest&, HttpAnswer& answer) {
           answer.begin("text/plain");
           answer.piece("half");
           throw std::bad_alloc();
         }},
        {"GET", "/flood",
         [this](const HttpRequest& request, HttpAnswer& answer) {
           answer.begin("text/plain");
           ++under_way;
           while (!request.gone.stop_requested()) answer.piece(std::string(1 << 16, 'x')), ++pieces;
           --under_way;
         }},
    };
    auto opened = HttpServer::open(std::move(options), std::move(routes), [](int status, std::string_view message) {
      return std::to_string(status) + " " + std::string(message);
    });
    EXPECT_TRUE(opened) << opened.error().message;
    server = std::move(*opened);
    thread = std::jthread([this] { server->run(); });
  }
  ~RunningServer() {
    server->stop();
    server->stop();
  }
  bool becomes(int count) const {
    for (int i = 0; i < 5000 && under_way != count; ++i) std::this_thread::sleep_for(1ms);
    return under_way == count;
  }

  std::atomic<int> under_way = 0, pieces = 0;
  std::unique_ptr<HttpServer> server;
  std::jthread thread;
};

TEST(HttpServer, AConnectionIsKeptForTheNextRequest) {
  RunningServer running;
  Client client(running.server->port());
  for (const char* body : {"first", "second"}) {
    client.send(post("/echo", body));
    const std::string answer = client.read_until(body);
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 OK\r\n")) << answer;
    EXPECT_NE(answer.find("Connection: keep-alive"), std::string::npos);
  }
  client.send(post("/echo", "ahead") + post("/echo", "behind"));
  EXPECT_NE(client.read_until("behind").find("ahead"), std::string::npos);
}

TEST(HttpServer, ABodyInPiecesIsChunkedAndForOldClientsEndedByTheConnection) {
  RunningServer running;
  Client client(running.server->port());
  client.send(get("/pieces"));
  const std::string answer = client.read_until("\r\n0\r\n\r\n");
  EXPECT_NE(answer.find("Transfer-Encoding: chunked"), std::string::npos);
  Client old(running.server->port());
  old.send("GET /pieces HTTP/1.0\r\nHost: localhost\r\n\r\n");
  EXPECT_TRUE(old.read_to_end().ends_with("\r\n\r\none two"));
}

TEST(HttpServer, WhatIsNoRouteOrNoRequestIsRefused) {
  RunningServer running;
  const auto answer_to = [&](const std::string& bytes) {
    Client client(running.server->port());
    client.send(bytes);
    client.end_writing();
    return client.read_to_end().substr(0, 12);
  };
  EXPECT_EQ(answer_to(get("/nowhere")), "HTTP/1.1 404");
  EXPECT_EQ(answer_to(get("/echo")), "HTTP/1.1 405");
  EXPECT_EQ(answer_to("nonsense\r\n\r\n"), "HTTP/1.1 400");
  EXPECT_EQ(answer_to("GET / HTTP/1.1\r\n\r\n"), "HTTP/1.1 403");
  EXPECT_EQ(answer_to("GET / HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n"), "HTTP/1.1 400");
  EXPECT_EQ(answer_to("GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n"), "HTTP/1.1 403");
  EXPECT_EQ(answer_to("POST /echo HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n-2\r\n"), "HTTP/1.1 400");
}

TEST(HttpServer, LongHeadersAndBodiesAreRefused) {
  RunningServer running({.header_bytes = 1024, .body_bytes = 1024});
  Client header(running.server->port());
  header.send(get("/pieces", "X: " + std::string(4096, 'x') + "\r\n"));
  EXPECT_TRUE(header.read_to_end().starts_with("HTTP/1.1 431"));
  Client body(running.server->port());
  body.send(post("/echo", std::string(1 << 20, 'x')));
  EXPECT_TRUE(body.read_to_end().starts_with("HTTP/1.1 413"));
  Client chunks(running.server->port());
  chunks.send("POST /echo HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n800\r\n" + std::string(0x800, 'x') + "\r\n");
  EXPECT_TRUE(chunks.read_to_end().starts_with("HTTP/1.1 413"));
}

TEST(HttpServer, ASlowSenderAndAnIdleConnectionAreEnded) {
  RunningServer running({.header_time = 50ms, .body_time = 50ms, .idle_time = 50ms});
  Client header(running.server->port()), body(running.server->port()), idle(running.server->port());
  header.send("GET / HT");
  body.send("POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nab");
  EXPECT_EQ(idle.read_to_end(), "");
  EXPECT_EQ(header.read_to_end().find("nothing more"), std::string::npos);
  EXPECT_EQ(body.read_to_end().find("nothing more"), std::string::npos);
}

TEST(HttpServer, AClientThatVanishesOrEndsItsHalfStopsItsRequest) {
  RunningServer running;
  for (const char* path : {"/endless", "/silent"})
    for (const bool only_half : {false, true}) {
      Client client(running.server->port());
      client.send(get(path));
      ASSERT_TRUE(running.becomes(1)) << path;
      only_half ? client.end_writing() : client.leave();
      EXPECT_TRUE(running.becomes(0)) << path;
    }
}

TEST(HttpServer, AClientThatDoesNotReadHoldsUpItsOwnRequestAlone) {
  RunningServer running({.write_time = 300ms});
  Client lazy(running.server->port());
  lazy.send(get("/flood"));
  ASSERT_TRUE(running.becomes(1));
  Client other(running.server->port());
  other.send(post("/echo", "served"));
  EXPECT_NE(other.read_until("served").find("200 OK"), std::string::npos);
  EXPECT_TRUE(running.becomes(0));  // after write_time it has gone
  EXPECT_LT(running.pieces, 1000);  // 64 MB would be without a bound
}

TEST(HttpServer, ARequestThatRunsOutOfMemoryEndsNothingButItself) {
  RunningServer running;
  Client client(running.server->port());
  client.send(get("/exhausted"));
  EXPECT_TRUE(client.read_until("out of memory").starts_with("HTTP/1.1 500"));
  client.send(get("/exhausted-late"));
  const std::string cut = client.read_to_end();
  EXPECT_NE(cut.find("half"), std::string::npos);
  EXPECT_EQ(cut.find("\r\n0\r\n"), std::string::npos);  // no clean end
}

TEST(HttpServer, AConnectionTooManyIsToldSo) {
  RunningServer running({.connections = 1});
  Client first(running.server->port());
  first.send(post("/echo", "in"));
  first.read_until("in");
  Client second(running.server->port());
  const std::string answer = second.read_to_end();
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 503")) << answer;
  EXPECT_NE(answer.find("Retry-After: 1"), std::string::npos);
}

TEST(HttpServer, StoppedItEndsWhatIsUnderWayFirst) {
  RunningServer running;
  Client busy(running.server->port()), idle(running.server->port());
  busy.send(get("/slow"));
  ASSERT_TRUE(running.becomes(1));
  running.server->stop();
  EXPECT_TRUE(busy.read_to_end().ends_with("made"));
  EXPECT_EQ(idle.read_to_end(), "");
  running.thread.join();
}

TEST(HttpServer, WhatDoesNotEndInTimeIsCancelled) {
  RunningServer running({.drain_time = 50ms});
  Client client(running.server->port());
  client.send(get("/endless"));
  ASSERT_TRUE(running.becomes(1));
  running.server->stop();
  client.read_to_end();
  running.thread.join();
  EXPECT_EQ(running.under_way, 0);
}

TEST(HttpServer, APagesPreflightIsAnsweredWhereItMayAsk) {
  RunningServer running({.gate = {.origins = {"https://app.example"}, .api_keys = {"key"}}});
  Client client(running.server->port());
  client.send("OPTIONS /echo HTTP/1.1\r\nHost: localhost\r\nOrigin: https://app.example\r\n\r\n");
  const std::string answer = client.read_until("\r\n\r\n");
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 204")) << answer;
  EXPECT_NE(answer.find("Access-Control-Allow-Origin: https://app.example"), std::string::npos);
  client.send(get("/pieces", "Origin: https://app.example\r\n"));
  EXPECT_TRUE(client.read_to_end().starts_with("HTTP/1.1 401"));
}

}  // namespace
}  // namespace halfbyte
