// Text that comes in on stdin.
#pragma once

#include <cstdint>
#include <string>

#include "halfbyte/result.h"

namespace halfbyte {

constexpr uint64_t kMostInputBytes = uint64_t{256} << 20;  // no context holds as much; an endless device ends here

// All of stdin. kTooLong: more than kMostInputBytes.
Result<std::string> read_stdin();

// What somebody typed or wrote as a prompt, from stdin: text of any system is the same text. A byte order mark goes, line ends become
// LF. kInvalid: it is UTF-16.
Result<std::string> as_prompt(std::string text);

// True when stdin is a pipe or a file somebody may have put text in; not a terminal, a device or a socket.
bool stdin_may_hold_text();

}  // namespace halfbyte
