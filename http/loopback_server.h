// A server inside a test. It reads each request whole, and answers as the test says, byte by byte if need be.
#pragma once

#include <openssl/types.h>

#include <atomic>
#include <filesystem>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace halfbyte {

struct AskedRequest {
  std::string method, path;
  std::string headers;  // as they came, with line ends
  std::string body;
};

// The server's end of one connection; closed when the answer function returns.
class LoopbackConnection {
 public:
  LoopbackConnection(int fd, SSL* tls, const std::atomic<bool>& is_over) : fd_(fd), tls_(tls), is_over_(is_over) {}
  void send(std::string_view bytes);  // a client that has gone is no failure
  // "Content-Length" and the like are written for the caller.
  void send_answer(std::string_view status, std::string_view body, std::string_view more_headers = {});
  void begin_chunked(std::string_view content_type);
  void send_chunk(std::string_view bytes);  // an empty one ends the body
  // Returns when the client has closed the connection, or when the test is over.
  void wait_until_gone();

 private:
  friend class LoopbackServer;
  size_t receive(char* bytes, size_t size);  // 0: the end
  int fd_;
  SSL* tls_;
  const std::atomic<bool>& is_over_;
};

class LoopbackServer {
 public:
  // Called for one connection after the other, on the server's thread.
  using Answer = std::function<void(LoopbackConnection&, const AskedRequest&)>;
  explicit LoopbackServer(Answer answer) : LoopbackServer(std::move(answer), "") {}
  // Speaks TLS with a certificate of its own making for `tls_name`; behind a proxy, after a request (CONNECT) that it takes in plain.
  LoopbackServer(Answer answer, const std::string& tls_name, bool is_behind_proxy = false);
  ~LoopbackServer();
  LoopbackServer(const LoopbackServer&) = delete;
  LoopbackServer& operator=(const LoopbackServer&) = delete;

  std::string url() const;  // http://127.0.0.1:PORT, also of the proxy before it, or https://localhost:PORT
  std::filesystem::path certificate() const { return certificate_; }  // PEM
  std::vector<AskedRequest> asked() const;

 private:
  void serve();
  void answer_one(int fd);
  std::optional<AskedRequest> read_request(LoopbackConnection& connection);

  Answer answer_;
  bool is_behind_proxy_;
  SSL_CTX* tls_ = nullptr;
  std::filesystem::path certificate_;
  int listener_ = -1;
  int port_ = 0;
  std::atomic<bool> is_over_{false};
  mutable std::mutex mutex_;
  std::vector<AskedRequest> asked_;
  std::thread thread_;
};

}  // namespace halfbyte
