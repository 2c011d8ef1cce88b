// The parts of an http or https address that a client needs.
#pragma once

#include <string>
#include <string_view>

#include "halfbyte/result.h"

namespace halfbyte {

struct Url {
  bool is_secure = false;
  std::string host;    // without brackets
  std::string port;    // decimal; 80 or 443 where the address has none
  std::string target;  // path and query, at least "/"

  std::string authority() const;  // for the Host field: brackets around an IPv6 address, the port unless it is the scheme's own
};

// kInvalid: another scheme, no host, a bad port, or something that has no place in a request line (blanks, a password, a fragment).
Result<Url> parse_url(std::string_view text);

}  // namespace halfbyte
