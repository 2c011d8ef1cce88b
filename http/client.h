// One HTTP/1.1 request and its answer, over TCP or TLS. Blocking, but never longer than asked, and stopped from another thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "halfbyte/result.h"
#include "http/url.h"

namespace halfbyte {

struct HttpHeader {
  std::string name, value;
};

struct HttpRequest {
  std::string method = "GET";
  Url url;                          // its user and password are sent as Basic authorization
  std::vector<HttpHeader> headers;  // beside Host, Content-Length, Connection and User-Agent
  std::string body;
};

struct HttpOptions {
  std::chrono::milliseconds idle{120'000};  // longest wait for the connection, and then for each further byte
  std::chrono::milliseconds total{0};       // longest wait for all of it; 0: no such limit
  uint32_t most_header_bytes = 64 << 10;    // of the answer
  uint64_t most_body_bytes = uint64_t{64} << 20;
  std::optional<Url> proxy;            // http: asked in place of the server; proxy_for() finds it
  std::filesystem::path certificates;  // PEM file of those to trust; empty: the system's
  std::stop_token stop;                // asked to stop, a request ends within milliseconds with kIo "... stopped"
};

struct HttpResponse {
  int status = 0;
  std::string reason;
  std::vector<HttpHeader> headers;
  std::string body;  // empty where a sink got it

  // Null when absent; names are equal whatever their case.
  const std::string* header(std::string_view name) const;
};

// Gets bytes of the body in order, cut anywhere. False: no more is wanted, and the connection is closed.
using HttpSink = std::function<bool(std::string_view)>;

// Any status is an answer, save redirects: following one would carry the headers, a key among them, to another address.
// Failures name the address, as Url::shown() has it, and why. kInvalid: a header with control characters. kNotFound: nobody was
// reached there: unknown host, connection refused, certificate not trusted, a proxy that lets nobody through. kIo: time is up, the connection broke, or stopped.
// kCorrupt: not HTTP. kTooLong: headers or body past their limit. kUnsupported: a redirect.
Result<HttpResponse> http_request(const HttpRequest& request, const HttpOptions& options = {});
// The same, the body of a 2xx answer given to `sink` as it comes.
Result<HttpResponse> http_stream(const HttpRequest& request, const HttpOptions& options, const HttpSink& sink);

}  // namespace halfbyte
