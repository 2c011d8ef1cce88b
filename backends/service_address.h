// Where a service is and who asks it: options first, else the variables that the official clients know. Read once, at the opening.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "halfbyte/result.h"
#include "http/client.h"

namespace halfbyte {

inline constexpr std::string_view kOllamaUrl = "http://localhost:11434", kOpenAIUrl = "https://api.openai.com/v1";

// `base_url`, else the variable OLLAMA_HOST, else kOllamaUrl. kInvalid names the one that is no address.
Result<Url> ollama_address(const std::string& base_url);
// `base_url`, else the variable OPENAI_BASE_URL, else kOpenAIUrl.
Result<Url> openai_address(const std::string& base_url);
// What OLLAMA_HOST may be: HOST, HOST:PORT, :PORT, an IPv6 address, each with or without scheme and path. Port 11434, but that of a
// scheme where it has one; an address to listen at on every interface means this machine.
Result<Url> parse_ollama_host(std::string_view text);

// The value of a variable without blanks around it; none where nothing is left.
std::optional<std::string> variable(const char* name);

// The key as a header: `given`, else `name` in `env_file`, else in the environment. None where there is no key, or where the address
// has a user and so an authorization of its own. kInvalid: a key that is no header; what is wrong with the file.
Result<std::vector<HttpHeader>> key_header(const Url& address, const std::optional<std::string>& given, const char* name,
                                           const std::filesystem::path& env_file);
// kInvalid: an empty key, or one beside a user in the address.
Result<void> check_given_key(const Url& address, const std::optional<std::string>& given);

}  // namespace halfbyte
