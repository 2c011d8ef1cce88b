// A text with the kind of every character, at the index of the character's first byte.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/utf8.h"
#include "text/unicode.h"

namespace halfbyte {

class ClassifiedText {
 public:
  explicit ClassifiedText(std::string_view text);
  std::string_view text() const { return text_; }
  uint32_t size() const { return static_cast<uint32_t>(text_.size()); }
  const CharKind* kinds() const { return kinds_.data(); }  // by byte; kContinuation inside characters
  CharKind kind(uint32_t at) const { return kinds_[at]; }
  char byte(uint32_t at) const { return text_[at]; }
  char32_t code_point(uint32_t at) const { return read_utf8(text_, at).code_point; }
  uint32_t after(uint32_t at) const {  // the next character
    do ++at;
    while (kinds_[at] == CharKind::kContinuation);
    return at;
  }
  uint32_t before(uint32_t at) const {  // the character before
    do --at;
    while (kinds_[at] == CharKind::kContinuation);
    return at;
  }

 private:
  std::string_view text_;
  std::vector<CharKind> kinds_;  // size() + 1; the last is no continuation
};

}  // namespace halfbyte
