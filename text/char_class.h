// A class of characters as regular expressions write it: [^\s\p{L}], [0-9a-f], [\p{L}&&[^\p{Han}]].
#pragma once

#include <bitset>
#include <cstdint>
#include <vector>

#include "text/classified_text.h"
#include "text/unicode.h"

namespace halfbyte {

struct CodePointRange {
  char32_t first, last;
};

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
};

// The same, quick to ask: by kind, and by the character where a kind belongs only in part.
class CharClass {
 public:
  explicit CharClass(CharClassTerms terms);
  CharSet whole() const { return whole_; }  // kinds all of whose characters belong
  CharSet part() const { return part_; }    // kinds some of whose characters belong
  CharSet kinds() const { return whole_ | part_; }
  bool contains(const ClassifiedText& text, uint32_t at) const {
    const CharKind kind = text.kind(at);
    return whole_.contains(kind) || (part_.contains(kind) && contains_of_part(text, at));
  }
  bool contains_of_part(const ClassifiedText& text, uint32_t at) const {  // where the kind at `at` is in part()
    const auto byte = static_cast<uint8_t>(text.byte(at));
    return byte < 0x80 ? ascii_[byte] : terms_.contains(text.code_point(at));
  }

 private:
  CharClassTerms terms_;
  std::bitset<128> ascii_;
  CharSet whole_, part_;
};

}  // namespace halfbyte
