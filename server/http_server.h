// HTTP/1.1 over TCP: connections, limits, and how it ends. Knows no dialect: what it refuses by itself is written by `refusal`.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "halfbyte/result.h"
#include "server/exchange.h"
#include "server/gate.h"

namespace halfbyte {

struct HttpServerOptions {
  std::string host = "127.0.0.1";
  uint16_t port = 8080;              // 0: one that is free
  int workers = 64;                  // requests that are answered at once, waiting ones included
  int connections = 1024;            // a further one is told 503 and closed
  uint64_t header_bytes = 64 << 10;  // request line and headers
  uint64_t body_bytes = uint64_t{16} << 20;
  std::chrono::milliseconds header_time{10'000};  // from its first byte to its last
  std::chrono::milliseconds body_time{60'000};    // for all of it
  std::chrono::milliseconds idle_time{60'000};    // between two requests of a connection
  std::chrono::milliseconds write_time{60'000};   // without progress of a client that reads; then it has gone
  std::chrono::milliseconds drain_time{30'000};   // for requests under way when the server stops
  bool stops_on_signals = false;                  // SIGINT and SIGTERM are stop(), as long as run() runs
  GateOptions gate;                               // is_loopback is set from `host`
};

bool is_loopback_address(std::string_view host);  // "127.0.0.1", "::1", "localhost"

class HttpServer {
 public:
  // Listens. kIo: the address is not ours, or taken. kInvalid: `host` is no address.
  static Result<std::unique_ptr<HttpServer>> open(HttpServerOptions options, std::vector<HttpRoute> routes,
                                                  std::function<std::string(int status, std::string_view message)> refusal);
  ~HttpServer();

  uint16_t port() const;
  // Serves until stop(). Then nobody is accepted, idle connections are closed, and what is under way has drain_time before it is cancelled.
  void run();
  // From any thread. The second time: no drain.
  void stop();

 private:
  struct Impl;
  explicit HttpServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace halfbyte
