// Text out of what services send: not all of it is UTF-8, and one half of a character may come in one event, the other in the next.
#pragma once

#include <string>
#include <string_view>

#include "base/json.h"

namespace halfbyte {

// JSON as services write it: a byte order mark is passed over, bytes that are no UTF-8 become U+FFFD, NaN and Infinity null. Half
// of a surrogate pair that an escape spells alone becomes its three bytes (WTF-8), for the other half may come later; whole() and
// WholeText make characters of them.
Result<Json> parse_loose_json(std::string_view text);
bool is_json(std::string_view text);

// UTF-8: halves of surrogate pairs joined, one that is alone U+FFFD.
std::string whole(std::string_view text);
Json whole(Json value);

// Text that comes in pieces and is UTF-8 at any time: half of a surrogate pair waits for the other one.
class WholeText {
 public:
  std::string push(std::string_view piece);  // what may be shown now
  std::string finish();                      // what was still held back
  const std::string& text() const { return text_; }

 private:
  std::string text_, half_;
};

}  // namespace halfbyte
