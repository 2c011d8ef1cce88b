// Which proxy a request goes through, by the rules of Go's http.ProxyFromEnvironment.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "halfbyte/result.h"
#include "http/url.h"

namespace halfbyte {

// The value of an environment variable; empty where it is not set.
using Variables = std::function<std::string(const char* name)>;

// HTTP_PROXY or HTTPS_PROXY, by the scheme of `url`, in capitals or else in small letters; none for localhost, loopback addresses and
// what NO_PROXY lists: names with all below them, .names for those below alone, addresses, networks (10.0.0.0/8), each with a port or
// without, or *. kInvalid names the variable: its value is no http address, or this is a CGI program, whose HTTP_PROXY is a header that
// anybody can send.
Result<std::optional<Url>> proxy_for(const Url& url, const Variables& variables);

}  // namespace halfbyte
