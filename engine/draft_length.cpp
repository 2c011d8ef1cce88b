#include "engine/draft_length.h"

namespace halfbyte {

int DraftLength::kind_of(int match) { return match < 3 ? 0 : match < 4 ? 1 : match < 8 ? 2 : 3; }

void DraftLength::add(int match, int drafted, int accepted) {
  constexpr double kNewest = 0.15;
  double& right = right_[kind_of(match)];
  for (int i = 0; i < accepted; ++i) right += kNewest * (1 - right);
  if (accepted < drafted) right -= kNewest * right;
}

int DraftLength::best(int match, int others, const std::function<double(int tokens)>& ms_of, double guess_ms) {
  constexpr double kDrift = 0.01;
  // A guess lengthens the step of all: in company it must promise more than what the times are known by.
  const double worthwhile = others > 0 ? 1.15 : 1.02;
  const int kind = kind_of(match);
  const double plain = (others + 1) / ms_of(others + 1);
  double reached = 1, tokens = 1, most = worthwhile * plain;
  int best = 0;
  for (int length = 1; length <= kMost; ++length) {
    reached *= right_[kind];
    tokens += reached;
    const double rate = (others + tokens) / (ms_of(others + 1 + length) + length * guess_ms);
    if (rate <= most) continue;
    most = rate;
    best = length;
  }
  if (best == 0) right_[kind] += kDrift * (kPrior[kind] - right_[kind]);
  return best;
}

}  // namespace halfbyte
