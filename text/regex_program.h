// What a regular expression is compiled into.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "text/char_class.h"

namespace halfbyte {

struct RegexProgram {
  static constexpr uint32_t kNoLimit = UINT32_MAX, kNone = UINT32_MAX;

  enum class Op : uint8_t {
    kOne,            // a character of the class
    kOptional,       // or none; gives nothing back
    kRun,            // as many as there are, at least `least`, which is 0 or 1; gives back one after another
    kPossessiveRun,  // gives nothing back
    kCount,          // `least` to `most`, as many as there are; gives back one after another
    kPossessiveCount,
    kLazyCount,       // as few as will do
    kBranches,        // tries those branches_[argument] has for the kind of the character here, in order
    kJump,            // to `argument`
    kLook,            // the code after this up to `argument` matches here, or must not; then goes on there
    kLookAhead,       // a character of the class is here, or must not be
    kLookBehind,      // the character before is of the class, or must not be
    kAtomic,          // the code after this up to `argument`, with the first way it matches
    kPossessiveLoop,  // the same over and over while the character here is of `next` and it matches
    kLineStart,       // ^, which is not at the end of a text that ends its last line
    kLineEnd,         // $
    kTextStart,       // \A
    kTextEnd,         // \z
    kTextEndLine,     // \Z: the end, or before a newline there
    kWordBoundary,    // \b
    kAccept,
  };
  struct Instruction {
    Op op = Op::kAccept;
    bool is_negated = false;
    uint32_t argument = 0;  // of the class its number
    uint32_t least = 0, most = 0;
    CharSet whole, part;         // of the class
    CharSet next;                // the kinds that what follows a run can begin with
    uint32_t loop_head = kNone;  // kBranches: the number of the loop whose outcomes are remembered
  };
  // By kind of character, and past them for the end of the text: a range of `ways`.
  struct Branches {
    struct Range {
      uint32_t first, last;
    };
    std::array<Range, static_cast<size_t>(CharKind::kContinuation) + 1> by_kind;
  };

  std::vector<Instruction> code;
  std::vector<CharClass> classes;
  std::vector<Branches> branches;
  std::vector<uint32_t> ways;    // where branches begin in the code
  std::vector<CharClass> word;   // one: \w, for \b
  CharSet starts;                // the kinds that a match begins with
  bool can_be_nothing = false;   // or it takes none
  uint32_t leading_run = kNone;  // the class of the run without limit that the pattern begins with
  uint32_t remembered_loops = 0;
};

}  // namespace halfbyte
