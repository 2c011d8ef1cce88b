// Regular expressions as tokenizer.json writes them: the Ruby syntax of Oniguruma, which the tokenizers library uses.
// Backtracking with its own stack and a budget of steps: no pattern and no text takes more than linear time or memory.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "halfbyte/result.h"
#include "text/char_class.h"
#include "text/pattern.h"

namespace halfbyte {

class Regex {
 public:
  // kCorrupt: not a pattern; kUnsupported names the construct (back-references, \G, \X, scripts but Han, ...). `where` is for the message.
  static Result<Regex> compile(std::string_view pattern, std::string_view where);

  struct Match {
    uint32_t begin, end;
  };
  // Steps that matching may take: one for all parts of a text, or short parts would have many.
  struct Budget {
    explicit Budget(size_t bytes);
    uint64_t steps;
  };
  // All matches in [begin, end), left to right, none overlapping. An empty match right after another does not count. Nothing outside
  // [begin, end) is looked at. When the budget is used up, what is left has no match.
  std::vector<Match> matches(const ClassifiedText& text, uint32_t begin, uint32_t end, Budget& budget) const;

  // What a pattern is made into; public for the compiler in regex.cpp.
  struct Instruction {
    enum class Op : uint8_t {
      kRun,           // `least` to `most` characters of class `argument`
      kBranches,      // tries branches [least, most) of branches_ in order
      kJump,          // to `argument`
      kLook,          // the code after this up to `argument` matches here, or must not; then goes on there
      kLookBehind,    // the character before is of class `argument`, or must not be
      kAtomic,        // the code after this up to `argument`, with the first way it matches
      kLineStart,     // ^
      kLineEnd,       // $
      kTextStart,     // \A
      kTextEnd,       // \z
      kTextEndLine,   // \Z: the end, or before a newline there
      kWordBoundary,  // \b
      kAccept,
    };
    enum class Mode : uint8_t { kGreedy, kLazy, kPossessive };
    Op op = Op::kAccept;
    Mode mode = Mode::kGreedy;
    bool is_negated = false;
    uint32_t argument = 0, least = 0, most = 0;
  };
  struct Branch {
    uint32_t code;
    CharSet first;        // the kinds of character a match may begin with
    bool can_be_nothing;  // or it may take none
  };

 private:
  friend class RegexCompiler;
  friend class RegexMatcher;
  Regex() = default;

  std::vector<Instruction> code_;
  std::vector<Branch> branches_;
  std::vector<CharClass> classes_;
  std::vector<CharClass> word_;  // one: \w, for \b
};

}  // namespace halfbyte
