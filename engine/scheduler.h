// What the next step computes. Pure policy: plain values in, a plan out; no tensor, clock, lock or thread.
#pragma once

#include <cstdint>
#include <deque>
#include <vector>

namespace halfbyte {

using SequenceId = uint64_t;

struct SchedulerLimits {
  int step_tokens = 512;  // most tokens in one step
  int pages = 0;          // cache pages that running sequences may reserve together
  int queue = 64;         // sequences that may wait
};

// Some consecutive tokens of one sequence. A prompt chunk is a long slice, a decode step a slice of one.
struct Slice {
  SequenceId sequence = 0;
  int first = 0;  // index of its first token in the sequence
  int count = 0;
  bool operator==(const Slice&) const = default;
};

// A sequence waits until the pages it may come to need are free, so that a running one never has to stop for memory. Waiting
// sequences start in order of arrival. In a step every sequence that has one token to compute gets it; prompts share what is left,
// oldest first.
class Scheduler {
 public:
  explicit Scheduler(const SchedulerLimits& limits) : limits_(limits) {}

  // `pages`: the most it will ever need. False: the queue is full, nothing was added.
  bool add(SequenceId id, int prompt_tokens, int pages);
  void remove(SequenceId id);  // finished or cancelled; unknown ids are ignored
  void append(SequenceId id);  // one token more is known
  void pause(SequenceId id, bool is_paused);

  std::vector<Slice> plan();  // empty: nothing to do
  // The plan was carried out: its tokens are in the cache. Requires: it is the last one that plan() made.
  void advance(const std::vector<Slice>& plan);

  int waiting() const { return static_cast<int>(waiting_.size()); }

 private:
  struct Entry {
    SequenceId id = 0;
    int known = 0;     // tokens
    int computed = 0;  // of them in the cache
    int pages = 0;
    bool is_paused = false;
  };
  Entry* find(SequenceId id);
  void admit();

  SchedulerLimits limits_;
  int reserved_ = 0;  // pages
  std::deque<Entry> waiting_;
  std::vector<Entry> running_;  // oldest first
};

}  // namespace halfbyte
