// How many guessed tokens a sequence should have checked in a step: as many as make the most tokens in a second, by how often its guesses
// were right and by what steps cost here. Plain values.
#pragma once

#include <functional>

namespace halfbyte {

class DraftLength {
 public:
  static constexpr int kMost = 16;

  // Of `drafted` tokens that were guessed from so long a match `accepted` were right.
  void add(int match, int drafted, int accepted);
  // For a guess from such a match, in a step that has `others` tokens beside this sequence's own. `ms_of(tokens)`: what a step takes.
  // `guess_ms`: what guessing a token takes. 0: it does not pay. Then what is believed of such guesses drifts back to where it began, so that one is tried now and then.
  int best(int match, int others, const std::function<double(int tokens)>& ms_of, double guess_ms = 0);

 private:
  static constexpr int kKinds = 4;
  static int kind_of(int match);
  static constexpr double kPrior[kKinds] = {0.3, 0.5, 0.7, 0.85};
  double right_[kKinds] = {kPrior[0], kPrior[1], kPrior[2], kPrior[3]};  // probability that the next guessed token is right
};

}  // namespace halfbyte
