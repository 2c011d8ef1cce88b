#include "http/url.h"

#include <algorithm>
#include <charconv>

#include "base/errors.h"

namespace halfbyte {
namespace {

bool is_printable_ascii(char c) { return c > ' ' && c < 0x7f; }

bool is_port(std::string_view text) {
  uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  return error == std::errc() && end == text.data() + text.size() && port > 0;
}

}  // namespace

std::string Url::authority() const {
  const std::string name = host.find(':') == std::string::npos ? host : "[" + host + "]";
  return port == (is_secure ? "443" : "80") ? name : name + ":" + port;
}

Result<Url> parse_url(std::string_view text) {
  const auto refused = [text](std::string_view why) {
    return invalid("address '{}': {}; expected http://HOST[:PORT][/PATH] or https://...", escaped(text), why);
  };
  Url url;
  std::string_view rest = text;
  if (rest.starts_with("https://"))
    url.is_secure = true;
  else if (!rest.starts_with("http://"))
    return refused("neither http nor https");
  rest.remove_prefix(url.is_secure ? 8 : 7);
  if (!std::ranges::all_of(rest, is_printable_ascii)) return refused("blank, control or non-ASCII character");

  const size_t host_end = std::min(rest.find_first_of("/?#"), rest.size());
  std::string_view authority = rest.substr(0, host_end);
  url.target = rest.substr(host_end);
  if (url.target.find('#') != std::string::npos) return refused("a fragment");
  if (!url.target.starts_with('/')) url.target.insert(0, "/");
  if (authority.find('@') != std::string_view::npos) return refused("a user name");

  if (authority.starts_with('[')) {
    const size_t close = authority.find(']');
    if (close == std::string_view::npos) return refused("'[' without ']'");
    url.host = authority.substr(1, close - 1);
    authority.remove_prefix(close + 1);
    if (!authority.empty() && authority[0] != ':') return refused("text after ']'");
  } else {
    const size_t colon = std::min(authority.find(':'), authority.size());
    url.host = authority.substr(0, colon);
    authority.remove_prefix(colon);
  }
  if (url.host.empty()) return refused("no host");
  url.port = url.is_secure ? "443" : "80";
  if (!authority.empty()) {
    url.port = authority.substr(1);
    if (!is_port(url.port)) return refused("no port from 1 to 65535 after ':'");
  }
  return url;
}

}  // namespace halfbyte
