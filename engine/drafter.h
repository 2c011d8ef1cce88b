// Guesses the next tokens of a sequence from what it has said before: where its last tokens have come already, what followed them then.
// Quotations, edited text, code and lists are full of that (prompt lookup decoding, Saxena 2023; suffix decoding, Oliaro et al. 2024).
#pragma once

#include <cstdint>
#include <span>
#include <unordered_map>
#include <vector>

#include "halfbyte/token.h"

namespace halfbyte {

struct Draft {
  std::vector<Token> tokens;
  int match = 0;  // so many last tokens came before what is guessed from; 0: nothing is guessed, or by a model
};

// An index over one sequence's tokens, which its owner passes in: they only grow.
class Drafter {
 public:
  static constexpr int kShortest = 2;  // tokens that must have come already

  Draft draft(std::span<const Token> tokens, int most);

 private:
  void index(std::span<const Token> tokens);

  static constexpr int kCandidates = 16;          // earlier places that are looked at, the latest first
  std::unordered_map<uint64_t, int32_t> latest_;  // hash of kShortest tokens -> index behind where they came last
  std::vector<int32_t> earlier_;                  // by index behind a place: the one before with the same hash; 0: none
};

}  // namespace halfbyte
