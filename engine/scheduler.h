// What the next step computes. Pure policy: plain values in, a plan out; no tensor, clock, lock or thread.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace halfbyte {

using SequenceId = uint64_t;

// Some consecutive tokens of one sequence. A prompt chunk is a long slice, a decode step a slice of one.
struct Slice {
  SequenceId sequence = 0;
  int first = 0;  // index of its first token in the sequence
  int count = 0;
  bool operator==(const Slice&) const = default;
};

// Whose turn it is among those that wait.
struct Rank {
  int priority = 0;       // the greater goes first
  std::string principal;  // who asks: of one priority, who was served least goes first
};

// What there is for a step.
struct StepRoom {
  int tokens = 0;         // of the step
  int prompt_tokens = 0;  // of it for prompts, while others decode: they wait for the step
  int pages = 0;          // of the cache that are free or can be freed without stopping a sequence
};

// One of the three, or nothing: then there is nothing to compute.
struct Plan {
  std::optional<SequenceId> admitted;   // starts: admit() it, then plan again
  std::optional<SequenceId> preempted;  // loses its pages and waits again; then plan again
  std::vector<Slice> slices;            // compute these, then advance()
};

// Pages are taken as a sequence grows. Where they run out the last in order loses its own and computes its tokens again later, which
// nobody can tell from its reply. The order: priority, then arrival. In a step every sequence that has one token to compute gets it;
// prompts share what is left, first in order first; then others start. Among those that wait the principal that was served least goes
// first (the virtual token counter of Sheng et al. 2024), and one that was idle has nothing saved up.
class Scheduler {
 public:
  static constexpr int kPageTokens = 32;

  void add(SequenceId id, int tokens, Rank rank = {});
  void remove(SequenceId id);                 // finished or cancelled; unknown ids are ignored
  void append(SequenceId id, int count = 1);  // tokens more are known
  void restart(SequenceId id, int tokens);    // it has other tokens now, and its pages are given back
  void pause(SequenceId id, bool is_paused);
  // So many guessed tokens are to be checked behind its last one, if its next step decodes and there is room: its slice is longer then.
  void draft(SequenceId id, int count);

  Plan plan(const StepRoom& room);
  // The sequence of Plan::admitted runs; `computed` of its tokens are in the cache already. Requires: fewer than it has.
  void admit(SequenceId id, int computed);
  // A sequence that runs has `computed` of its tokens in the cache. Requires: fewer than it has.
  void skip(SequenceId id, int computed);
  // The slices were carried out: their tokens are in the cache. Requires: they are those that plan() made last, less the guesses that were
  // wrong.
  void advance(const std::vector<Slice>& slices);

  // There is something to compute; with is_idle() only a message changes that.
  bool has_work() const;
  int waiting() const { return static_cast<int>(waiting_.size()); }
  int decoding() const;  // of those that run, how many have one token to compute
  int running() const { return static_cast<int>(running_.size()); }

 private:
  struct Entry {
    SequenceId id = 0;
    Rank rank;
    uint64_t arrival = 0;
    int known = 0;     // tokens
    int computed = 0;  // of them in the cache
    int drafted = 0;   // guessed tokens behind them
    bool is_paused = false;
    bool has_work() const { return !is_paused && computed < known; }
    bool decodes() const { return has_work() && known - computed == 1; }
  };
  static bool is_before(const Entry& a, const Entry& b);
  Entry* find(SequenceId id);
  std::optional<size_t> last_in_order() const;
  const Entry* next_waiting() const;
  Plan preempt_last();

  std::vector<Entry> waiting_;              // in order of arrival
  std::vector<Entry> running_;              // in order
  std::map<std::string, uint64_t> served_;  // tokens computed, of principals that have sequences here
  uint64_t arrivals_ = 0;
};

}  // namespace halfbyte
