// Remembers of which tokens it is true that merging their own text gives just them. Most words of a text are one token, and for
// those a look-up replaces the merging. Found out the first time a word is met, not at open: start-up stays short.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

#include "halfbyte/token.h"

namespace halfbyte {

// Thread-safe: every thread would find the same, so a lost race only repeats work.
class WholeWords {
 public:
  enum class Known : uint8_t { kNotYet, kWhole, kInParts };
  explicit WholeWords(int tokens) : known_(std::make_unique<std::atomic<Known>[]>(static_cast<size_t>(tokens))) {}
  Known of(Token token) const { return known_[static_cast<size_t>(token)].load(std::memory_order_relaxed); }
  void learn(Token token, bool whole) const {
    known_[static_cast<size_t>(token)].store(whole ? Known::kWhole : Known::kInParts, std::memory_order_relaxed);
  }

 private:
  std::unique_ptr<std::atomic<Known>[]> known_;
};

}  // namespace halfbyte
