#include "text/case_folding.h"

#include <utf8proc.h>

#include <algorithm>
#include <map>

namespace halfbyte {
namespace {

constexpr char32_t kPastCase = 0x1ea00;  // no character from here on has case

std::u32string folded(char32_t c) {
  utf8proc_int32_t to[4];
  int boundary = 0;
  const auto count = utf8proc_decompose_char(static_cast<utf8proc_int32_t>(c), to, 4, UTF8PROC_CASEFOLD, &boundary);
  return count < 0 ? std::u32string(1, c) : std::u32string(to, to + count);
}

struct Folding {
  std::vector<CaseVariants> variants;
  std::map<char32_t, size_t> variants_of;
  std::vector<SeveralInAnotherCase> several;

  Folding() {
    std::map<std::u32string, CaseVariants> by_folded;
    for (char32_t c = 0; c < kPastCase; ++c) {
      if (utf8proc_get_property(static_cast<utf8proc_int32_t>(c))->casefold_seqindex == UINT16_MAX) continue;
      const std::u32string to = folded(c);
      if (to.size() > 1) several.push_back({c, to});
      if (to[0] != c) by_folded[to].push_back(c);
    }
    for (auto& [to, same] : by_folded) {
      if (to.size() == 1) same.push_back(to[0]);
      for (const char32_t c : same) variants_of[c] = variants.size();
      variants.push_back(std::move(same));
    }
    std::sort(several.begin(), several.end(), [](const auto& a, const auto& b) {
      return std::pair(a.folded.size(), a.character) < std::pair(b.folded.size(), b.character);
    });
  }
};

// Made once, in some milliseconds, when a pattern first asks.
const Folding& folding() {
  static const Folding all;
  return all;
}

}  // namespace

const std::vector<CaseVariants>& all_case_variants() { return folding().variants; }

CaseVariants case_variants(char32_t c) {
  const auto known = folding().variants_of.find(c);
  return known == folding().variants_of.end() ? CaseVariants{c} : folding().variants[known->second];
}

const std::vector<SeveralInAnotherCase>& all_several_in_another_case() { return folding().several; }

}  // namespace halfbyte
