// A step of the chain that makes a token of logits: what it asks of the head, what it does to the candidates, what it remembers.
#pragma once

#include <memory>
#include <span>

#include "sampling/candidates.h"
#include "sampling/random.h"

namespace halfbyte {

// What a chain asks for, step by step in its order.
struct ChainNeed {
  size_t moved = 0;  // tokens that steps before the first selection may move, at most
  size_t first = 0;  // the first selection leaves the first so many at most, and nothing behind it looks further; 0: it may leave more
  bool row = false;  // every logit
  float sums_temperature = 0;  // not 0: sums of exponentials by block
  bool has_selected = false;   // steps behind look at what a step has left
};

// Random numbers of a place in the sequence. Each use has a number of its own.
struct Draws {
  uint64_t seed, position;
  enum class Use : uint64_t { kToken, kExclusion };
  double operator()(Use use) const { return uniform_at(seed, position, static_cast<uint64_t>(use)); }
};

class SamplingStep {
 public:
  virtual ~SamplingStep() = default;
  // `ahead`: tokens that may be accepted before the step's logits come.
  virtual void ask(ChainNeed& need, int ahead) const = 0;
  virtual void apply(Candidates& candidates, const Draws& draws) = 0;
  virtual void accept(std::span<const Token>) {}  // the last of these is new
  virtual void rewind(std::span<const Token>) {}  // these are left of those that were accepted
};

}  // namespace halfbyte
