// The only file that includes Boost.Asio and Beast: it takes as long to compile as a whole room.
#include "http/client.h"

#include <algorithm>
#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl/ssl_stream.hpp>
#include <optional>

#include "base/errors.h"
#include "http/url.h"

namespace halfbyte {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using boost::system::error_code;
using Clock = std::chrono::steady_clock;
// Executors and handlers of one type each: for every other the compiler would write all layers of an operation once more.
using Executor = asio::io_context::executor_type;
using TcpStream = beast::basic_stream<asio::ip::tcp, Executor>;
using TlsStream = beast::ssl_stream<TcpStream>;
using Resolver = asio::ip::basic_resolver<asio::ip::tcp, Executor>;

// What an operation calls at its end.
struct Done {
  error_code* result;
  template <class... Rest>
  void operator()(error_code error, Rest&&...) const {
    *result = error;
  }
};

constexpr size_t kReadBytes = 16 << 10;

bool has_control_character(std::string_view text) {
  return std::ranges::any_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

// A request is written by hand: Beast's way of it takes longer to compile than the rest of this file.
constexpr std::string_view kLineEnd = "\r\n";
void add_header(std::string& message, std::string_view name, std::string_view value) {
  message.append(name).append(": ").append(value).append(kLineEnd);
}
std::string request_head(std::string_view method, std::string_view target, std::string_view host) {
  std::string message = fmt::format("{} {} HTTP/1.1{}", method, target, kLineEnd);
  add_header(message, "Host", host);
  add_header(message, "User-Agent", "halfbyte");
  return message;
}

// One connection for one request. Each operation is started asynchronously and run to its end, so that it has a deadline and
// can be stopped, which plain blocking calls cannot.
class Exchange {
 public:
  Exchange(const HttpRequest& request, const HttpOptions& options, const HttpSink* sink)
      : request_(request), options_(options), sink_(sink), url_(request.url), shown_(url_.shown()), begin_(Clock::now()) {
    if (options_.proxy) shown_ += " through the proxy " + options_.proxy->shown();
  }

  Result<HttpResponse> run() {
    for (const HttpHeader& header : request_.headers)
      if (header.name.empty() || has_control_character(header.name) || has_control_character(header.value))
        return invalid("{}: header '{}' has no name or contains control characters", shown_, escaped(header.name));

    Resolver resolver(io_);
    Resolver::results_type places;
    const error_code unknown = wait([&](Done done) {
      const Url& asked = options_.proxy ? *options_.proxy : url_;
      resolver.async_resolve(asked.host, asked.port, [&places, done](error_code error, auto found) {
        places = std::move(found);
        done(error);
      });
    });
    if (unknown) return unreached(unknown);
    if (url_.is_secure) return run_secure(places);
    TcpStream stream(io_);
    tcp_ = &stream;
    HB_TRY(connect(places));
    return exchange(stream);
  }

 private:
  using Places = Resolver::results_type;

  Result<HttpResponse> run_secure(const Places& places) {
    asio::ssl::context context(asio::ssl::context::tls_client);
    error_code error;
    context.set_options(asio::ssl::context::default_workarounds | asio::ssl::context::no_tlsv1 | asio::ssl::context::no_tlsv1_1, error);
    if (options_.certificates.empty())
      context.set_default_verify_paths(error);
    else
      context.load_verify_file(options_.certificates.string(), error);
    if (error) return io_error("{}: cannot read the trusted certificates: {}", shown_, error.message());

    TlsStream stream(io_, context);
    tcp_ = &beast::get_lowest_layer(stream);
    stream.set_verify_mode(asio::ssl::verify_peer, error);
    if (!error) stream.set_verify_callback(asio::ssl::host_name_verification(url_.host), error);
    if (error) return internal("{}: {}", shown_, error.message());
    error_code not_an_ip;
    asio::ip::make_address(url_.host, not_an_ip);
    if (not_an_ip && SSL_set_tlsext_host_name(stream.native_handle(), url_.host.c_str()) != 1)
      return invalid("{}: not a host name for TLS", shown_);
    HB_TRY(connect(places));
    if (options_.proxy) HB_TRY(open_tunnel(*tcp_));
    if (const error_code failed = wait([&](Done done) { stream.async_handshake(asio::ssl::stream_base::client, done); }))
      return unreached(failed);
    return exchange(stream);
  }

  Result<void> connect(const Places& places) {
    const error_code failed = wait([&](Done done) { tcp_->async_connect(places, done); });
    if (failed) return unreached(failed);
    return {};
  }

  // Has the proxy pass on what comes after its answer (RFC 9110, 9.3.6): TLS, which it cannot read.
  Result<void> open_tunnel(TcpStream& stream) {
    const std::string place = (url_.host.find(':') == std::string::npos ? url_.host : "[" + url_.host + "]") + ":" + url_.port;
    std::string message = request_head("CONNECT", place, place);
    add_proxy_authorization(message);
    message += kLineEnd;
    if (const error_code failed = wait([&](Done done) { asio::async_write(stream, asio::buffer(message), done); }))
      return unreached(failed);
    beast::flat_buffer buffer(size_t{options_.most_header_bytes} + kReadBytes);
    http::response_parser<http::string_body> parser;
    parser.header_limit(options_.most_header_bytes);
    parser.skip(true);
    if (const error_code failed = wait([&](Done done) { http::async_read_header(stream, buffer, parser, done); })) return broken(failed);
    const auto& answer = parser.get();
    if (answer.result_int() / 100 != 2)
      return not_found("{}: the proxy answers HTTP {} {}", shown_, answer.result_int(), escaped(std::string(answer.reason())));
    if (buffer.size() > 0) return corrupt("{}: the proxy sent {} bytes that nobody had asked for", shown_, buffer.size());
    return {};
  }

  void add_proxy_authorization(std::string& message) const {
    const std::string basic = options_.proxy->basic();
    if (!basic.empty()) add_header(message, "Proxy-Authorization", basic);
  }

  template <class Stream>
  Result<HttpResponse> exchange(Stream& stream) {
    if (http::string_to_verb(request_.method) == http::verb::unknown)
      return invalid("{}: unknown method '{}'", shown_, escaped(request_.method));
    const bool is_asked_of_proxy = options_.proxy && !url_.is_secure;
    const std::string target = (is_asked_of_proxy ? "http://" + url_.authority() : "") + url_.target();
    std::string message = request_head(request_.method, target, url_.authority());
    const std::string basic = url_.basic();
    for (const HttpHeader& header : request_.headers)
      if (basic.empty() || !beast::iequals(header.name, "Authorization")) add_header(message, header.name, header.value);
    if (!basic.empty()) add_header(message, "Authorization", basic);
    if (is_asked_of_proxy) add_proxy_authorization(message);
    add_header(message, "Connection", "close");
    if (!request_.body.empty() || request_.method == "POST") add_header(message, "Content-Length", std::to_string(request_.body.size()));
    message.append(kLineEnd).append(request_.body);
    if (const error_code failed = wait([&](Done done) { asio::async_write(stream, asio::buffer(message), done); })) return broken(failed);

    beast::flat_buffer buffer(size_t{options_.most_header_bytes} + kReadBytes);
    http::response_parser<http::string_body> parser;
    parser.header_limit(options_.most_header_bytes);
    parser.body_limit(options_.most_body_bytes);
    if (request_.method == "HEAD") parser.skip(true);
    if (const error_code failed = wait([&](Done done) { http::async_read_header(stream, buffer, parser, done); })) return broken(failed);

    HttpResponse response{.status = static_cast<int>(parser.get().result_int()), .reason = std::string(parser.get().reason())};
    for (const auto& field : parser.get()) response.headers.push_back({std::string(field.name_string()), std::string(field.value())});
    if (const std::string* place = response.header("Location"); place != nullptr && response.status / 100 == 3)
      return unsupported("{}: HTTP {}: a redirect to {}, which is not followed", shown_, response.status, shown_address(*place));

    const bool is_streamed = sink_ != nullptr && response.status / 100 == 2;
    uint64_t bytes = 0;
    parser.eager(false);  // one part at a time: eager, it would hold a chunk back until the next one begins
    while (true) {
      std::string& piece = parser.get().body();
      bytes += piece.size();
      if (bytes > options_.most_body_bytes) return broken(http::error::body_limit);
      if (is_streamed) {
        if (!piece.empty() && !(*sink_)(piece)) return response;
      } else {
        response.body += piece;
      }
      piece.clear();
      if (parser.is_done()) return response;
      if (const error_code failed = wait([&](Done done) { http::async_read_some(stream, buffer, parser, done); })) return broken(failed);
    }
  }

  // Starts an operation, given what it must call with its error at its end, and runs it until then.
  template <class Start>
  error_code wait(Start start) {
    if (options_.stop.stop_requested()) return asio::error::operation_aborted;
    if (tcp_ != nullptr) {
      auto longest = options_.idle;
      if (options_.total.count() > 0) {
        const auto spent = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - begin_);
        longest = std::clamp(options_.total - spent, std::chrono::milliseconds(0), longest);
      }
      tcp_->expires_after(longest);
    }
    const std::stop_callback stopping(options_.stop, [this] {
      asio::post(io_, [this] {
        if (tcp_ != nullptr) tcp_->cancel();
      });
    });
    error_code result = asio::error::operation_aborted;
    start(Done{&result});
    io_.restart();
    io_.run();
    return options_.stop.stop_requested() ? error_code(asio::error::operation_aborted) : result;
  }

  // Why no connection came about.
  Error unreached(error_code error) const {
    if (error == beast::error::timeout || options_.stop.stop_requested()) return broken(error);
    return not_found("{}: {}", shown_, error.message());
  }

  // Why a connection was of no use.
  Error broken(error_code error) const {
    const std::string& url = shown_;
    if (options_.stop.stop_requested()) return io_error("{}: stopped", url);
    if (error == beast::error::timeout) {
      if (options_.total.count() > 0 && Clock::now() - begin_ >= options_.total)
        return io_error("{}: timed out, not complete after {:g} s", url, static_cast<double>(options_.total.count()) / 1000);
      return io_error("{}: timed out, no byte for {:g} s", url, static_cast<double>(options_.idle.count()) / 1000);
    }
    if (error == http::error::header_limit || error == http::error::buffer_overflow)
      return too_long("{}: the answer has headers of more than {} bytes", url, options_.most_header_bytes);
    if (error == http::error::body_limit) return too_long("{}: the answer has more than {} bytes", url, options_.most_body_bytes);
    if (error == http::error::end_of_stream || error == http::error::partial_message || error == asio::error::eof ||
        error == asio::error::connection_reset || error == asio::error::broken_pipe || error == asio::ssl::error::stream_truncated)
      return io_error("{}: the connection closed before the answer was complete", url);
    if (error.category() == http::make_error_code(http::error::bad_version).category())
      return corrupt("{}: the answer is not HTTP: {}", url, error.message());
    return io_error("{}: {}", url, error.message());
  }

  const HttpRequest& request_;
  const HttpOptions& options_;
  const HttpSink* sink_;
  const Url& url_;
  std::string shown_;  // in messages, in place of an address that may have a password
  Clock::time_point begin_;
  asio::io_context io_{1};
  TcpStream* tcp_ = nullptr;  // what deadlines and stopping apply to; null while the name is looked up
};

}  // namespace

const std::string* HttpResponse::header(std::string_view name) const {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; };
  for (const HttpHeader& header : headers)
    if (std::ranges::equal(header.name, name, {}, lower, lower)) return &header.value;
  return nullptr;
}

Result<HttpResponse> http_request(const HttpRequest& request, const HttpOptions& options) {
  return Exchange(request, options, nullptr).run();
}

Result<HttpResponse> http_stream(const HttpRequest& request, const HttpOptions& options, const HttpSink& sink) {
  return Exchange(request, options, &sink).run();
}

}  // namespace halfbyte
