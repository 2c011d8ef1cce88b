// Who may ask: checks of a request's headers before its body is read. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "halfbyte/result.h"

namespace halfbyte {

struct GateOptions {
  bool is_loopback = true;           // bound to this machine alone: Host must name it, or a page of any site could ask by a name of its own
  std::vector<std::string> origins;  // of web pages that may ask ("https://app.example"); "*": all
  std::vector<std::string> api_keys;  // empty: none is asked for
};

struct Asker {
  std::string_view host, origin, authorization;  // headers as they came; empty: absent
};

// "localhost", "LOCALHOST:8080", "127.0.0.1", "[::1]:80" and other addresses of this machine.
bool names_loopback(std::string_view host);

class Gate {
 public:
  explicit Gate(GateOptions options);
  struct Refusal {
    int status;
    std::string_view message;
  };
  // kInvalid-like texts that repeat nothing of what was sent. A preflight (OPTIONS) has no key by the standard.
  std::optional<Refusal> refuse(const Asker& asker, bool is_preflight) const;
  // Whether a page of this origin may read the answer: then it is told so.
  bool allows_origin(std::string_view origin) const;
  // Which key it was, as a name that says nothing of it; empty where none is asked for. Requires: it was not refused.
  std::string principal(std::string_view authorization) const;

 private:
  std::optional<size_t> key_of(std::string_view authorization) const;
  GateOptions options_;
  std::vector<std::string> digests_;  // of the keys, SHA-256
};

}  // namespace halfbyte
