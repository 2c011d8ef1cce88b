#include "text/classified_text.h"

namespace halfbyte {

ClassifiedText::ClassifiedText(std::string_view text) : text_(text), kinds_(text.size() + 1, CharKind::kContinuation) {
  const auto& ascii = ascii_kinds();
  for (size_t at = 0; at < text.size();) {
    const auto byte = static_cast<uint8_t>(text[at]);
    if (byte < 0x80) {
      kinds_[at++] = ascii[byte];
      continue;
    }
    const Utf8Character character = read_utf8(text, at);
    kinds_[at] = kind_of(character.code_point);
    at += character.bytes;
  }
  kinds_.back() = CharKind::kOther;
}

}  // namespace halfbyte
