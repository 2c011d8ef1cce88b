// Unicode normalization forms. Bytes that are no UTF-8 stay as they are, and nothing combines across them.
#pragma once

#include <string>
#include <string_view>

namespace halfbyte {

enum class UnicodeForm { kNfc, kNfd, kNfkc, kNfkd };

// Linear in the text, but for runs of combining marks, which are sorted.
std::string normalized(std::string_view text, UnicodeForm form);

}  // namespace halfbyte
