// Percentiles of measured values.
#pragma once

#include <vector>

namespace halfbyte {

// Interpolated between the two nearest of the values in order; 50 is the median. Requires: a value; percent from 0 to 100.
double percentile(std::vector<double> values, double percent);

}  // namespace halfbyte
