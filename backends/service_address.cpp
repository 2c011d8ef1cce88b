#include "backends/service_address.h"

#include <arpa/inet.h>

#include <algorithm>
#include <cstdlib>

#include "backends/dotenv.h"
#include "base/errors.h"
#include "base/white_space.h"

namespace halfbyte {
namespace {

std::string_view unquoted(std::string_view text) {
  constexpr std::string_view kQuotes = "\"'";
  const size_t first = std::min(text.find_first_not_of(kQuotes), text.size());
  return text.substr(first, text.find_last_not_of(kQuotes) + 1 - first);
}

bool is_ipv6(std::string_view text) {
  in6_addr address{};
  return ::inet_pton(AF_INET6, std::string(text).c_str(), &address) == 1;
}

// An error of `url` begins with where its text came from.
Result<Url> told_from(std::string_view source, Result<Url> url) {
  if (!url) return invalid("{}: {}", source, url.error().message);
  return url;
}

}  // namespace

std::optional<std::string> variable(const char* name) {
  const char* set = std::getenv(name);
  const std::string_view text = set != nullptr ? trimmed(set) : std::string_view();
  return text.empty() ? std::nullopt : std::optional<std::string>(text);
}

Result<Url> parse_ollama_host(std::string_view text) {
  text = trimmed(unquoted(trimmed(text)));
  if (text.empty()) return parse_url(kOllamaUrl);
  if (text == "ollama.com") return parse_url("https://ollama.com");  // their own service has no other port
  const size_t scheme_end = text.find("://");
  const bool has_scheme = scheme_end != std::string_view::npos;
  const std::string_view scheme = has_scheme ? text.substr(0, scheme_end) : "http";
  std::string_view place = has_scheme ? text.substr(scheme_end + 3) : text;
  const std::string_view rest = place.substr(std::min(place.find_first_of("/?#"), place.size()));
  place.remove_suffix(rest.size());
  const std::string_view user = place.substr(0, place.rfind('@') + 1);
  place.remove_prefix(user.size());

  std::string host(place);
  if (is_ipv6(place)) host = fmt::format("[{}]", place);
  if (host.empty() || host.starts_with(':')) host = "127.0.0.1" + host;
  const bool has_port = host.starts_with('[') ? !host.ends_with(']') : host.find(':') != std::string::npos;
  if (!has_scheme && !has_port) host += ":11434";
  auto url = parse_url(fmt::format("{}://{}{}{}", scheme, user, host, rest));
  if (url && url->host == "0.0.0.0") url->host = "127.0.0.1";
  if (url && is_ipv6(url->host) && url->host.find_first_not_of("0:") == std::string::npos) url->host = "::1";
  return url;
}

Result<Url> ollama_address(const std::string& base_url) {
  if (!base_url.empty()) return told_from("base_url", parse_url(base_url));
  return told_from("OLLAMA_HOST", parse_ollama_host(variable("OLLAMA_HOST").value_or("")));
}

Result<Url> openai_address(const std::string& base_url) {
  if (!base_url.empty()) return told_from("base_url", parse_url(base_url));
  return told_from("OPENAI_BASE_URL", parse_url(variable("OPENAI_BASE_URL").value_or(std::string(kOpenAIUrl))));
}

Result<std::vector<HttpHeader>> key_header(const Url& address, const std::optional<std::string>& given, const char* name,
                                           const std::filesystem::path& env_file) {
  if (!address.basic().empty()) return std::vector<HttpHeader>{};
  std::optional<std::string> key = given;
  if (!key && !env_file.empty()) HB_TRY_INTO(key, dotenv_value(env_file, name));
  if (!key) key = variable(name);
  const std::string_view text = key ? trimmed(*key) : std::string_view();
  if (!std::ranges::all_of(text, [](char c) { return c >= ' ' && c < 0x7f; }))
    return invalid("the API key ({}) contains characters that no key has", name);
  if (text.empty()) return std::vector<HttpHeader>{};
  return std::vector<HttpHeader>{{"Authorization", fmt::format("Bearer {}", text)}};
}

Result<void> check_given_key(const Url& address, const std::optional<std::string>& given) {
  if (given && given->empty()) return invalid("api_key: expected text, found an empty string");
  if (given && !address.basic().empty())
    return invalid("api_key: expected none beside the user name in base_url, for a request carries one authorization");
  return {};
}

}  // namespace halfbyte
