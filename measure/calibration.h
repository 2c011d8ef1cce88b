// How fast this machine does what inference asks of it, and how many threads that speaks for.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "halfbyte/result.h"
#include "kernels/isa.h"

namespace halfbyte {

// What a pool of so many threads reaches.
struct PoolSpeed {
  int threads = 1;
  double bytes_per_second = 0;  // reading memory: bounds generation
  double macs_per_second = 0;   // multiply-adds of Q4_K weights with many tokens: bounds prompts
  double barrier_seconds = 0;   // one barrier, all threads arriving together

  bool operator==(const PoolSpeed&) const = default;
};

// One thread, weights in its cache.
struct KernelSpeed {
  std::string format;  // "Q4_K"
  int tokens = 1;      // of a step
  double macs_per_second = 0;

  bool operator==(const KernelSpeed&) const = default;
};

struct Calibration {
  std::optional<double> clock_hz;  // absent where the build does not know how to measure it
  std::vector<PoolSpeed> pools;    // at least one, by ascending threads
  std::vector<KernelSpeed> kernels;

  bool operator==(const Calibration&) const = default;
};

struct CalibrationOptions {
  Isa isa = Isa::kScalar;
  int most_threads = 1;                              // pools of up to so many are tried
  size_t bytes = size_t{512} << 20;                  // read at a time: far more than the caches hold
  std::function<void(std::string_view doing)> tell;  // may be empty
  std::stop_token stop;                              // asked every few milliseconds
};

// About a second on two processors, a few on a hundred. Other programs' work makes the figures lower. kIo: no memory; kBusy: stopped.
Result<Calibration> calibrate(const CalibrationOptions& options);

// The pools tried: all sizes up to 8, then two per doubling, and `most`.
std::vector<int> pool_sizes(int most);

struct ThreadChoice {
  int generation = 1;  // the fewest threads that read at 97 % of the best rate
  int prompt = 1;      // the threads with the most multiply-adds
  // An engine has one pool for both: generation's, where that costs prompts at most 5 %, else that of prompts.
  int pool = 1;

  bool operator==(const ThreadChoice&) const = default;
};
ThreadChoice choose_threads(std::span<const PoolSpeed> pools);  // Requires: at least one, by ascending threads

}  // namespace halfbyte
