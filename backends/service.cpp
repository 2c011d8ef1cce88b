#include "backends/service.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <condition_variable>
#include <ctime>
#include <mutex>
#include <random>

#include "backends/json_members.h"
#include "backends/service_address.h"
#include "base/errors.h"
#include "http/proxy.h"

namespace halfbyte {
namespace {

constexpr double kMostWaitSeconds = 60;
constexpr size_t kMostErrorCharacters = 200;
constexpr size_t kLeastSecretBytes = 4;  // a shorter one stands in innocent words too
constexpr std::string_view kHidden = "***";

bool is_retried(int status) { return status == 429 || status == 500 || status == 502 || status == 503 || status == 504; }

void sleep_or_stop(std::chrono::duration<double> time, const std::stop_token& cancel) {
  std::mutex mutex;
  std::condition_variable_any never;
  std::unique_lock lock(mutex);
  never.wait_for(lock, cancel, time, [] { return false; });
}

// What the service says in the body of an answer that is none: an error message, or whatever is there.
std::string error_text(std::string_view body) {
  const auto answer = parse_loose_json(body);
  if (const Json* error = answer ? error_in(*answer) : nullptr) return error_message(*error);
  while (!body.empty() && (body.back() == '\n' || body.back() == '\r' || body.back() == ' ')) body.remove_suffix(1);
  return escaped(body, kMostErrorCharacters);
}

// Retry-After where it is given, seconds or a date (RFC 9110, 10.2.3), else half a second doubled each time, with jitter.
double wait_seconds(const HttpResponse& answer, int tries) {
  if (const std::string* asked = answer.header("Retry-After")) {
    double seconds = 0;
    const auto [end, error] = std::from_chars(asked->data(), asked->data() + asked->size(), seconds);
    if (error == std::errc() && end == asked->data() + asked->size()) return std::clamp(seconds, 0.0, kMostWaitSeconds);
    std::tm date{};
    if (::strptime(asked->c_str(), "%a, %d %b %Y %H:%M:%S GMT", &date) != nullptr)
      return std::clamp(std::difftime(::timegm(&date), std::time(nullptr)), 0.0, kMostWaitSeconds);
  }
  thread_local std::minstd_rand random{std::random_device()()};
  const double jitter = std::uniform_real_distribution(0.8, 1.2)(random);
  return std::min(0.5 * std::pow(2.0, tries - 1) * jitter, kMostWaitSeconds);
}

}  // namespace

Service::Service(ServiceOptions options) : options_(std::move(options)), base_url_(options_.address.at("").shown()) {
  std::vector<std::string> given{options_.address.password, options_.address.basic()};
  if (options_.proxy) given.insert(given.end(), {options_.proxy->password, options_.proxy->basic()});
  if (options_.headers)
    for (const HttpHeader& header : *options_.headers)
      if (header.name == "Authorization") given.push_back(header.value);
  for (const std::string& text : given) {
    std::string secret = text.substr(text.rfind(' ') + 1);  // of "Bearer KEY", the key
    if (secret.size() >= kLeastSecretBytes) secrets_.push_back(std::move(secret));
  }
}

std::string Service::without_secrets(std::string_view said) const {
  std::string text(said);
  const auto hide = [&text](std::string_view secret, std::string_view after) {
    const std::string whole_secret = fmt::format("{}{}", secret, after);
    for (size_t at = 0; (at = text.find(whole_secret, at)) != std::string::npos; at += kHidden.size())
      text.replace(at, secret.size(), kHidden);
  };
  for (const std::string& secret : secrets_)
    for (const std::string& form : {secret, escaped(secret, secret.size() * 4)}) {
      hide(form, "");
      for (size_t bytes = form.size() - 1; bytes >= kLeastSecretBytes; --bytes)  // where what is shown was cut
        hide(std::string_view(form).substr(0, bytes), "...");
    }
  return text;
}

Result<Service> Service::open(ServiceOptions options) {
  if (!(options.timeout_seconds > 0) || !std::isfinite(options.timeout_seconds))
    return invalid("timeout: expected more than 0 seconds, found {}", options.timeout_seconds);
  if (!options.sleep) options.sleep = sleep_or_stop;
  HB_TRY_ASSIGN(proxy, proxy_for(options.address, [](const char* name) { return variable(name).value_or(""); }));
  options.proxy = std::move(proxy);
  return Service(std::move(options));
}

Result<Json> Service::get(std::string_view path) const {
  HB_TRY_ASSIGN(done, exchange("GET", path, "", {}, {}));
  auto answer = parse_answer(done.response.body);
  if (!answer) return named(path, answer.error());
  return answer;
}

Result<Json> Service::post(std::string_view path, const Json& body) const {
  HB_TRY_ASSIGN(done, exchange("POST", path, json_text(body), {}, {}));
  auto answer = parse_answer(done.response.body);
  if (!answer) return named(path, answer.error());
  return answer;
}

Result<int> Service::post(std::string_view path, const Json& body, const std::stop_token& cancel, Reply& reply) const {
  HB_TRY_ASSIGN(done, exchange("POST", path, json_text(body), cancel, {}));
  if (const auto read = reply.take_whole(done.response.body); !read) return named(path, read.error());
  return done.tries;
}

Result<Service::Ended> Service::stream(std::string_view path, const Json& body, const std::stop_token& cancel, Reply& reply,
                                       const TextSink& sink) const {
  Result<bool> state = true;  // of the reply
  bool has_begun = false;
  const auto take = [&](std::string_view bytes) {
    has_begun = true;
    state = reply.feed(bytes, sink);
    return state && *state;
  };
  const auto done = exchange("POST", path, json_text(body), cancel, take);
  if (!state) return named(path, state.error());
  if (!done && cancel.stop_requested()) return Ended{.is_cancelled = true};
  const int tries = done ? done->tries : 1;
  if (!*state) return Ended{.tries = tries, .is_cancelled = !reply.is_done()};
  // A connection that breaks after the reply was done has lost nothing.
  if (!done && !has_begun) return done.error();
  const auto ended = reply.end(sink);
  if (!ended) return done ? named(path, ended.error()) : done.error();
  return Ended{.tries = tries};
}

Error Service::fault(std::string_view path, std::string_view message) const { return named(path, corrupt("{}", message)); }

Error Service::named(std::string_view path, const Error& error) const {
  return {error.code, fmt::format("{} at {}{}: {}", options_.name, base_url_, path, without_secrets(error.message))};
}

Result<Service::Exchange> Service::exchange(std::string_view method, std::string_view path, const std::string& body,
                                            const std::stop_token& cancel, const HttpSink& sink) const {
  if (!options_.headers) return options_.headers.error();
  HttpRequest request{.method = std::string(method), .url = options_.address.at(path), .body = body};
  request.headers = {{"Content-Type", "application/json"}, {"Accept", "application/json, */*"}};
  request.headers.insert(request.headers.end(), options_.headers->begin(), options_.headers->end());
  // A day at most: more milliseconds than a clock counts would be none at all.
  const HttpOptions options{.idle = std::chrono::milliseconds(static_cast<int64_t>(std::min(options_.timeout_seconds, 86400.0) * 1000)),
                            .proxy = options_.proxy,
                            .stop = cancel};
  for (int tries = 1;; ++tries) {
    auto response = sink ? http_stream(request, options, sink) : http_request(request, options);
    if (!response) return failed(response.error());
    if (response->status / 100 == 2) return Exchange{std::move(*response), tries};
    if (!is_retried(response->status) || tries > options_.max_retries) return refused(*response, path, tries);
    options_.sleep(std::chrono::duration<double>(wait_seconds(*response, tries)), cancel);
  }
}

Error Service::failed(const Error& error) const {
  if (error.code != Code::kNotFound) return {error.code, fmt::format("{} at {}", options_.name, error.message)};
  return not_found("Could not reach {} at {}. {}", options_.name, error.message, options_.start_hint);
}

Error Service::refused(const HttpResponse& answer, std::string_view path, int tries) const {
  std::string message =
      fmt::format("{} at {}{}: HTTP {} {}", options_.name, base_url_, path, answer.status, without_secrets(answer.reason));
  if (tries > 1) message += fmt::format(" after {} tries", tries);
  if (const std::string said = error_text(without_secrets(answer.body)); !said.empty()) message += ": " + said;
  if (answer.status != 404) return {answer.status == 429 || answer.status == 503 ? Code::kBusy : Code::kIo, message};
  if (!options_.missing_hint.empty()) message += ". " + options_.missing_hint;
  return {Code::kNotFound, message};
}

}  // namespace halfbyte
