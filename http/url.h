// An http or https address in the parts that a client needs.
#pragma once

#include <string>
#include <string_view>

#include "halfbyte/result.h"

namespace halfbyte {

struct Url {
  bool is_secure = false;
  std::string host;            // lower case, without brackets
  std::string port;            // decimal; 80 or 443 where the address has none
  std::string path;            // empty, or from its slash on, as it was written
  std::string query;           // without its question mark
  std::string user, password;  // decoded. They, and the query, may be secrets: no message has them.

  std::string authority() const;         // for the Host field: brackets around an IPv6 address, the port unless it is the scheme's own
  std::string target() const;            // path and query as a request line has them, at least "/"
  std::string shown() const;             // for people: scheme, authority and path
  std::string basic() const;             // "Basic ..." (RFC 7617) where there is a user or a password, else empty
  Url at(std::string_view route) const;  // `route` behind the path, whose trailing slashes go; the query stays the query
};

// kInvalid: another scheme, no host, a bad port, or something that has no place in a request line (blanks, a fragment). The message
// shows the text only where no password can be in it.
Result<Url> parse_url(std::string_view text);

// A text that should be an address, made fit for a message: what may be a password or a key is left out.
std::string shown_address(std::string_view text);

}  // namespace halfbyte
