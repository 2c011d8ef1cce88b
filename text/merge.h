// Pair merging, the heart of BPE and SPM: of all neighbouring symbols that may be joined, join the best, leftmost first;
// again until none is left.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <vector>

#include "halfbyte/token.h"

namespace halfbyte {

struct Symbol {
  uint32_t begin, end;  // bytes of the word
  Token token;          // -1: these bytes are no token
};

struct Merge {
  static constexpr uint32_t kNever = std::numeric_limits<uint32_t>::max();
  uint32_t priority = kNever;  // the least goes first
  Token token = -1;            // what the two become
};

// Memory kept from word to word. `pair(left, right)` answers how two neighbouring symbols merge.
class Merger {
 public:
  std::vector<Symbol> symbols;  // in: the smallest parts; out: what remains

  template <class Pair>
  void merge(const Pair& pair) {
    if (symbols.size() < 2) return;
    merges_.resize(symbols.size());
    for (size_t i = 0; i + 1 < symbols.size(); ++i) merges_[i] = pair(symbols[i], symbols[i + 1]);
    merges_.back() = {};
    symbols.size() <= kShort ? merge_short(pair) : merge_long(pair);
  }

 private:
  static constexpr size_t kShort = 48;  // below, looking at all pairs each time is faster than keeping a heap

  template <class Pair>
  void merge_short(const Pair& pair) {
    for (;;) {
      const auto best = std::min_element(merges_.begin(), merges_.end(), [](Merge a, Merge b) { return a.priority < b.priority; });
      if (best->priority == Merge::kNever) return;
      const auto i = static_cast<size_t>(best - merges_.begin());
      symbols[i] = {symbols[i].begin, symbols[i + 1].end, best->token};
      symbols.erase(symbols.begin() + static_cast<ptrdiff_t>(i) + 1);
      merges_.erase(merges_.begin() + static_cast<ptrdiff_t>(i));
      if (i + 1 < symbols.size()) merges_[i] = pair(symbols[i], symbols[i + 1]);
      if (i > 0) merges_[i - 1] = pair(symbols[i - 1], symbols[i]);
    }
  }

  // merges_[i] is how symbol i merges with its right neighbour now; a heap entry that says otherwise is out of date.
  template <class Pair>
  void merge_long(const Pair& pair) {
    const auto count = static_cast<uint32_t>(symbols.size());
    next_.resize(count);
    previous_.resize(count);
    heap_.clear();
    for (uint32_t i = 0; i < count; ++i) {
      next_[i] = i + 1;
      previous_[i] = i - 1;
      if (merges_[i].priority != Merge::kNever) heap_.push_back(entry(merges_[i].priority, i));
    }
    const auto later = std::greater<>();
    std::make_heap(heap_.begin(), heap_.end(), later);
    const auto renew = [&](uint32_t left) {
      merges_[left] = next_[left] < count ? pair(symbols[left], symbols[next_[left]]) : Merge{};
      if (merges_[left].priority == Merge::kNever) return;
      heap_.push_back(entry(merges_[left].priority, left));
      std::push_heap(heap_.begin(), heap_.end(), later);
    };
    while (!heap_.empty()) {
      const uint64_t top = heap_.front();
      std::pop_heap(heap_.begin(), heap_.end(), later);
      heap_.pop_back();
      const auto left = static_cast<uint32_t>(top);
      if (merges_[left].priority != top >> 32) continue;
      const uint32_t right = next_[left];
      symbols[left] = {symbols[left].begin, symbols[right].end, merges_[left].token};
      merges_[right] = {};  // gone: no entry for it counts any more
      next_[left] = next_[right];
      if (next_[left] < count) previous_[next_[left]] = left;
      renew(left);
      if (left > 0) renew(previous_[left]);
    }
    uint32_t kept = 0;
    for (uint32_t i = 0; i < count; i = next_[i]) symbols[kept++] = symbols[i];
    symbols.resize(kept);
  }

  static uint64_t entry(uint32_t priority, uint32_t left) { return static_cast<uint64_t>(priority) << 32 | left; }

  std::vector<Merge> merges_;
  std::vector<uint32_t> next_, previous_;
  std::vector<uint64_t> heap_;
};

}  // namespace halfbyte
