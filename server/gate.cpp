#include "server/gate.h"

#include <fmt/format.h>
#include <openssl/crypto.h>
#include <openssl/sha.h>

#include <algorithm>

namespace halfbyte {
namespace {

std::string lower(std::string_view text) {
  std::string all(text);
  for (char& c : all)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return all;
}

std::string digest(std::string_view key) {
  std::string bytes(SHA256_DIGEST_LENGTH, '\0');
  SHA256(reinterpret_cast<const unsigned char*>(key.data()), key.size(), reinterpret_cast<unsigned char*>(bytes.data()));
  return bytes;
}

}  // namespace

bool names_loopback(std::string_view host) {
  std::string name = lower(host);
  const size_t colon = name.rfind(':');
  if (name.starts_with('[')) {
    const size_t end = name.find(']');
    return end != std::string::npos && name.substr(0, end + 1) == "[::1]" && (end + 1 == name.size() || name[end + 1] == ':');
  }
  if (colon != std::string::npos && name.find(':') == colon) name.resize(colon);
  if (name == "localhost" || name.ends_with(".localhost") || name == "::1") return true;
  if (!name.starts_with("127.")) return false;
  return std::ranges::count(name, '.') == 3 && name.find_first_not_of("0123456789.") == std::string::npos;
}

Gate::Gate(GateOptions options) : options_(std::move(options)) {
  for (std::string& origin : options_.origins) origin = lower(origin);
  for (const std::string& key : options_.api_keys) digests_.push_back(digest(key));
  options_.api_keys.clear();
}

bool Gate::allows_origin(std::string_view origin) const {
  return std::ranges::find(options_.origins, "*") != options_.origins.end() ||
         std::ranges::find(options_.origins, lower(origin)) != options_.origins.end();
}

// Every key is compared, and all of each: how long that takes says nothing about them.
std::optional<size_t> Gate::key_of(std::string_view authorization) const {
  constexpr std::string_view kScheme = "bearer ";
  if (lower(authorization.substr(0, kScheme.size())) != kScheme) return {};
  const std::string given = digest(authorization.substr(kScheme.size()));
  std::optional<size_t> found;
  for (size_t i = 0; i < digests_.size(); ++i)
    if (CRYPTO_memcmp(given.data(), digests_[i].data(), given.size()) == 0) found = i;
  return found;
}

std::optional<Gate::Refusal> Gate::refuse(const Asker& asker, bool is_preflight) const {
  if (options_.is_loopback && !names_loopback(asker.host)) return Refusal{403, "the Host header does not name this machine"};
  if (!asker.origin.empty() && !allows_origin(asker.origin)) {
    // A page that this machine serves under the same address is no stranger.
    const size_t scheme = asker.origin.find("://");
    const bool is_same = scheme != std::string_view::npos && lower(asker.origin.substr(scheme + 3)) == lower(asker.host);
    if (!is_same) return Refusal{403, "the Origin header is not one of those that may ask (--cors-origin)"};
  }
  if (!is_preflight && !digests_.empty() && !key_of(asker.authorization))
    return Refusal{401, "expected a valid key: Authorization: Bearer KEY"};
  return {};
}

std::string Gate::principal(std::string_view authorization) const {
  const std::optional<size_t> key = digests_.empty() ? std::nullopt : key_of(authorization);
  return key ? fmt::format("key {}", *key + 1) : "";
}

}  // namespace halfbyte
