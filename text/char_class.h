// A class of characters as regular expressions write it: [^\s\p{L}], [0-9a-f], [\p{L}&&[^\p{Han}]].
#pragma once

#include <bitset>
#include <cstdint>
#include <memory>
#include <vector>

#include "text/pattern.h"
#include "text/unicode.h"

namespace halfbyte {

// How a class was written. A character belongs when any of the first four has it and every one of `all` does; then negation.
struct CharClassTerms {
  CharSet kinds;
  uint32_t categories = 0;             // bits 1 << utf8proc category, for what is finer than kinds
  std::vector<CodePointRange> ranges;  // in any order until merged
  std::vector<CharClassTerms> any;
  std::vector<CharClassTerms> all;  // && in the pattern
  bool is_negated = false;

  void merge_ranges();              // ascending and apart, here and inside
  bool contains(char32_t c) const;  // once merged
  bool is_kinds_only() const;
};

// The same, quick to ask: ASCII by a bitmap, the rest by kind where kinds say it all.
class CharClass {
 public:
  explicit CharClass(CharClassTerms terms);
  bool contains(const ClassifiedText& text, uint32_t at) const {
    const auto byte = static_cast<uint8_t>(text.byte(at));
    if (byte < 0x80) return ascii_[byte];
    return is_kinds_only_ ? kinds_.contains(text.kind(at)) : terms_.contains(text.code_point(at));
  }
  CharSet kinds() const { return kinds_; }  // no character of another kind belongs

 private:
  CharClassTerms terms_;
  std::bitset<128> ascii_;
  CharSet kinds_;
  bool is_kinds_only_;
};

}  // namespace halfbyte
