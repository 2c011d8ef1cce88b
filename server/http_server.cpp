// With http/client.cpp the only file that includes Boost.Asio and Beast. Sockets belong to the one thread that calls run(); routes act on
// workers, which hand over bytes and wait where a client is slow.
#include "server/http_server.h"

#include <algorithm>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <condition_variable>
#include <csignal>
#include <exception>
#include <mutex>
#include <new>
#include <optional>
#include <set>

#include "base/errors.h"

namespace halfbyte {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using asio::ip::tcp;
using boost::system::error_code;

constexpr size_t kMostPending = size_t{1} << 20;  // bytes of an answer that a slow client has not taken
constexpr std::chrono::seconds kLinger{2};
constexpr size_t kMostAhead = size_t{64} << 10;  // of a next request while the last one is answered

std::string_view reason_of(int status) {
  switch (status) {
    case 200: return "OK";
    case 204: return "No Content";
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 408: return "Request Timeout";
    case 413: return "Content Too Large";
    case 431: return "Request Header Fields Too Large";
    case 503: return "Service Unavailable";
    default: return status < 500 ? "Refused" : "Internal Server Error";
  }
}

std::string_view view(beast::string_view text) { return {text.data(), text.size()}; }

// How an answer is framed for one request.
struct Framing {
  bool keeps_alive = true, is_head = false, is_chunked = true;  // not chunked: the end of the connection ends a body of pieces
  std::string allowed_origin;

  std::string head(int status, std::string_view type) const {
    std::string text = fmt::format("HTTP/1.1 {} {}\r\n", status, reason_of(status));
    if (!type.empty()) text += fmt::format("Content-Type: {}\r\n", type);
    if (!allowed_origin.empty()) text += fmt::format("Access-Control-Allow-Origin: {}\r\nVary: Origin\r\n", allowed_origin);
    text += "X-Content-Type-Options: nosniff\r\n";
    text += keeps_alive ? "Connection: keep-alive\r\n" : "Connection: close\r\n";
    return text;
  }
  std::string whole(int status, std::string_view type, std::string_view body, int retry_after_s = 0) const {
    std::string text = head(status, type);
    if (retry_after_s > 0) text += fmt::format("Retry-After: {}\r\n", retry_after_s);
    if (status == 401) text += "WWW-Authenticate: Bearer\r\n";
    if (status != 204) text += fmt::format("Content-Length: {}\r\n", body.size());
    text += "\r\n";
    if (!is_head) text += body;
    return text;
  }
};

// What the socket's thread and a worker share of one answer.
class Exchange final : public HttpAnswer, public std::enable_shared_from_this<Exchange> {
 public:
  Exchange(asio::io_context& io, Framing framing)
      : wake_(io, asio::steady_timer::time_point::max()), io_(io), framing_(std::move(framing)) {}

  // On the worker.
  void whole(int status, std::string_view type, std::string body, int retry_after_s) override {
    put(framing_.whole(status, type, body, retry_after_s));
  }
  void begin(std::string_view type) override {
    std::string text = framing_.head(200, type) + "Cache-Control: no-cache\r\n";
    if (framing_.is_chunked) text += "Transfer-Encoding: chunked\r\n";
    is_in_pieces_ = true;
    put(text + "\r\n");
  }
  void piece(std::string bytes) override {
    if (bytes.empty() || framing_.is_head) return;
    put(framing_.is_chunked ? fmt::format("{:x}\r\n{}\r\n", bytes.size(), bytes) : std::move(bytes));
  }
  // The route did not come to its end. A body in pieces has none then, and the connection is closed.
  void fail(std::string body) {
    if (!is_in_pieces_) return whole(500, "application/json", std::move(body), 0);
    is_in_pieces_ = false;
    gone_.request_stop();
  }
  void end() {
    if (is_in_pieces_ && framing_.is_chunked && !framing_.is_head) put("0\r\n\r\n");
    const std::lock_guard lock(mutex_);
    has_ended_ = true;
    wake_later();
  }
  std::stop_token gone() const { return gone_.get_token(); }

  // On the socket's thread.
  struct Taken {
    std::string bytes;
    bool is_last;
  };
  Taken take() {
    const std::lock_guard lock(mutex_);
    Taken taken{std::exchange(pending_, {}), has_ended_};
    changed_.notify_all();
    return taken;
  }
  void leave() {
    {
      const std::lock_guard lock(mutex_);
      has_left_ = true;
      pending_.clear();
      changed_.notify_all();
    }
    gone_.request_stop();
  }
  asio::steady_timer wake_;  // cancelled: there is news

