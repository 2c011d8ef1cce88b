#include "http/proxy.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "base/errors.h"

namespace halfbyte {
namespace {

constexpr std::string_view kBlanks = " \t\r\n";

// An address of either kind; version 4 lies in the last four bytes, behind ten zeros and two bytes of ones.
struct Ip {
  std::array<uint8_t, 16> bytes{};
  bool is_v4 = false;

  bool is_loopback() const {
    constexpr std::array<uint8_t, 16> kOne{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
    return is_v4 ? bytes[12] == 127 : bytes == kOne;
  }
};

std::optional<Ip> parse_ip(const std::string& text) {
  constexpr std::array<uint8_t, 12> kMapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  Ip ip;
  std::ranges::copy(kMapped, ip.bytes.begin());
  if (::inet_pton(AF_INET, text.c_str(), ip.bytes.data() + kMapped.size()) != 1 &&
      ::inet_pton(AF_INET6, text.c_str(), ip.bytes.data()) != 1)
    return std::nullopt;
  ip.is_v4 = std::equal(kMapped.begin(), kMapped.end(), ip.bytes.begin());
  return ip;
}

// None unless `text` is ADDRESS/BITS; else whether `ip` lies in that network.
std::optional<bool> is_in_network(const std::optional<Ip>& ip, std::string_view text) {
  const size_t slash = text.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  const auto network = parse_ip(std::string(text.substr(0, slash)));
  if (!network) return std::nullopt;
  unsigned bits = 0;
  const std::string_view digits = text.substr(slash + 1);
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), bits);
  if (error != std::errc() || end != digits.data() + digits.size() || bits > (network->is_v4 ? 32u : 128u)) return std::nullopt;
  if (!ip || ip->is_v4 != network->is_v4) return false;
  if (network->is_v4) bits += 96;
  for (size_t at = 0; at < bits; ++at)
    if (((ip->bytes[at / 8] ^ network->bytes[at / 8]) >> (7 - at % 8) & 1) != 0) return false;
  return true;
}

struct Place {
  std::string host, port;  // the port empty where there is none
};

// HOST:PORT or [HOST]:PORT; anything else is a host as it is.
Place place_of(std::string_view text) {
  const Place whole{.host = std::string(text), .port = ""};
  const size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return whole;
  std::string_view host = text.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']'))
    host = host.substr(1, host.size() - 2);
  else if (host.find(':') != std::string_view::npos)
    return whole;
  return {.host = std::string(host), .port = std::string(text.substr(colon + 1))};
}

// Whether an entry of NO_PROXY, without blanks and in small letters, means the host and port of `url`.
bool is_meant(std::string_view entry, const Url& url, const std::optional<Ip>& ip) {
  if (entry == "*") return true;
  if (const auto is_in = is_in_network(ip, entry)) return *is_in;
  auto [host, port] = place_of(entry);
  if (host.empty() || (!port.empty() && port != url.port)) return false;
  if (const auto listed = parse_ip(host)) return ip && ip->bytes == listed->bytes;
  if (ip) return false;  // no name
  if (host.starts_with("*.")) host.erase(0, 1);
  if (host.starts_with('.')) return url.host.ends_with(host);
  return url.host == host || url.host.ends_with("." + host);
}

bool is_excepted(const Url& url, std::string_view list) {
  const auto ip = parse_ip(url.host);
  if (url.host == "localhost" || (ip && ip->is_loopback())) return true;
  while (!list.empty()) {
    const size_t comma = std::min(list.find(','), list.size());
    std::string_view entry = list.substr(0, comma);
    list.remove_prefix(std::min(comma + 1, list.size()));
    entry.remove_prefix(std::min(entry.find_first_not_of(kBlanks), entry.size()));
    std::string small(entry.substr(0, entry.find_last_not_of(kBlanks) + 1));
    std::ranges::transform(small, small.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; });
    if (!small.empty() && is_meant(small, url, ip)) return true;
  }
  return false;
}

}  // namespace

Result<std::optional<Url>> proxy_for(const Url& url, const Variables& variables) {
  const char* name = url.is_secure ? "HTTPS_PROXY" : "HTTP_PROXY";
  std::string value = variables(name), list = variables("NO_PROXY");
  if (value.empty()) value = variables(name = url.is_secure ? "https_proxy" : "http_proxy");
  if (list.empty()) list = variables("no_proxy");
  // Go looks at the CGI variable first, so that a header of anybody could keep a program from its own machine's services.
  if (value.empty() || is_excepted(url, list)) return std::optional<Url>();
  if (!url.is_secure && !variables("REQUEST_METHOD").empty())
    return invalid("{}: refused in a CGI program (REQUEST_METHOD is set), where it may be a header of the request", name);
  const auto proxy = parse_url(value.find("://") == std::string::npos ? "http://" + value : value);
  if (!proxy) return invalid("{}: {}", name, proxy.error().message);
  if (proxy->is_secure) return invalid("{}: a proxy that is spoken to over TLS is not supported, found {}", name, proxy->shown());
  return std::optional<Url>(*proxy);
}

}  // namespace halfbyte
