// JSON over HTTP with a service, and every way it fails turned into an Error that says what to do.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

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

  struct Answer {
    Json json;  // an object
    int tries = 1;
  };
  Result<Answer> get(std::string_view path, const std::stop_token& cancel = {}) const;
  Result<Answer> post(std::string_view path, const Json& body, const std::stop_token& cancel = {}) const;

  // Gets the answer line by line as it comes, without line ends. False, or an error, closes the connection.
  using LineSink = std::function<Result<bool>(std::string_view line)>;
  struct Ended {
    int tries = 1;
    bool is_cancelled = false;  // by the token
  };
  Result<Ended> post_lines(std::string_view path, const Json& body, const std::stop_token& cancel, const LineSink& on_line) const;

  // One JSON object out of a stream, and refused when it is an error message.
  Result<Json> parse(std::string_view path, std::string_view text) const;
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
  Error failed(const Error& error) const;
  Error refused(const HttpResponse& answer, std::string_view path, int tries) const;
  std::string without_secrets(std::string_view said) const;

  ServiceOptions options_;
  std::string base_url_;
  std::vector<std::string> secrets_;  // what a service may repeat in an error, and no message of ours
};

}  // namespace halfbyte