 private:
  void put(std::string bytes) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return has_left_ || pending_.size() < kMostPending; });
    if (has_left_) return;
    if (pending_.empty()) wake_later();
    pending_ += bytes;
  }
  void wake_later() {
    asio::post(io_, [self = shared_from_this()] { self->wake_.cancel(); });
  }

  asio::io_context& io_;
  Framing framing_;
  bool is_in_pieces_ = false;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::string pending_;
  bool has_ended_ = false, has_left_ = false;
  std::stop_source gone_;
};

auto into(error_code& error) { return asio::redirect_error(asio::use_awaitable, error); }

}  // namespace

bool is_loopback_address(std::string_view host) { return names_loopback(host); }

struct HttpServer::Impl {
  HttpServerOptions options;
  std::vector<HttpRoute> routes;
  std::function<std::string(int, std::string_view)> refusal;
  Gate gate{options.gate};
  asio::io_context io{1};
  tcp::acceptor acceptor{io};
  asio::steady_timer drain{io};
  asio::signal_set signals{io};
  asio::thread_pool workers{static_cast<size_t>(options.workers)};

  struct Connection : std::enable_shared_from_this<Connection> {
    explicit Connection(tcp::socket socket) : stream(std::move(socket)) {}
    beast::tcp_stream stream;
    beast::flat_buffer buffer;
    std::shared_ptr<Exchange> exchange;  // while a request is answered
    bool is_watched = false;             // its other end, meanwhile
    bool was_refused = false;            // before all of its request was read
  };
  std::set<std::shared_ptr<Connection>> connections;
  int stops = 0;
  bool is_over = false;

  Impl(HttpServerOptions given, std::vector<HttpRoute> all, std::function<std::string(int, std::string_view)> write_refusal)
      : options(std::move(given)), routes(std::move(all)), refusal(std::move(write_refusal)) {}

  asio::awaitable<void> accept() {
    for (;;) {
      error_code error;
      tcp::socket socket = co_await acceptor.async_accept(into(error));
      if (!acceptor.is_open()) co_return;
      if (error) {  // no descriptor is left, say: others will be closed
        asio::steady_timer pause(io, std::chrono::milliseconds(50));
        co_await pause.async_wait(into(error));
        continue;
      }
      const auto connection = std::make_shared<Connection>(std::move(socket));
      if (connections.size() >= static_cast<size_t>(options.connections)) {
        asio::co_spawn(io, refuse_connection(connection), asio::detached);
        continue;
      }
      connections.insert(connection);
      asio::co_spawn(io, serve(connection), [this, connection](const std::exception_ptr&) { forget(connection); });
    }
  }

  asio::awaitable<void> refuse_connection(std::shared_ptr<Connection> connection) {
    const Framing framing{.keeps_alive = false};
    connection->stream.expires_after(std::chrono::seconds(1));
    co_await write(*connection, framing.whole(503, "application/json", refusal(503, "too many connections are open"), 1));
  }

  asio::awaitable<bool> write(Connection& connection, std::string bytes) {
    error_code error;
    co_await asio::async_write(connection.stream, asio::buffer(bytes), into(error));
    co_return !error;
  }

  asio::awaitable<void> serve(std::shared_ptr<Connection> connection) {
    error_code error;
    connection->stream.socket().set_option(tcp::no_delay(true), error);
    bool goes_on = true;
    while (goes_on && stops == 0) goes_on = co_await serve_one(*connection);
    connection->stream.socket().shutdown(tcp::socket::shutdown_send, error);
    if (connection->was_refused) co_await let_read(*connection);
  }

  // Served, or out of memory.
  void forget(const std::shared_ptr<Connection>& connection) {
    if (connection->exchange) connection->exchange->leave();
    connection->stream.close();
    connections.erase(connection);
    if (stops > 0 && connections.empty()) end();
  }

  // A client that still sends reads why it was refused only if its bytes are taken: closed before, the system resets the connection.
  asio::awaitable<void> let_read(Connection& connection) {
    connection.stream.expires_after(kLinger);
    error_code error;
    while (!error) {
      connection.buffer.clear();
      co_await connection.stream.async_read_some(connection.buffer.prepare(kMostAhead), into(error));
    }
  }

