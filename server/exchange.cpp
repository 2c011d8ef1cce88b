#include "server/exchange.h"

namespace halfbyte {

const HttpRoute* find_route(const std::vector<HttpRoute>& routes, std::string_view method, std::string_view path, bool& is_known) {
  is_known = false;
  if (method == "HEAD") method = "GET";
  for (const HttpRoute& route : routes) {
    const bool is_folder = route.path.size() > 1 && route.path.ends_with('/');
    if (is_folder ? !path.starts_with(route.path) : path != route.path) continue;
    is_known = true;
    if (route.method == method) return &route;
  }
  return nullptr;
}

}  // namespace halfbyte
