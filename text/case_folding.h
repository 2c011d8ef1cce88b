// Which characters are the same in any case (Unicode's CaseFolding: C and F).
#pragma once

#include <string>
#include <vector>

namespace halfbyte {

// Characters that are the same but for case: k, K and the kelvin sign.
using CaseVariants = std::vector<char32_t>;

const std::vector<CaseVariants>& all_case_variants();
// Those of one character, itself among them.
CaseVariants case_variants(char32_t c);

// Characters that in another case are several: ß and ẞ are ss.
struct SeveralInAnotherCase {
  char32_t character;
  std::u32string folded;  // two or three
};
const std::vector<SeveralInAnotherCase>& all_several_in_another_case();  // twos before threes

}  // namespace halfbyte
