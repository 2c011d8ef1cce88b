// What an engine has done and does: plain values, taken at one moment by Engine::stats().
#pragma once

#include <array>
#include <cstdint>

namespace halfbyte {

// How many durations fell into which bucket. The bounds are Prometheus' kind, the same for every engine, so that histograms of several
// add up; but a count is that of its bucket alone.
struct DurationHistogram {
  // Upper bounds in seconds, each part of its bucket; a last bucket takes what is above.
  static constexpr std::array<double, 19> kBounds{0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1,
                                                  0.25,   0.5,     1,      2.5,   5,      10,    25,   50,    100};
  std::array<uint64_t, kBounds.size() + 1> counts{};
  double sum = 0;  // seconds

  void add(double seconds);
  uint64_t count() const;
};

struct EngineStats {
  // Since the engine was opened.
  uint64_t steps = 0;
  uint64_t tokens = 0;            // computed in them: of prompts, of replies, wrong guesses, and again after a preemption
  uint64_t prompt_tokens = 0;     // of the requests that have started
  uint64_t cached_tokens = 0;     // of those: found in the cache, not computed
  uint64_t generated_tokens = 0;  // of all replies
  uint64_t drafted_tokens = 0;    // guesses that were checked,
  uint64_t accepted_tokens = 0;   // of those: right
  uint64_t preemptions = 0;       // sequences that lost their pages and began again
  uint64_t requests = 0;          // that had their last event,
  uint64_t failed = 0;            // of those: with an error
  uint64_t refused = 0;           // that met a full queue
  // Now.
  int running = 0, waiting = 0;   // sequences
  int pages = 0, free_pages = 0;  // of the cache; free: of the layer group that has the fewest

  DurationHistogram queue;        // from submission to the first step
  DurationHistogram first_token;  // from submission to the first token
  DurationHistogram inter_token;  // from a token of a reply to the next
  DurationHistogram request;      // from submission to the last event
  DurationHistogram step;
};

}  // namespace halfbyte
