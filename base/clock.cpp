#include "base/clock.h"

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace halfbyte {

std::optional<double> measure_clock([[maybe_unused]] const std::stop_token& stop) {
#if defined(__x86_64__) || defined(__aarch64__)
  constexpr int kRounds = 20, kSteps = 250000, kAdditions = 8;
  uint64_t sum = 0;
  double best = 0;
  for (int round = 0; round < kRounds && !stop.stop_requested(); ++round) {
    const auto start = std::chrono::steady_clock::now();
    for (int i = 0; i < kSteps; ++i) {
#pragma GCC unroll 8
      for (int a = 0; a < kAdditions; ++a)
#if defined(__x86_64__)
        asm volatile("add $3, %0" : "+r"(sum));
#else
        asm volatile("add %0, %0, #3" : "+r"(sum));
#endif
    }
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    best = std::max(best, kSteps * kAdditions / seconds.count());
  }
  return best;
#else
  return std::nullopt;
#endif
}

}  // namespace halfbyte
