// Many clients of one engine at once: what each of them saw, and the figures of all.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "halfbyte/engine.h"
#include "measure/load.h"

namespace halfbyte {

struct ServingOptions {
  int requests = 0;                                    // at most; 0: no limit
  double seconds = 0;                                  // nothing is asked after so many; 0: no limit
  std::optional<int> clients;                          // each asks when its last reply has ended; absent: a request is asked when it is due
  std::function<void(int asked, int ended)> progress;  // a few times a second, where the load is asked
};

// What one client saw of one request. Seconds count from the load's start.
struct ServedRequest {
  double asked = 0;             // when it was due, or a client was free for it
  std::optional<double> first;  // piece of text
  double ended = 0;
  std::vector<double> gaps;  // between a piece of text and the next: a token, seldom more
  Usage usage;
  std::optional<Error> error;  // kBusy: it was refused
};

// Asks and waits until all have ended. Requires: a limit; clients at least 1.
std::vector<ServedRequest> serve(Engine& engine, Load& load, const ServingOptions& options);

struct Spread {
  double p50 = 0, p90 = 0, p99 = 0, greatest = 0;  // milliseconds
};

struct ServingFigures {
  int requests = 0, refused = 0, failed = 0;
  std::optional<Error> first_error;  // other than kBusy
  double seconds = 0;                // from the first request to the end of the last
  uint64_t prompt_tokens = 0, cached_tokens = 0, generated_tokens = 0;
  // Absent: no request has it.
  std::optional<Spread> queue, first_token, inter_token, request;
};

ServingFigures figures(std::span<const ServedRequest> served);

}  // namespace halfbyte
