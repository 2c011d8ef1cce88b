#include "base/percentile.h"

#include <algorithm>
#include <cmath>

namespace halfbyte {

double percentile(std::vector<double> values, double percent) {
  std::ranges::sort(values);
  const double place = static_cast<double>(values.size() - 1) * percent / 100;
  const auto below = static_cast<size_t>(place);
  const size_t above = std::min(below + 1, values.size() - 1);
  return std::lerp(values[below], values[above], place - static_cast<double>(below));
}

}  // namespace halfbyte
