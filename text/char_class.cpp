#include "text/char_class.h"

#include <utf8proc.h>

#include <algorithm>

namespace halfbyte {
namespace {

template <class... Category>
constexpr uint32_t categories(Category... category) {
  return ((1u << category) | ...);
}

// The categories that characters of a kind have, outside ASCII.
struct KindCategories {
  CharKind kind;
  uint32_t categories;
};
constexpr KindCategories kCategories[] = {
    {CharKind::kOtherSpace, categories(UTF8PROC_CATEGORY_CC, UTF8PROC_CATEGORY_ZS, UTF8PROC_CATEGORY_ZL, UTF8PROC_CATEGORY_ZP)},
    {CharKind::kUpper, categories(UTF8PROC_CATEGORY_LU)},
    {CharKind::kLower, categories(UTF8PROC_CATEGORY_LL)},
    {CharKind::kTitle, categories(UTF8PROC_CATEGORY_LT)},
    {CharKind::kModifier, categories(UTF8PROC_CATEGORY_LM)},
    {CharKind::kHan, categories(UTF8PROC_CATEGORY_LM, UTF8PROC_CATEGORY_LO)},
    {CharKind::kLetter, categories(UTF8PROC_CATEGORY_LO)},
    {CharKind::kMark, categories(UTF8PROC_CATEGORY_MN, UTF8PROC_CATEGORY_MC, UTF8PROC_CATEGORY_ME)},
    {CharKind::kDigit, categories(UTF8PROC_CATEGORY_ND)},
    {CharKind::kNumber, categories(UTF8PROC_CATEGORY_NL, UTF8PROC_CATEGORY_NO)},
    {CharKind::kPunctuation, categories(UTF8PROC_CATEGORY_PC, UTF8PROC_CATEGORY_PD, UTF8PROC_CATEGORY_PS, UTF8PROC_CATEGORY_PE,
                                        UTF8PROC_CATEGORY_PI, UTF8PROC_CATEGORY_PF, UTF8PROC_CATEGORY_PO)},
    {CharKind::kSymbol, categories(UTF8PROC_CATEGORY_SM, UTF8PROC_CATEGORY_SC, UTF8PROC_CATEGORY_SK, UTF8PROC_CATEGORY_SO)},
    {CharKind::kControl, categories(UTF8PROC_CATEGORY_CC)},
    {CharKind::kOther, categories(UTF8PROC_CATEGORY_CF, UTF8PROC_CATEGORY_CO, UTF8PROC_CATEGORY_CS)},
    {CharKind::kUnassigned, categories(UTF8PROC_CATEGORY_CN)},
};

// Kinds that belong to a class wholly and in part, outside ASCII. What may be either is in part.
struct Membership {
  CharSet whole, part;
};
Membership membership(const CharClassTerms& terms) {
  Membership has{terms.kinds, {}};
  for (const KindCategories& row : kCategories) {
    const uint32_t common = row.categories & terms.categories;
    if (common == row.categories) has.whole = has.whole | row.kind;
    if (common != 0) has.part = has.part | row.kind;
  }
  for (const CodePointRange& range : terms.ranges)
    if (range.last >= 0x80) has.part = has.part | kinds_between(std::max(range.first, char32_t{0x80}), range.last);
  for (const CharClassTerms& part : terms.any) {
    const Membership other = membership(part);
    has = {has.whole | other.whole, has.part | other.part};
  }
  for (const CharClassTerms& part : terms.all) {
    const Membership other = membership(part);
    has = {has.whole & other.whole, (has.whole | has.part) & (other.whole | other.part)};
  }
  has.part = has.part & ~has.whole;
  if (terms.is_negated) has.whole = ~(has.whole | has.part);
  return has;
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

CharClass::CharClass(CharClassTerms terms) : terms_(std::move(terms)) {
  terms_.merge_ranges();
  CharSet has, lacks;  // kinds with a character that belongs, and with one that does not
  for (char32_t c = 0; c < 0x80; ++c) {
    ascii_[c] = terms_.contains(c);
    (ascii_[c] ? has : lacks) = (ascii_[c] ? has : lacks) | kind_of(c);
  }
  CharSet beyond;  // kinds with a character outside it
  for (const KindCategories& row : kCategories) beyond = beyond | row.kind;
  const Membership outside = membership(terms_);
  has = has | (beyond & (outside.whole | outside.part));
  lacks = lacks | (beyond & ~outside.whole);
  whole_ = has & ~lacks;
  part_ = has & lacks;
}

}  // namespace halfbyte
