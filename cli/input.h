// Text that comes in on stdin.
#pragma once

#include <cstdint>
#include <string>

#include "halfbyte/result.h"

namespace halfbyte {

constexpr uint64_t kMostInputBytes = uint64_t{256} << 20;  // no context holds as much; an endless device ends here

// All of stdin. kTooLong: more than kMostInputBytes.
Result<std::string> read_stdin();

// True when stdin is a pipe or a file somebody may have put text in; not a terminal, a device or a socket.
bool stdin_may_hold_text();

}  // namespace halfbyte
