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

// Joins pieces and cuts them at line ends ("\n", "\r\n", "\r"), which are taken off, as is a byte order mark at the beginning.
class LineReader {
 public:
  explicit LineReader(size_t most_bytes = kMostLineBytes) : most_bytes_(most_bytes) {}

  // `on_line` gets each line that ends in `bytes`; false stops there, and is returned. kTooLong: a line passes the limit.
  Result<bool> feed(std::string_view bytes, const std::function<bool(std::string_view line)>& on_line);
  // What came after the last line end.
  std::string_view rest() const { return unmarked(line_); }

 private:
  std::string_view unmarked(std::string_view line) const;

  size_t most_bytes_;
  std::string line_;
  bool is_first_ = true;
  bool after_return_ = false;  // a line feed that comes next belongs to the line end before it
};

struct ServerSentEvent {
  std::string data, name;
  bool operator==(const ServerSentEvent&) const = default;
};

// Events out of lines: `data:` lines up to an empty one, joined, and the name that an `event:` line gives. Comments and other
// fields are passed over (https://html.spec.whatwg.org/multipage/server-sent-events.html).
class ServerSentEvents {
 public:
  // The event that ends with this line, if one does.
  std::optional<ServerSentEvent> take(std::string_view line);
  // The event that no empty line has ended.
  std::optional<ServerSentEvent> rest();
  // A data line was seen: this is a stream of events.
  bool has_begun() const { return has_begun_; }
  // Whether a stream of events may have this line.
  static bool is_field(std::string_view line);

 private:
  std::optional<std::string> data_;
  std::string name_;
  bool has_begun_ = false;
};

}  // namespace halfbyte