  // One request and its answer; false: the connection ends here.
  asio::awaitable<bool> serve_one(Connection& connection) {
    error_code error;
    if (connection.buffer.size() == 0) {
      connection.stream.expires_after(options.idle_time);
      const size_t bytes = co_await connection.stream.async_read_some(connection.buffer.prepare(4096), into(error));
      if (error) co_return false;
      connection.buffer.commit(bytes);
    }
    http::request_parser<http::string_body> parser;
    parser.header_limit(static_cast<uint32_t>(options.header_bytes));
    parser.body_limit(options.body_bytes);
    connection.stream.expires_after(options.header_time);
    co_await http::async_read_header(connection.stream, connection.buffer, parser, into(error));
    Framing framing{.keeps_alive = false};
    const auto refuse = [&](int status, std::string_view message, int retry_after_s = 0) {
      connection.stream.expires_after(options.write_time);
      connection.was_refused = !framing.keeps_alive;
      return write(connection, framing.whole(status, "application/json", refusal(status, message), retry_after_s));
    };
    if (error) {
      if (error == http::error::header_limit)
        co_await refuse(431, "the headers are longer than this server takes");
      else if (error == http::error::body_limit)
        co_await refuse(413, "the body is longer than this server takes");
      else if (error == beast::error::timeout)
        co_await refuse(408, "the headers took too long");
      else if (error.category() == make_error_code(http::error::bad_method).category() && error != http::error::end_of_stream &&
               error != http::error::partial_message)
        co_await refuse(400, "this is no HTTP/1.1 request");
      co_return false;
    }
    const auto& head = parser.get();
    const std::string_view method = view(head.method_string()), target = view(head.target());
    const Asker asker{view(head[http::field::host]), view(head[http::field::origin]), view(head[http::field::authorization])};
    framing.is_head = method == "HEAD";
    framing.is_chunked = head.version() >= 11;
    if (!asker.origin.empty() && gate.allows_origin(asker.origin)) framing.allowed_origin = asker.origin;
    const bool is_preflight = method == "OPTIONS" && !asker.origin.empty();
    std::optional<Gate::Refusal> refused = gate.refuse(asker, is_preflight);
    if (head.count(http::field::host) > 1) refused = {400, "more than one Host header"};
    if (refused) {
      co_await refuse(refused->status, refused->message);
      co_return false;
    }
    const std::string principal = gate.principal(asker.authorization);

    if (view(head[http::field::expect]) == "100-continue") {
      connection.stream.expires_after(options.write_time);
      const bool is_sent = co_await write(connection, "HTTP/1.1 100 Continue\r\n\r\n");
      if (!is_sent) co_return false;
    }
    connection.stream.expires_after(options.body_time);
    co_await http::async_read(connection.stream, connection.buffer, parser, into(error));
    if (error) {
      if (error == http::error::body_limit)
        co_await refuse(413, "the body is longer than this server takes");
      else if (error == beast::error::timeout)
        co_await refuse(408, "the body took too long");
      else if (error.category() == make_error_code(http::error::bad_method).category() && error != http::error::partial_message)
        co_await refuse(400, "this is no HTTP/1.1 request");
      co_return false;
    }
    framing.keeps_alive = head.keep_alive() && framing.is_chunked && stops == 0;

    HttpRequest request{.method = std::string(method), .path = std::string(target.substr(0, target.find('?'))), .principal = principal};
    if (is_preflight) {
      connection.stream.expires_after(options.write_time);
      const bool is_sent = co_await write(connection, preflight(framing));
      co_return is_sent&& framing.keeps_alive;
    }
    bool is_known = false;
    const HttpRoute* route = find_route(routes, request.method, request.path, is_known);
    if (route == nullptr) {
      const int status = is_known ? 405 : 404;
      const bool is_sent = co_await refuse(status, is_known ? "this path takes another method" : "there is no such path");
      co_return is_sent&& framing.keeps_alive;
    }
    request.body = std::move(parser.get().body());
    const bool is_sent = co_await answer(connection, *route, std::move(request), framing);
    co_return is_sent&& framing.keeps_alive;
  }

  static std::string preflight(const Framing& framing) {
    std::string text = framing.whole(204, "", "");
    text.insert(text.size() - 2,
                "Access-Control-Allow-Methods: GET, POST, OPTIONS\r\nAccess-Control-Allow-Headers: Authorization, Content-Type\r\n"
                "Access-Control-Max-Age: 600\r\n");
    return text;
  }

