// Notices that a reply goes in circles.
#pragma once

#include <vector>

#include "halfbyte/engine.h"

namespace halfbyte {

// Of one reply. A token costs a comparison for each size that a pattern may have.
class RepetitionDetector {
 public:
  explicit RepetitionDetector(const RepetitionDetection& rule);
  // The reply's next token. True: with it the reply repeats itself, as the rule has it.
  bool accept(Token token);

 private:
  RepetitionDetection rule_;
  std::vector<Token> tokens_;
  std::vector<int> runs_;  // by size: so many last tokens equal the one that many before
};

}  // namespace halfbyte
