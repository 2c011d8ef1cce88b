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

void CharClassTerms::merge_ranges() {
  std::sort(ranges.begin(), ranges.end(), [](const CodePointRange& a, const CodePointRange& b) { return a.first < b.first; });
  std::vector<CodePointRange> merged;
  for (const CodePointRange& range : ranges) {
    if (!merged.empty() && range.first <= merged.back().last + 1)
      merged.back().last = std::max(merged.back().last, range.last);
    else
      merged.push_back(range);
  }
  ranges = std::move(merged);
  for (CharClassTerms& part : any) part.merge_ranges();
  for (CharClassTerms& part : all) part.merge_ranges();
}

bool CharClassTerms::contains(char32_t c) const {
  const auto range = std::partition_point(ranges.begin(), ranges.end(), [&](const CodePointRange& r) { return r.last < c; });
  const auto has = [&](const CharClassTerms& part) { return part.contains(c); };
  const bool inside = (kinds.contains(kind_of(c)) || (categories >> utf8proc_category(static_cast<utf8proc_int32_t>(c)) & 1u) != 0 ||
                       (range != ranges.end() && range->first <= c) || std::any_of(any.begin(), any.end(), has)) &&
                      std::all_of(all.begin(), all.end(), has);
  return inside != is_negated;
}

bool CharClassTerms::is_kinds_only() const {
  const auto is = [](const CharClassTerms& part) { return part.is_kinds_only(); };
  return categories == 0 && std::all_of(ranges.begin(), ranges.end(), [](const CodePointRange& range) { return range.last < 0x80; }) &&
         std::all_of(any.begin(), any.end(), is) && std::all_of(all.begin(), all.end(), is);
}

CharClass::CharClass(CharClassTerms terms) : terms_(std::move(terms)), is_kinds_only_(terms_.is_kinds_only()) {
  terms_.merge_ranges();
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
