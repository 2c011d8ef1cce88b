// Lines and server-sent events out of bytes that come cut anywhere.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "halfbyte/result.h"

namespace halfbyte {

// Longer than any line a service sends; a stream without line ends must not fill the memory.
constexpr size_t kMostLineBytes = size_t{32} << 20;

// Joins pieces and cuts them at line ends ("\n", "\r\n"), which are taken off.
class LineReader {
 public:
  explicit LineReader(size_t most_bytes = kMostLineBytes) : most_bytes_(most_bytes) {}

  // `on_line` gets each line that ends in `bytes`; false stops there, and is returned. kTooLong: a line passes the limit.
  Result<bool> feed(std::string_view bytes, const std::function<bool(std::string_view line)>& on_line);
  // What came after the last line end.
  std::string_view rest() const { return line_; }

 private:
  size_t most_bytes_;
  std::string line_;
};

// The data of each event: its `data:` lines joined. Comments and other fields are passed over, and so is an event that the end of
// the stream cuts off (https://html.spec.whatwg.org/multipage/server-sent-events.html).
class ServerSentEvents {
 public:
  // The event that ends with this line, if one does.
  std::optional<std::string> take(std::string_view line);

 private:
  std::optional<std::string> data_;
};

}  // namespace halfbyte
