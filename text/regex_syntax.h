// A regular expression as a tree.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "halfbyte/result.h"
#include "text/char_class.h"

namespace halfbyte {

struct RegexNode {
  enum class Kind : uint8_t {
    kClass,
    kSequence,
    kAlternatives,
    kRepeat,  // of its one child
    kLook,    // of its one child
    kLookBehind,
    kAtomic,
    kLineStart,
    kLineEnd,
    kTextStart,
    kTextEnd,
    kTextEndLine,
    kWordBoundary,
  };
  enum class Mode : uint8_t { kGreedy, kLazy, kPossessive };
  static constexpr uint32_t kNoLimit = UINT32_MAX;

  Kind kind = Kind::kSequence;
  bool is_negated = false;  // kLook, kLookBehind, kWordBoundary
  Mode mode = Mode::kGreedy;
  uint32_t least = 1, most = 1;
  CharClassTerms terms;  // kClass
  std::vector<RegexNode> children;
};

// The syntax is Ruby's. kCorrupt: not a pattern; kUnsupported: a construct not done here, by name.
Result<RegexNode> parse_regex(std::string_view pattern, std::string_view where);
CharClassTerms word_characters();  // \w

}  // namespace halfbyte
