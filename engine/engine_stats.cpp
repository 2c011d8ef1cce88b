#include "halfbyte/engine_stats.h"

#include <algorithm>
#include <numeric>

namespace halfbyte {

void DurationHistogram::add(double seconds) {
  ++counts[static_cast<size_t>(std::ranges::lower_bound(kBounds, seconds) - kBounds.begin())];
  sum += seconds;
}

uint64_t DurationHistogram::count() const { return std::accumulate(counts.begin(), counts.end(), uint64_t{0}); }

}  // namespace halfbyte
