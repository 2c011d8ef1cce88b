#include "http/url.h"

#include <arpa/inet.h>
#include <openssl/evp.h>

#include <algorithm>
#include <charconv>
#include <optional>

#include "base/errors.h"

namespace halfbyte {
namespace {

bool is_printable_ascii(char c) { return c > ' ' && c < 0x7f; }
bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }
bool is_in_name(char c) { return is_digit(c) || (lower(c) >= 'a' && lower(c) <= 'z') || c == '-' || c == '.' || c == '_'; }

std::string lowered(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), lower);
  return out;
}

bool is_ipv6(const std::string& host) {
  in6_addr address{};
  return ::inet_pton(AF_INET6, host.c_str(), &address) == 1;
}

// Without leading zeros; none unless it is a number from 1 to 65535.
std::optional<std::string> port_of(std::string_view text) {
  uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc() || end != text.data() + text.size() || port == 0) return std::nullopt;
  return std::to_string(port);
}

// %41 to A; none where a percent sign begins no such thing.
std::optional<std::string> percent_decoded(std::string_view text) {
  std::string out;
  for (size_t at = 0; at < text.size(); ++at) {
    if (text[at] != '%') {
      out += text[at];
      continue;
    }
    uint8_t byte = 0;
    const std::string_view digits = text.substr(at + 1, 2);
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), byte, 16);
    if (digits.size() != 2 || error != std::errc() || end != digits.data() + 2) return std::nullopt;
    out += static_cast<char>(byte);
    at += 2;
  }
  return out;
}

std::string base64(std::string_view bytes) {
  std::string out((bytes.size() + 2) / 3 * 4 + 1, '\0');  // and the zero that the function writes behind
  const int size = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()), reinterpret_cast<const unsigned char*>(bytes.data()),
                                   static_cast<int>(bytes.size()));
  out.resize(static_cast<size_t>(size));
  return out;
}

// Reads USER[:PASSWORD] into `url`; why it is none otherwise, or empty.
std::string_view read_user(std::string_view text, Url& url) {
  const size_t colon = std::min(text.find(':'), text.size());
  const auto user = percent_decoded(text.substr(0, colon));
  const auto password = percent_decoded(text.substr(std::min(colon + 1, text.size())));
  if (!user || !password) return "a '%' without two hexadecimal digits in the user name or password";
  if (std::ranges::any_of(*user + *password, is_control)) return "a control character in the user name or password";
  if (user->find(':') != std::string::npos) return "a ':' in the user name, which Basic authorization cannot say";
  url.user = *user;
  url.password = *password;
  return {};
}

// Reads HOST[:PORT] into `url`; why it is none otherwise, or empty.
std::string_view read_place(std::string_view text, Url& url) {
  if (text.starts_with('[')) {
    const size_t close = text.find(']');
    if (close == std::string_view::npos) return "'[' without ']'";
    url.host = lowered(text.substr(1, close - 1));
    if (!is_ipv6(url.host)) return "no IPv6 address between '[' and ']'";
    text.remove_prefix(close + 1);
    if (!text.empty() && text[0] != ':') return "text after ']'";
  } else {
    const size_t colon = std::min(text.find(':'), text.size());
    url.host = lowered(text.substr(0, colon));
    if (url.host.empty()) return "no host";
    if (!std::ranges::all_of(url.host, is_in_name)) return "a host with other characters than letters, digits, '-', '.' and '_'";
    text.remove_prefix(colon);
  }
  url.port = url.is_secure ? "443" : "80";
  if (text.empty()) return {};
  const auto port = port_of(text.substr(1));
  if (!port) return "no port from 1 to 65535 after ':'";
  url.port = *port;
  return {};
}

}  // namespace

std::string Url::authority() const {
  const std::string name = host.find(':') == std::string::npos ? host : "[" + host + "]";
  return port == (is_secure ? "443" : "80") ? name : name + ":" + port;
}

std::string Url::target() const { return (path.empty() ? "/" : path) + (query.empty() ? "" : "?" + query); }

std::string Url::shown() const { return (is_secure ? "https://" : "http://") + authority() + path; }

std::string Url::basic() const { return user.empty() && password.empty() ? "" : "Basic " + base64(user + ":" + password); }

Url Url::at(std::string_view route) const {
  Url url = *this;
  url.path.erase(url.path.find_last_not_of('/') + 1);
  url.path += route;
  return url;
}

Result<Url> parse_url(std::string_view text) {
  const auto refused = [text](std::string_view why) {
    return invalid("address '{}': {}; expected http://HOST[:PORT][/PATH] or https://...", shown_address(text), why);
  };
  Url url;
  const std::string scheme = lowered(text.substr(0, std::min(text.find("://"), text.size())));
  if (text.find("://") == std::string_view::npos || (scheme != "http" && scheme != "https")) return refused("neither http nor https");
  url.is_secure = scheme == "https";
  std::string_view rest = text.substr(scheme.size() + 3);
  if (!std::ranges::all_of(rest, is_printable_ascii)) return refused("a blank, control or non-ASCII character");
  if (rest.find('\\') != std::string_view::npos) return refused("a backslash");
  if (rest.find('#') != std::string_view::npos) return refused("a fragment ('#' in a password is %23)");

  const size_t authority_end = std::min(rest.find_first_of("/?"), rest.size());
  std::string_view authority = rest.substr(0, authority_end);
  rest.remove_prefix(authority_end);
  const size_t question = std::min(rest.find('?'), rest.size());
  url.path = rest.substr(0, question);
  url.query = rest.substr(std::min(question + 1, rest.size()));

  if (const size_t sign = authority.rfind('@'); sign != std::string_view::npos) {
    if (const std::string_view why = read_user(authority.substr(0, sign), url); !why.empty()) return refused(why);
    authority.remove_prefix(sign + 1);
  }
  if (const std::string_view why = read_place(authority, url); !why.empty()) return refused(why);
  return url;
}

std::string shown_address(std::string_view text) {
  // Wherever the '@' is: a slash or a question mark in a password that should have been escaped ends the authority too early.
  if (text.find('@') != std::string_view::npos) return "(not shown, it may hold a password)";
  return escaped(text.substr(0, std::min(text.find('?'), text.size())));
}

}  // namespace halfbyte
