// JSON over HTTP with a service, and every way it fails turned into an Error that says what to do.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "backends/reply.h"
#include "base/json.h"
#include "http/client.h"

namespace halfbyte {

struct ServiceOptions {
  std::string name;  // in messages
  Url address;
  std::optional<Url> proxy;              // open() finds it in the environment
  double timeout_seconds = 120;          // without a byte
  std::string start_hint, missing_hint;  // what a user runs when nobody answers, and when the answer is 404
  int max_retries = 0;                   // further tries after 429 and 5xx, with back-off
  // Of every request; or what every request fails with, for a key that is not there. An address with a user needs no key.
  Result<std::vector<HttpHeader>> headers = std::vector<HttpHeader>{};
  // Waits, or until the token asks to stop.
  std::function<void(std::chrono::duration<double>, const std::stop_token&)> sleep;
};

// Thread-safe.
class Service {
 public:
  // kInvalid: a timeout that is not above 0, a proxy that is none.
  static Result<Service> open(ServiceOptions options);

  const std::string& base_url() const { return base_url_; }  // without trailing slashes, and without what may be a secret

  Result<Json> get(std::string_view path) const;  // an object that is no error message

  // Asks for an object that is no error message.
  Result<Json> post(std::string_view path, const Json& body) const;
  // Asks, and lets `reply` read the whole answer. The value: how many tries it took.
  Result<int> post(std::string_view path, const Json& body, const std::stop_token& cancel, Reply& reply) const;
  // The same, the answer read as it comes. The connection is closed where `sink` wants no more or `cancel` asks for it.
  struct Ended {
    int tries = 1;
    bool is_cancelled = false;  // by the token or the sink, before the reply was done
  };
  Result<Ended> stream(std::string_view path, const Json& body, const std::stop_token& cancel, Reply& reply, const TextSink& sink) const;

  // kCorrupt "NAME at URL: MESSAGE".
  Error fault(std::string_view path, std::string_view message) const;

 private:
  explicit Service(ServiceOptions options);
  struct Exchange {
    HttpResponse response;
    int tries;
  };
  Result<Exchange> exchange(std::string_view method, std::string_view path, const std::string& body, const std::stop_token& cancel,
                            const HttpSink& sink) const;
  Error named(std::string_view path, const Error& error) const;
  Error failed(const Error& error) const;
  Error refused(const HttpResponse& answer, std::string_view path, int tries) const;
  std::string without_secrets(std::string_view said) const;

  ServiceOptions options_;
  std::string base_url_;
  std::vector<std::string> secrets_;  // what a service may repeat in an error, and no message of ours
};

}  // namespace halfbyte
