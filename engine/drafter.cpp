#include "engine/drafter.h"

#include <algorithm>
#include <utility>

namespace halfbyte {
namespace {

constexpr int kLongest = 64;  // of a match: longer ones are not told apart

uint64_t hash_of(std::span<const Token> tokens) {
  uint64_t hash = 0;
  for (const Token token : tokens) hash = (hash ^ static_cast<uint64_t>(token)) * 0x9e3779b97f4a7c15U;
  return hash;
}

}  // namespace

void Drafter::index(std::span<const Token> tokens) {
  for (size_t end = earlier_.size(); end <= tokens.size(); ++end) {
    int32_t earlier = 0;
    if (end >= kShortest) earlier = std::exchange(latest_[hash_of(tokens.subspan(end - kShortest, kShortest))], static_cast<int32_t>(end));
    earlier_.push_back(earlier);
  }
}

Draft Drafter::draft(std::span<const Token> tokens, int most) {
  index(tokens);
  Draft best;
  size_t best_end = 0;
  size_t end = tokens.size();
  for (int i = 0; i < kCandidates; ++i) {
    end = static_cast<size_t>(earlier_[end]);
    if (end == 0) break;
    int match = 0;
    while (match < kLongest && static_cast<size_t>(match) < end && tokens[end - 1 - match] == tokens[tokens.size() - 1 - match]) ++match;
    if (match < kShortest || match <= best.match) continue;  // of equal matches the latest
    best.match = match;
    best_end = end;
  }
  for (size_t at = best_end; best.match > 0 && static_cast<int>(best.tokens.size()) < most; ++at)
    // Behind the end the guess repeats itself: a loop of the text goes on.
    best.tokens.push_back(at < tokens.size() ? tokens[at] : best.tokens[at - tokens.size()]);
  return best;
}

}  // namespace halfbyte