  // Lets a worker act and sends what it says, until all is said or the client has gone.
  asio::awaitable<bool> answer(Connection& connection, const HttpRoute& route, HttpRequest request, Framing framing) {
    const auto exchange = std::make_shared<Exchange>(io, std::move(framing));
    connection.exchange = exchange;
    connection.stream.expires_never();
    connection.is_watched = true;
    asio::co_spawn(io, watch(connection.shared_from_this(), exchange), asio::detached);
    request.gone = exchange->gone();
    asio::post(workers, [this, exchange, &route, request = std::move(request)] {
      try {
        route.act(request, *exchange);
      } catch (const std::bad_alloc&) {
        exchange->fail(refusal(500, out_of_memory().message));
      }
      exchange->end();
    });
    bool is_sent = true;
    for (;;) {
      Exchange::Taken taken = exchange->take();
      error_code ignored;
      if (!taken.bytes.empty()) {
        connection.stream.expires_after(options.write_time);  // of the write alone: the watch is under way
        is_sent = co_await write(connection, std::move(taken.bytes));
        if (!is_sent) exchange->leave();
      } else if (taken.is_last) {
        break;
      } else {
        co_await exchange->wake_.async_wait(into(ignored));
      }
    }
    connection.exchange.reset();
    while (connection.is_watched) {
      connection.stream.cancel();
      error_code ignored;
      co_await exchange->wake_.async_wait(into(ignored));
    }
    co_return is_sent && !exchange->gone().stop_requested();
  }

  // Reads on while a request is answered: an end, or more than a next request may have sent ahead, and the answer is nobody's.
  asio::awaitable<void> watch(std::shared_ptr<Connection> watched, std::shared_ptr<Exchange> exchange) {
    Connection& connection = *watched;
    while (connection.exchange == exchange) {
      error_code error;
      const size_t bytes = co_await connection.stream.async_read_some(connection.buffer.prepare(4096), into(error));
      connection.buffer.commit(bytes);
      if (connection.exchange == exchange && (error || connection.buffer.size() > kMostAhead)) {
        exchange->leave();
        break;
      }
    }
    connection.is_watched = false;
    exchange->wake_.cancel();
  }

  void stop() {
    ++stops;
    if (stops > 1) return cancel_all();
    error_code ignored;
    acceptor.close(ignored);
    for (const auto& connection : connections)
      if (!connection->exchange) connection->stream.cancel();
    if (connections.empty()) return end();
    drain.expires_after(options.drain_time);
    drain.async_wait([this](error_code error) {
      if (!error) cancel_all();
    });
  }

  // Nothing is left to wait for: run() returns.
  void end() {
    is_over = true;
    drain.cancel();
    signals.cancel();
  }

  asio::awaitable<void> watch_signals() {
    error_code error;
    while (!error && !is_over) {
      co_await signals.async_wait(into(error));
      if (!error) stop();
    }
  }

  void cancel_all() {
    drain.cancel();
    for (const auto& connection : connections) {
      if (connection->exchange) connection->exchange->leave();
      connection->stream.cancel();
    }
  }
};

HttpServer::HttpServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
HttpServer::~HttpServer() = default;

Result<std::unique_ptr<HttpServer>> HttpServer::open(HttpServerOptions options, std::vector<HttpRoute> routes,
                                                     std::function<std::string(int, std::string_view)> refusal) {
  error_code error;
  const auto address = asio::ip::make_address(options.host == "localhost" ? "127.0.0.1" : options.host, error);
  if (error) return invalid("host: expected an address such as 127.0.0.1 or ::1, found '{}'", escaped(options.host));
  options.gate.is_loopback = address.is_loopback();
  const tcp::endpoint endpoint(address, options.port);
  const std::string shown = fmt::format("{}:{}", options.host, options.port);
  auto impl = std::make_unique<Impl>(std::move(options), std::move(routes), std::move(refusal));
  impl->acceptor.open(endpoint.protocol(), error);
  if (!error) impl->acceptor.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error) impl->acceptor.bind(endpoint, error);
  if (!error) impl->acceptor.listen(asio::socket_base::max_listen_connections, error);
  if (error) return io_error("{}: {}", shown, error.message());
  return std::unique_ptr<HttpServer>(new HttpServer(std::move(impl)));
}

uint16_t HttpServer::port() const {
  error_code error;
  return impl_->acceptor.local_endpoint(error).port();
}

void HttpServer::run() {
  if (impl_->options.stops_on_signals) {
    impl_->signals.add(SIGINT);
    impl_->signals.add(SIGTERM);
    asio::co_spawn(impl_->io, impl_->watch_signals(), asio::detached);
  }
  asio::co_spawn(impl_->io, impl_->accept(), asio::detached);
  impl_->io.run();
  impl_->workers.join();
}

void HttpServer::stop() {
  asio::post(impl_->io, [impl = impl_.get()] { impl->stop(); });
}

}  // namespace halfbyte
