#include "backends/service.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <condition_variable>
#include <ctime>
#include <mutex>
#include <random>

#include "backends/json_text.h"
#include "backends/service_address.h"
#include "base/errors.h"
#include "http/lines.h"
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

std::string shown(std::string_view text) { return fmt::format("'{}'", escaped(text)); }

// The sentence in an `error` field, which services write as a string or as an object with a message.
std::string error_message(const Json& error) {
  if (error.text() != nullptr) return *error.text();
  const Json* message = error.find("message");
  return message != nullptr && message->text() != nullptr ? *message->text() : json_text(error);
}

// An empty, null or false `error` is none.
const Json* error_of(const Json& answer) {
  const Json* error = answer.find("error");
  if (error == nullptr || (error->text() == nullptr && error->object() == nullptr)) return is_true(error) ? error : nullptr;
  return error->text() != nullptr && error->text()->empty() ? nullptr : error;
}

std::string error_text(std::string_view body) {
  const auto answer = parse_json(body, "answer");
  if (const Json* error = answer ? error_of(*answer) : nullptr) return error_message(*error);
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
  for (const std::string& secret : secrets_)
    for (size_t at = 0; (at = text.find(secret, at)) != std::string::npos; at += kHidden.size()) text.replace(at, secret.size(), kHidden);
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

Result<Service::Answer> Service::get(std::string_view path, const std::stop_token& cancel) const {
  HB_TRY_ASSIGN(done, exchange("GET", path, "", cancel, {}));
  HB_TRY_ASSIGN(json, parse(path, done.response.body));
  return Answer{std::move(json), done.tries};
}

Result<Service::Answer> Service::post(std::string_view path, const Json& body, const std::stop_token& cancel) const {
  HB_TRY_ASSIGN(done, exchange("POST", path, json_text(body), cancel, {}));
  HB_TRY_ASSIGN(json, parse(path, done.response.body));
  return Answer{std::move(json), done.tries};
}

Result<Service::Ended> Service::post_lines(std::string_view path, const Json& body, const std::stop_token& cancel,
                                           const LineSink& on_line) const {
  LineReader lines;
  Result<bool> state = true;  // of the sink
  const auto take_line = [&](std::string_view line) {
    state = on_line(line);
    return state && *state;
  };
  const auto take_bytes = [&](std::string_view bytes) {
    const auto more = lines.feed(bytes, take_line);
    if (!more) state = fault(path, more.error().message);
    return more && *more;
  };
  const auto done = exchange("POST", path, json_text(body), cancel, take_bytes);
  if (!state) return state.error();
  if (!done && cancel.stop_requested()) return Ended{.is_cancelled = true};
  if (!done) return done.error();
  // A last line without an end is whole or was cut: whoever reads then finds that the end is missing.
  if (*state && !lines.rest().empty() && parse_json(lines.rest(), "line")) take_line(lines.rest());
  if (!state) return state.error();
  return Ended{.tries = done->tries};
}

Result<Json> Service::parse(std::string_view path, std::string_view text) const {
  auto value = parse_json(text, "answer");
  if (!value) return fault(path, "the answer is not JSON: " + shown(without_secrets(text)));
  if (value->object() == nullptr) return fault(path, "expected a JSON object, found " + shown(without_secrets(text)));
  if (const Json* error = error_of(*value))
    return io_error("{} at {}: {}", options_.name, base_url_, without_secrets(error_message(*error)));
  return value;
}

Error Service::fault(std::string_view path, std::string_view message) const {
  return corrupt("{} at {}{}: {}", options_.name, base_url_, path, message);
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
