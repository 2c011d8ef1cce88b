#include "text/char_class.h"

#include <utf8proc.h>

#include <algorithm>

namespace halfbyte {
namespace {

constexpr char32_t kPastKinds = static_cast<char32_t>(CharKind::kContinuation);

// Characters outside ASCII that stand for all of their kind in classes made of kinds alone.
constexpr CharSet kAsciiOnly = CharSet(CharKind::kSpace) | CharKind::kTab | CharKind::kLineFeed | CharKind::kCarriageReturn |
                               CharKind::kApostrophe | CharKind::kSlash | CharKind::kUnderscore | CharKind::kAsciiPunctuation |
                               CharKind::kAsciiSymbol | CharKind::kAsciiUpper | CharKind::kAsciiLower | CharKind::kAsciiDigit;

bool contains_kind(const CharClassTerms& terms, CharKind kind) {
  const auto has = [&](const CharClassTerms& part) { return contains_kind(part, kind); };
  const bool inside = (terms.kinds.contains(kind) || std::any_of(terms.any.begin(), terms.any.end(), has)) &&
                      std::all_of(terms.all.begin(), terms.all.end(), has);
  return inside != terms.is_negated;
}

}  // namespace

bool CharClassTerms::contains(char32_t c) const {
  const auto has = [&](const CharClassTerms& part) { return part.contains(c); };
  const bool inside =
      (kinds.contains(kind_of(c)) || (categories >> utf8proc_category(static_cast<utf8proc_int32_t>(c)) & 1u) != 0 ||
       std::any_of(ranges.begin(), ranges.end(), [&](const CodePointRange& range) { return range.first <= c && c <= range.last; }) ||
       std::any_of(any.begin(), any.end(), has)) &&
      std::all_of(all.begin(), all.end(), has);
  return inside != is_negated;
}

bool CharClassTerms::is_kinds_only() const {
  const auto is = [](const CharClassTerms& part) { return part.is_kinds_only(); };
  return categories == 0 && std::all_of(ranges.begin(), ranges.end(), [](const CodePointRange& range) { return range.last < 0x80; }) &&
         std::all_of(any.begin(), any.end(), is) && std::all_of(all.begin(), all.end(), is);
}

CharClass::CharClass(CharClassTerms terms) : terms_(std::move(terms)), is_kinds_only_(terms_.is_kinds_only()) {
  for (char32_t c = 0; c < 0x80; ++c) {
    ascii_[c] = terms_.contains(c);
    if (ascii_[c]) kinds_ = kinds_ | kind_of(c);
  }
  for (char32_t i = 0; i < kPastKinds; ++i) {
    const auto kind = static_cast<CharKind>(i);
    if (!kAsciiOnly.contains(kind) && (!is_kinds_only_ || contains_kind(terms_, kind))) kinds_ = kinds_ | kind;
  }
}

}  // namespace halfbyte
