// One HTTP request and its answer as routes see them: no socket, no header of the transport's own.
#pragma once

#include <functional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

namespace halfbyte {

struct HttpRequest {
  std::string method, path;  // the path without its query
  std::string body;
  std::string principal;  // whose key it came with
  std::stop_token gone;   // stopped when nobody reads the answer any more
};

// What a route answers with: whole, or begun and then written. Not called by two threads at once; all calls are harmless when the client has gone.
class HttpAnswer {
 public:
  virtual ~HttpAnswer() = default;
  // `retry_after_s` of 0: no such header.
  virtual void whole(int status, std::string_view type, std::string body, int retry_after_s = 0) = 0;
  virtual void begin(std::string_view type) = 0;  // status 200, a body of pieces
  virtual void piece(std::string bytes) = 0;      // waits while the client is slow
};

struct HttpRoute {
  std::string_view method, path;                                            // a path that ends with '/' stands for all that begin so
  std::function<void(const HttpRequest& request, HttpAnswer& answer)> act;  // on a thread that may wait; from several at once
};

// Null where there is none; `is_known`: the path has routes, with other methods.
const HttpRoute* find_route(const std::vector<HttpRoute>& routes, std::string_view method, std::string_view path, bool& is_known);

}  // namespace halfbyte
