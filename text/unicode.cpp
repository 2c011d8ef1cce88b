#include "text/unicode.h"

#include <utf8proc.h>

#include <algorithm>
#include <array>
#include <vector>

namespace halfbyte {
namespace {

bool is_white_space(char32_t c) {
  return (c >= 0x09 && c <= 0x0d) || c == 0x20 || c == 0x85 || c == 0xa0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200a) || c == 0x2028 ||
         c == 0x2029 || c == 0x202f || c == 0x205f || c == 0x3000;
}

// Letters of the script Han: ideographs with their extensions and compatibility forms, 々 and 〻.
bool is_han_letter(char32_t c) {
  return (c >= 0x4e00 && c <= 0x9fff) || (c >= 0x3400 && c <= 0x4dbf) || (c >= 0x20000 && c <= 0x323af) || (c >= 0xf900 && c <= 0xfaff) ||
         c == 0x3005 || c == 0x303b || c == 0x16fe3;
}

CharKind ascii_kind(char32_t c, utf8proc_category_t category) {
  switch (c) {
    case ' ': return CharKind::kSpace;
    case '\t': return CharKind::kTab;
    case '\n': return CharKind::kLineFeed;
    case '\r': return CharKind::kCarriageReturn;
    case '\'': return CharKind::kApostrophe;
    case '/': return CharKind::kSlash;
    case '_': return CharKind::kUnderscore;
    default: break;
  }
  if (is_white_space(c)) return CharKind::kOtherSpace;
  switch (category) {
    case UTF8PROC_CATEGORY_LU: return CharKind::kAsciiUpper;
    case UTF8PROC_CATEGORY_LL: return CharKind::kAsciiLower;
    case UTF8PROC_CATEGORY_ND: return CharKind::kAsciiDigit;
    case UTF8PROC_CATEGORY_CC: return CharKind::kControl;
    case UTF8PROC_CATEGORY_SM:
    case UTF8PROC_CATEGORY_SC:
    case UTF8PROC_CATEGORY_SK: return CharKind::kAsciiSymbol;
    default: return CharKind::kAsciiPunctuation;
  }
}

CharKind look_up_kind(char32_t c) {
  const utf8proc_category_t category = utf8proc_category(static_cast<utf8proc_int32_t>(c));
  if (c < 0x80) return ascii_kind(c, category);
  if (is_white_space(c)) return CharKind::kOtherSpace;
  switch (category) {
    case UTF8PROC_CATEGORY_LU: return CharKind::kUpper;
    case UTF8PROC_CATEGORY_LL: return CharKind::kLower;
    case UTF8PROC_CATEGORY_LT: return CharKind::kTitle;
    case UTF8PROC_CATEGORY_LM: return is_han_letter(c) ? CharKind::kHan : CharKind::kModifier;
    case UTF8PROC_CATEGORY_LO: return is_han_letter(c) ? CharKind::kHan : CharKind::kLetter;
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_MC:
    case UTF8PROC_CATEGORY_ME: return CharKind::kMark;
    case UTF8PROC_CATEGORY_ND: return CharKind::kDigit;
    case UTF8PROC_CATEGORY_NL:
    case UTF8PROC_CATEGORY_NO: return CharKind::kNumber;
    case UTF8PROC_CATEGORY_PC:
    case UTF8PROC_CATEGORY_PD:
    case UTF8PROC_CATEGORY_PS:
    case UTF8PROC_CATEGORY_PE:
    case UTF8PROC_CATEGORY_PI:
    case UTF8PROC_CATEGORY_PF:
    case UTF8PROC_CATEGORY_PO: return CharKind::kPunctuation;
    case UTF8PROC_CATEGORY_SM:
    case UTF8PROC_CATEGORY_SC:
    case UTF8PROC_CATEGORY_SK:
    case UTF8PROC_CATEGORY_SO: return CharKind::kSymbol;
    case UTF8PROC_CATEGORY_CC: return CharKind::kControl;
    case UTF8PROC_CATEGORY_CN: return CharKind::kUnassigned;
    default: return CharKind::kOther;
  }
}

// Kinds of the assigned planes in two stages: block of 256 -> page -> kind. Neighbouring blocks that are alike share a page,
// which leaves some 90 KiB. Made once, in some milliseconds.
class KindTable {
 public:
  static constexpr char32_t kEnd = 0x32400;  // past the last ideograph; above are only tags, private use and nothing

  KindTable() {
    std::array<CharKind, 256> page;
    for (char32_t block = 0; block < page_of_.size(); ++block) {
      for (char32_t i = 0; i < 256; ++i) {
        page[i] = look_up_kind(block << 8 | i);
        kinds_of_block_[block] = kinds_of_block_[block] | page[i];
      }
      if (kinds_.empty() || !std::equal(page.begin(), page.end(), kinds_.end() - 256))
        kinds_.insert(kinds_.end(), page.begin(), page.end());
      page_of_[block] = static_cast<uint16_t>(kinds_.size() / 256 - 1);
    }
  }
  // Of the block that a character is in.
  CharSet block_kinds(char32_t c) const { return kinds_of_block_[c >> 8]; }
  CharKind operator[](char32_t c) const { return kinds_[static_cast<size_t>(page_of_[c >> 8]) << 8 | (c & 0xff)]; }

 private:
  std::array<uint16_t, (kEnd >> 8)> page_of_;
  std::array<CharSet, (kEnd >> 8)> kinds_of_block_;
  std::vector<CharKind> kinds_;
};

const KindTable& kind_table() {
  static const KindTable table;
  return table;
}

}  // namespace

const std::array<CharKind, 128>& ascii_kinds() {
  static const auto table = [] {
    std::array<CharKind, 128> kinds;
    for (char32_t c = 0; c < 128; ++c) kinds[c] = look_up_kind(c);
    return kinds;
  }();
  return table;
}

// Patterns and text in ASCII do without the table, which takes milliseconds to make.
CharKind kind_of(char32_t code_point) {
  if (code_point < 0x80) return ascii_kinds()[code_point];
  return code_point < KindTable::kEnd ? kind_table()[code_point] : look_up_kind(code_point);
}

CharSet kinds_between(char32_t first, char32_t last) {
  CharSet kinds;
  if (last - first < 256) {
    for (char32_t c = first; c <= last; ++c) kinds = kinds | look_up_kind(c);  // as most ranges: not worth the table
    return kinds;
  }
  for (char32_t c = first & ~char32_t{0xff}; c <= last && c < KindTable::kEnd; c += 256) kinds = kinds | kind_table().block_kinds(c);
  if (last >= KindTable::kEnd) kinds = kinds | CharKind::kMark | CharKind::kOther | CharKind::kUnassigned;
  return kinds;
}

}  // namespace halfbyte
